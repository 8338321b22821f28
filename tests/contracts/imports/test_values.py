"""What a JSON Schema of one value becomes."""

from pathlib import Path
from typing import Any

import pytest

from .schemas import TEXT, WHOLE, Schema, of


@pytest.mark.parametrize(
    ("schema", "options"),
    [
        (
            {"type": "string", "minLength": 1, "maxLength": 9},
            TEXT | {"min_length": 1, "max_length": 9},
        ),
        ({"type": "string", "pattern": "^a+$"}, TEXT | {"pattern": "^a+$"}),
        ({"type": "string", "pattern": "(?=a)"}, TEXT),
        ({"type": "string", "format": "email"}, TEXT | {"format": "email"}),
        ({"type": "string", "format": "uri"}, TEXT | {"format": "url"}),
        ({"type": "string", "format": "ipv6"}, TEXT | {"format": "ip"}),
        ({"type": "string", "format": "hostname"}, TEXT),
        ({"type": "string", "format": "date"}, {"type": "date"}),
        ({"enum": ["a", "b"]}, {"type": "string", "one_of": ["a", "b"], "pii": "keep"}),
        ({"const": "a"}, {"type": "string", "one_of": ["a"], "pii": "keep"}),
        ({"enum": [3, 1]}, {"type": "integer", "minimum": 1, "maximum": 3}),
        ({"enum": ["a", 1]}, WHOLE),
        ({"type": "integer", "allOf": [{"minimum": 0.5}]}, {"type": "integer", "minimum": 1}),
        ({"oneOf": [{"enum": []}, {"type": "boolean"}]}, {"type": "boolean"}),
        ({"enum": [True]}, {"type": "boolean"}),
        (
            {"enum": ["a", None]},
            {"type": "string", "one_of": ["a"], "pii": "keep", "optional": True},
        ),
        (
            {"type": "integer", "exclusiveMinimum": 0, "maximum": 9.5},
            {"type": "integer", "minimum": 1, "maximum": 9},
        ),
        ({"type": "number", "exclusiveMaximum": 1}, {"type": "number", "maximum": 1}),
        ({"type": "boolean"}, {"type": "boolean"}),
        ({"type": ["integer", "number"]}, {"type": "number"}),
        ({"type": ["integer", "string"]}, WHOLE),
        ({"type": "integer", "nullable": True}, {"type": "integer", "optional": True}),
        ({"type": "null"}, WHOLE | {"optional": True}),
        ({}, WHOLE | {"optional": True}),
        (True, WHOLE | {"optional": True}),
        ({"minimum": 3}, {"type": "number", "minimum": 3}),
        (
            {"type": "array", "items": {"type": "integer"}},
            {"type": "list", "items": {"type": "integer"}},
        ),
        ({"type": "array", "items": {"type": ["integer", "null"]}}, WHOLE),
        ({"type": "array"}, WHOLE),
        ({"type": "array", "prefixItems": [{"type": "integer"}]}, WHOLE),
        ({"type": "array", "items": [{"type": "integer"}]}, WHOLE),
        ({"type": "object"}, WHOLE),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, WHOLE),
        (
            {"oneOf": [{"type": "integer", "maximum": 3}, {"type": "null"}]},
            {"type": "integer", "maximum": 3, "optional": True},
        ),
        (
            {"anyOf": [{"type": "integer", "maximum": 3}, {"type": "integer", "maximum": 5}]},
            {"type": "integer", "maximum": 5},
        ),
        ({"anyOf": [{"type": "integer", "maximum": 3}, {"type": "integer"}]}, {"type": "integer"}),
        (
            {"anyOf": [{"const": "a"}, {"enum": ["b", "a"]}]},
            {"type": "string", "one_of": ["a", "b"], "pii": "keep"},
        ),
        ({"anyOf": [{"const": "a"}, {"type": "string"}]}, TEXT),
        ({"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, WHOLE),
        ({"anyOf": [{"type": "integer"}, False]}, {"type": "integer"}),
        (
            {"type": "integer", "allOf": [{"minimum": 1}, {"minimum": 3, "maximum": 9}]},
            {"type": "integer", "minimum": 3, "maximum": 9},
        ),
        ({"allOf": [{"type": "integer"}, {"type": "string"}]}, WHOLE),
        ({"allOf": [{"type": "string"}, {"format": "date-time"}]}, {"type": "timestamp"}),
    ],
    ids=str,
)
def test_a_schema_of_one_value(tmp_path: Path, schema: Schema | bool, options: Any) -> None:
    assert of(tmp_path, schema) == options


def test_a_bound_may_be_excluded_as_draft_04_says_it(tmp_path: Path) -> None:
    schema = {"type": "integer", "minimum": 0, "exclusiveMinimum": True}
    draft = "http://json-schema.org/draft-04/schema#"
    assert of(tmp_path, schema, **{"$schema": draft}) == {"type": "integer", "minimum": 1}
