"""Where the fields of a contract are in the event as sent: a tree of its containers."""

from collections.abc import Mapping
from typing import TypeAlias

from app.contracts.fields import Field, ListField, ObjectField, Way

Fields: TypeAlias = Mapping[str, Field]
Tree: TypeAlias = dict[str | int, "Tree | str"]
"""A container by key, or by index if it is a list; a leaf is the name of the field."""


def tree_of(fields: Fields) -> Tree:
    """Lay out where the fields are lifted from; `check` saw that no path leads over another."""
    root: Tree = {}
    for name, field in fields.items():
        *containers, last = field.way(name)
        here = root
        for step in containers:
            inner = here.setdefault(step, {})
            assert isinstance(inner, dict), f"{name} leads through a value"
            here = inner
        here[last] = name
    return root


def is_list(tree: Tree) -> bool:
    """Whether the container is a list, looked at by index."""
    return isinstance(next(iter(tree)), int)


def is_flat(tree: Tree) -> bool:
    """Whether each field is at the top, under its own name."""
    return all(step == leaf for step, leaf in tree.items())


def dotted(way: Way) -> str:
    """Write a path as people do."""
    return ".".join(map(str, way))


def first_required(tree: Tree, fields: Fields, above: Way = ()) -> Way | None:
    """Find the first value that an event must have, or None."""
    for step, inner in tree.items():
        way = (*above, step)
        if isinstance(inner, str):
            if fields[inner].required:
                return way
        elif (found := first_required(inner, fields, way)) is not None:
            return found
    return None


def field_at(tree: Tree, fields: Fields, way: Way) -> Field | None:
    """Find the field that is at, or around, a place of the event; None: no field takes it."""
    here: Tree | str = tree
    for depth, step in enumerate(way):
        if isinstance(here, str):
            return _inside(fields[here], way[depth:])
        if step not in here:
            return None
        here = here[step]
    return fields[here] if isinstance(here, str) else None


def _inside(field: Field, way: Way) -> Field | None:
    if not way:
        return field
    if isinstance(field, ListField):
        return _inside(field.items, way[1:])
    if isinstance(field, ObjectField):
        inner = field.fields.get(str(way[0]))
        return None if inner is None else _inside(inner, way[1:])
    return field
