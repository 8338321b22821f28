"""What does not fit together in the fields of one contract."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal

from pydantic import ValidationError
from pydantic_core import SchemaError, SchemaValidator, core_schema

from app.contracts.fields import (
    MAX_DEPTH,
    MAX_INDEX,
    DecimalField,
    Field,
    IntegerField,
    ListField,
    NumberField,
    ObjectField,
    StringField,
    TimestampField,
    Way,
)
from app.contracts.paths import Fields, dotted
from app.contracts.rejections import Rejections
from app.contracts.types import core_of
from app.core.errors import RejectedError
from app.core.pii import HASHABLE
from app.core.transforms import zone

Found = Iterator[tuple[str, str]]  # (path in the file, what)


def problems_of_fields(fields: Mapping[str, Field]) -> Found:
    """Find what is wrong with each field, whatever it holds, and with their paths."""
    for name, field in fields.items():
        where = f"fields.{name}"
        if name == "day":
            yield where, "«day» is the table's own column; choose another name"
        yield from _named(where, field)
        yield from _field(where, field)
    yield from _paths(fields)


def _field(where: str, field: Field, depth: int = 1) -> Found:
    """What is wrong with a field or an item, and with what it holds."""
    if field.pii is None and field.type in ("string", "json"):
        yield f"{where}.pii", f"is missing; a {field.type} needs keep, hash or drop"
    if field.pii == "hash" and field.type not in HASHABLE:
        article = "an" if field.type == "object" else "a"
        yield f"{where}.pii", f"{article} {field.type} can not be hashed; keep or drop it"
    bounds = list(_bounds(field))
    yield from ((f"{where}.{key}", what) for key, what in bounds)
    if isinstance(field, ListField | ObjectField) and depth >= MAX_DEPTH:
        yield where, f"is {depth} levels deep; make what is in it a json field"
    elif isinstance(field, ListField):
        yield from _item(f"{where}.items", field.items)
        yield from _field(f"{where}.items", field.items, depth + 1)
    elif isinstance(field, ObjectField):
        for name, inner in field.fields.items():
            if inner.path is not None:
                yield f"{where}.fields.{name}.path", "only a field at the top is lifted; remove it"
            yield from _named(f"{where}.fields.{name}", inner)
            yield from _field(f"{where}.fields.{name}", inner, depth + 1)
    if field.default is not None and not bounds:
        yield from _default(where, field)


def _named(where: str, field: Field) -> Found:
    """What is wrong with a field that is no item."""
    if not field.about:
        yield f"{where}.about", "is missing; add it"
    if field.default is not None and field.optional:
        yield f"{where}.optional", "what has a default is never null; remove one of them"


def _item(where: str, item: Field) -> Found:
    for key, what in (
        ("optional", "an item is there or not; remove it"),
        ("default", "an item is there or not; remove it"),
        ("path", "only a field at the top is lifted; remove it"),
        ("deprecated", "deprecate the list; remove it"),
    ):
        if key in item.model_fields_set:
            yield f"{where}.{key}", what
    if item.pii == "drop":
        yield f"{where}.pii", "an item can not be dropped; drop the list"


def _default(where: str, field: Field) -> Found:
    """Judge the default as if it had been sent."""
    asked = field.model_copy(update={"default": None, "optional": False})
    rejections = Rejections({"default": "default"}, {"default": asked})
    member = core_schema.typed_dict_field(core_of(field))
    raw = json.dumps({"default": field.default}).encode()
    try:
        validator = SchemaValidator(core_schema.typed_dict_schema({"default": member}))
        rejections.find_nul(validator.validate_json(raw))
    except (ValidationError, RejectedError) as error:
        if isinstance(error, ValidationError):
            error = rejections.first(error, raw)
        place = error.verdict.field or "default"
        yield f"{where}.{place}", error.verdict.message.removeprefix(f"{place} ")


def _bounds(field: Field) -> Found:
    """What is wrong with the field's own options; its values can not be judged then."""
    if isinstance(field, IntegerField | NumberField | DecimalField):
        low, high = field.minimum, field.maximum
        if low is not None and high is not None and low > high:
            yield "minimum", f"{low} is more than maximum {high}; no value would fit"
    if isinstance(field, DecimalField) and field.scale > field.precision:
        yield "scale", f"{field.scale} is more than precision {field.precision}"
    elif isinstance(field, DecimalField):
        yield from _digits(field)
    if isinstance(field, ListField):
        yield from _order("items", field.min_items, field.max_items)
    if isinstance(field, TimestampField):
        yield from _clock(field)
    if isinstance(field, StringField):
        yield from _order("length", field.min_length, field.max_length)
        yield from _text_bounds(field)


def _digits(field: DecimalField) -> Found:
    limit = Decimal(10) ** (field.precision - field.scale)
    for key, bound in (("minimum", field.minimum), ("maximum", field.maximum)):
        if bound is not None and not -limit < bound < limit:
            digits = field.precision - field.scale
            yield key, f"has more than the {digits} digits before the point that a value may have"


def _order(what: str, low: int | None, high: int | None) -> Found:
    if low is not None and high is not None and low > high:
        yield f"min_{what}", f"{low} is more than max_{what} {high}; no value would fit"


def _clock(field: TimestampField) -> Found:
    if field.timezone is None:
        return
    if field.epoch is not None:
        yield "timezone", f"{field.epoch} since 1970 are the same everywhere; remove it"
    try:
        zone(field.timezone)
    except ValueError as error:
        yield "timezone", error.args[1]


def _text_bounds(field: StringField) -> Found:
    if field.pattern is not None:
        try:
            SchemaValidator(core_schema.str_schema(pattern=field.pattern))
        except SchemaError:
            yield "pattern", "no regular expression that Rust's regex understands"
            return
    if field.one_of is None:
        return
    bounds = ("pattern", "format", "min_length", "max_length")
    if told := [key for key in bounds if getattr(field, key) is not None]:
        yield "one_of", f"says it all; remove {' and '.join(told)}"
    if len(set(field.one_of)) < len(field.one_of):
        yield "one_of", "names a value twice"


def _paths(fields: Fields) -> Found:
    ways: dict[str, Way] = {}
    for name, field in fields.items():
        way = field.way(name)
        where = f"fields.{name}" if field.path is None else f"fields.{name}.path"
        if "" in way:
            yield where, "has an empty key; write the keys with one point between them"
            continue
        if isinstance(way[0], int):
            yield where, "begins with a number; an event is an object, so begin with a key"
            continue
        if any(isinstance(step, int) and step > MAX_INDEX for step in way):
            yield where, f"goes too far into a list; the last index is {MAX_INDEX}"
            continue
        for other, taken in ways.items():
            if (what := _clash(way, taken)) is not None:
                yield where, what.format(other=other)
                break
        else:
            ways[name] = way


def _clash(way: Way, taken: Way) -> str | None:
    """Why two fields can not be lifted from these places of one event, or None."""
    for depth, (step, other) in enumerate(zip(way, taken, strict=False)):
        if step == other:
            continue
        if isinstance(step, int) == isinstance(other, int):
            return None
        kinds = ("a list", "an object") if isinstance(step, int) else ("an object", "a list")
        inside = dotted(way[:depth])
        return f"takes {inside} for {kinds[0]}, but fields.{{other}} takes it for {kinds[1]}"
    if way == taken:
        return "is where fields.{other} is lifted from already; lift it once"
    if len(way) < len(taken):
        return "holds what fields.{other} is lifted from; lift the parts or the whole"
    return "is inside of what fields.{other} takes whole; lift the parts or the whole"
