"""Every field of a contract, nested ones too, and its values in an event as it was sent."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from app.contracts.fields import Field, ListField, ObjectField, Way
from app.contracts.paths import Fields

Place: TypeAlias = tuple[str | int | None, ...]
"""A path in the event as sent; None stands for each item of a list."""


def places(fields: Fields) -> Iterator[tuple[Place, Field]]:
    """All fields with their places, one that holds others before them."""
    for name, field in fields.items():
        yield from _in_field(field.way(name), field)


def _in_field(place: Place, field: Field) -> Iterator[tuple[Place, Field]]:
    yield place, field
    if isinstance(field, ListField):
        yield from _in_field((*place, None), field.items)
    elif isinstance(field, ObjectField):
        for name, inner in field.fields.items():
            yield from _in_field((*place, name), inner)


def values_at(value: Any, place: Place, above: Way = ()) -> Iterator[tuple[Way, Any]]:
    """The values at a place of parsed JSON, each with its path; nothing where there is none."""
    if not place:
        yield above, value
        return
    step, *rest = place
    if step is None:
        items = enumerate(value) if isinstance(value, list) else ()
        for index, item in items:
            yield from values_at(item, tuple(rest), (*above, index))
    elif isinstance(step, int):
        if isinstance(value, list) and step < len(value):
            yield from values_at(value[step], tuple(rest), (*above, step))
    elif isinstance(value, dict) and step in value:
        yield from values_at(value[step], tuple(rest), (*above, step))


def named(place: Place) -> str:
    """The dotted name of a place, without indexes of items."""
    return ".".join(str(step) for step in place if step is not None)
