"""What a value is in JSON Schema (2020-12), without its description."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.core.values import MAX_INTEGER

Json = dict[str, Any]


def text(spec: Any) -> Json:
    schema: Json = {"type": "string"}
    if spec.one_of is not None:
        return schema | {"enum": list(spec.one_of)}
    if spec.max_length is not None:
        schema["maxLength"] = spec.max_length
    if spec.pattern is not None:
        schema["pattern"] = spec.pattern
    return schema


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
