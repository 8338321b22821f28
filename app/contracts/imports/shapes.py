"""What a JSON Schema allows, in the words of a topic file; and what two of them allow together."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value may be.

    * `type`      a contract type; or `any`: nothing is said; `null`: only null; `never`: nothing
    * `options`   the type's own, such as max_length
    * `fields`    of an object; `closed`: it may have no others
    * `notes`     what of the schema a topic file can not say, for whoever edits the file
    """

    type: str = "any"
    nullable: bool = False
    options: Options = field(default_factory=dict)
    fields: Mapping[str, "Member"] = field(default_factory=dict)
    closed: bool = False
    items: "Shape | None" = None
    about: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A field of an object."""

    shape: Shape
    required: bool


ANYTHING = Shape(nullable=True)
NOTHING = Shape("never")
NULL = Shape("null", nullable=True)


def whole(why: str, *, nullable: bool = False, about: str = "") -> Shape:
    """JSON that is kept whole, and why no more is said of it."""
    return Shape("json", nullable, about=about, notes=(why,))


def both(one: Shape, other: Shape) -> Shape:
    """What two schemas allow that hold at the same time (allOf, a $ref and what is beside it)."""
    return replace(
        _both(one, other),
        nullable=one.nullable and other.nullable,
        about=other.about or one.about,
        notes=_distinct(one.notes + other.notes),
    )


def _both(one: Shape, other: Shape) -> Shape:
    for first, second in ((one, other), (other, one)):
        if first.type == "any":
            return second
        if first.type == "never" or (first.type == "null" and second.nullable):
            return first
        if (first.type, second.type) in NARROWER:
            bounds = _whole_bounds(first.options) if second.type == "integer" else {}
            return replace(second, options=_narrowed(bounds, second.options))
    if one.type != other.type:
        return whole("two schemas that contradict each other")
    return replace(
        other,
        options=_narrowed(one.options, other.options),
        fields=_joined(one.fields, other.fields),
        closed=one.closed and other.closed,
        items=both(one.items, other.items) if one.items and other.items else None,
    )


NARROWER = {("number", "integer")} | {
    ("string", narrow) for narrow in ("uuid", "timestamp", "date")
}


def either(shapes: Iterable[Shape]) -> Shape:
    """What one of several schemas allows (oneOf, anyOf, several types)."""
    every = [shape for shape in shapes if shape.type != "never"]
    nullable = any(shape.nullable for shape in every)
    valued = [shape for shape in every if shape.type != "null"]
    if not valued:
        return NULL if every else NOTHING
    return replace(reduce(_or, valued), nullable=nullable)


def _or(one: Shape, other: Shape) -> Shape:
    about = one.about or other.about
    if one == other:
        return one
    if "any" in (one.type, other.type):
        return replace(ANYTHING, about=about)
    if one.type != other.type:
        if {one.type, other.type} == {"integer", "number"}:
            return Shape("number", options=_widened(one.options, other.options), about=about)
        names = " or ".join(sorted({one.type, other.type}))
        notes = one.notes + other.notes if "json" in (one.type, other.type) else (names,)
        return Shape("json", about=about, notes=_distinct(notes))
    items = either([one.items, other.items]) if one.items and other.items else None
    if one.type == "list" and (items is None or items.nullable or items.type == "any"):
        return whole("lists of different kinds", about=about)
    return Shape(
        one.type,
        options=_widened(one.options, other.options),
        fields=_either_fields(one, other),
        closed=one.closed and other.closed,
        items=items,
        about=about,
        notes=_distinct(one.notes + other.notes),
    )


def _either_fields(one: Shape, other: Shape) -> Mapping[str, Member]:
    """Fields of one of two objects: those that both have stay required, the others are not."""
    fields: dict[str, Member] = {}
    for name in dict.fromkeys((*one.fields, *other.fields)):
        members = [shape.fields[name] for shape in (one, other) if name in shape.fields]
        required = len(members) == 2 and all(member.required for member in members)
        fields[name] = Member(either(member.shape for member in members), required)
    return fields


def _joined(one: Mapping[str, Member], other: Mapping[str, Member]) -> Mapping[str, Member]:
    """Fields of an object for which two schemas hold."""
    fields = dict(one)
    for name, member in other.items():
        known = fields.get(name)
        if known is not None:
            shape = both(known.shape, member.shape)
            member = Member(shape, known.required or member.required)
        fields[name] = member
    return fields


def _narrowed(one: Options, other: Options) -> Options:
    merged = {**one, **other}
    for name, narrow in NARROW.items():
        if name in one and name in other:
            merged[name] = narrow(one[name], other[name])
    return merged


def _whole_bounds(options: Options) -> Options:
    """The bounds of a number, for a whole number."""
    rounded = {"minimum": math.ceil, "maximum": math.floor}
    return {name: rounded[name](bound) for name, bound in options.items() if name in rounded}


def _widened(one: Options, other: Options) -> Options:
    """Options that both have, as wide as the wider one."""
    merged = {}
    for name in one:
        if name in other:
            if name in WIDE:
                merged[name] = WIDE[name](one[name], other[name])
            elif one[name] == other[name]:
                merged[name] = one[name]
    return merged


def _common(one: list[str], other: list[str]) -> list[str]:
    return [value for value in one if value in other] or one


def _all(one: list[str], other: list[str]) -> list[str]:
    return list(dict.fromkeys((*one, *other)))


NARROW: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("minimum", "min_length", "min_items"), max),
    **dict.fromkeys(("maximum", "max_length", "max_items"), min),
    "one_of": _common,
}
WIDE: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("minimum", "min_length", "min_items"), min),
    **dict.fromkeys(("maximum", "max_length", "max_items"), max),
    "one_of": _all,
}


def _distinct(notes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(notes))
