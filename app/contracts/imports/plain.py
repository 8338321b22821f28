"""JSON Schemas of single values: text, numbers, true and false, and lists of values."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from app.contracts.fields import MAX_TEXT
from app.contracts.imports.shapes import NOTHING, NULL, Shape, either, whole
from app.contracts.infer.forms import takes
from app.core.values import MAX_INTEGER

Schema = Mapping[str, Any]
TYPE_OF_FORMAT = {"date-time": "timestamp", "date": "date", "uuid": "uuid"}
FORMATS = {"email": "email", "idn-email": "email", "uri": "url", "iri": "url"} | {
    "ipv4": "ip", "ipv6": "ip"
}  # fmt: skip
MEANT = {
    "object": {"properties", "required", "additionalProperties", "patternProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"},
    "string": {"pattern", "minLength", "maxLength", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
}
"""The words that speak of one type, for schemas that name none."""


def of_values(values: list[Any]) -> Shape:
    """What `enum` and `const` allow."""
    kinds = {type(value) for value in values}
    if not kinds:
        return NOTHING
    if kinds == {str}:
        return Shape("string", options={"one_of": list(dict.fromkeys(values))})
    if kinds == {type(None)}:
        return NULL
    if type(None) in kinds:
        return either([NULL, of_values([value for value in values if value is not None])])
    if kinds == {bool}:
        return Shape("boolean")
    if kinds <= {int, float}:
        kind = "integer" if kinds == {int} else "number"
        note = "only some of them in the schema" if len(values) > 2 else ""
        bounds = {"minimum": min(values), "maximum": max(values)}
        return Shape(kind, options=bounds, notes=(note,) if note else ())
    return whole("values of several kinds")


def _string(schema: Schema) -> Shape:
    form = schema.get("format")
    if form in TYPE_OF_FORMAT:
        return Shape(TYPE_OF_FORMAT[form])
    options: dict[str, Any] = {}
    notes: list[str] = []
    if form in FORMATS:
        options["format"] = FORMATS[form]
    elif form:
        notes.append(f"format {form} of the schema is not looked at")
    options |= bounds(schema, "Length", "length", MAX_TEXT)
    if "pattern" in schema:
        try:
            takes({"type": "string", "pii": "keep", "pattern": schema["pattern"]})
            options["pattern"] = schema["pattern"]
        except ValueError:
            notes.append("the schema's pattern is none that can be used here")
    return Shape("string", options=options, notes=tuple(notes))


def bounds(schema: Schema, words: str, options: str, limit: int) -> dict[str, int]:
    """Read `minLength` and the like, as far as a topic file can say them; 5.0 is whole too."""
    low, high = (schema.get(f"{end}{words}") for end in ("min", "max"))
    found = {f"min_{options}": int(min(low, limit))} if low else {}
    return found | ({f"max_{options}": int(high)} if high and high <= limit else {})


def _integer(schema: Schema) -> Shape:
    options: dict[str, Any] = {}
    if (low := _bound(schema, "minimum", "exclusiveMinimum")) is not None:
        bound, exclusive = low
        options["minimum"] = math.floor(bound) + 1 if exclusive else math.ceil(bound)
    if (high := _bound(schema, "maximum", "exclusiveMaximum")) is not None:
        bound, exclusive = high
        options["maximum"] = math.ceil(bound) - 1 if exclusive else math.floor(bound)
    return Shape("integer", options={k: v for k, v in options.items() if abs(v) <= MAX_INTEGER})


def _number(schema: Schema) -> Shape:
    options: dict[str, Any] = {}
    notes = []
    for name, word in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if (found := _bound(schema, name, word)) is not None:
            options[name], exclusive = found
            if exclusive:
                notes.append(f"{options[name]} itself is not allowed in the schema")
    return Shape("number", options=options, notes=tuple(notes))


def _bound(schema: Schema, inclusive: str, exclusive: str) -> tuple[float, bool] | None:
    """A bound, and whether it is no value itself. Before draft-06 that was said with true."""
    told = schema.get(exclusive)
    if isinstance(told, int | float) and not isinstance(told, bool):
        return told, True
    if inclusive in schema:
        return schema[inclusive], told is True
    return None


PLAIN: dict[str, Callable[[Schema], Shape]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": lambda schema: Shape("boolean"),
}
