"""What a value is in JSON Schema (2020-12), without its description."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.contracts.formats import FORMATS
from app.contracts.validators import decimal_pattern
from app.core.values import LOCAL_PATTERN, MAX_INTEGER

Json = dict[str, Any]


OTHER_SPELLING: dict[str, Json] = {
    "string": {"type": "integer"},
    "integer": {"type": "string"},  # JSON Schema has 12.0 for an integer anyway
    "number": {"type": "string"},
    "decimal": {"type": "number"},
    "boolean": {"enum": [0, 1, "true", "false", "True", "False"]},
    "timestamp": {"type": "string"},
    "date": {"type": "string"},
}
"""What a lenient field takes besides; not all of it."""


def text(spec: Any) -> Json:
    schema: Json = {"type": "string"}
    if spec.one_of is not None:
        return schema | {"enum": list(spec.one_of)}
    bounds = {"minLength": spec.min_length, "maxLength": spec.max_length, "pattern": spec.pattern}
    schema |= {key: bound for key, bound in bounds.items() if bound is not None}
    if spec.format is None:
        return schema
    form = FORMATS[spec.format].schema
    return {"allOf": [schema, form]} if form.keys() & schema.keys() else schema | form


def decimal(spec: Any) -> Json:
    """Bounds hold for integers; of text JSON Schema can not tell how much it is."""
    bounds = {"minimum": spec.minimum, "maximum": spec.maximum}
    told = {name: float(bound) for name, bound in bounds.items() if bound is not None}
    return {"type": ["string", "integer"], "pattern": decimal_pattern(spec)} | told


def moment(spec: Any) -> Json:
    if spec.epoch is not None:
        return {"type": "number"}
    if spec.timezone is not None:
        return {"type": "string", "pattern": LOCAL_PATTERN}
    return {"type": "string", "format": "date-time"}


def bounded(kind: str) -> Callable[[Any], Json]:
    def schema(spec: Any) -> Json:
        bounds = {"minimum": spec.minimum, "maximum": spec.maximum}
        told = {
            name: bound
            for name, bound in bounds.items()
            if bound is not None and abs(bound) != MAX_INTEGER
        }
        return {"type": kind} | told

    return schema


def fixed(value: Json) -> Callable[[Any], Json]:
    return lambda spec: dict(value)


def object_of(properties: Mapping[str, Json], required: Sequence[str], *, closed: bool) -> Json:
    """Describe an object that has these properties and, unless `closed`, any others."""
    schema: Json = {"type": "object", "properties": dict(properties), "required": list(required)}
    return schema | {"additionalProperties": False} if closed else schema
