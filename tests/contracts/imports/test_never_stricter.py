"""Whatever a JSON Schema allows, the contract imported from it accepts."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from app.contracts.drafts import filled, try_out
from app.contracts.imports.contents import contents
from app.contracts.imports.read import read_schema
from tests.contracts.everything import texts

# A whole number is written without a point, and bounds of many digits are not the point here.
leaves = st.none() | st.booleans() | st.integers(-99, 99) | st.sampled_from([0.5, -7.25]) | texts
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c.d", "é"]), inner, max_size=3)
    ),
    max_leaves=8,
)
Draw = Any


@st.composite
def allowing(draw: Draw, value: Any, deep: int = 0) -> Any:
    """A schema that allows the value, and often others."""
    ways = ["anything", "typed", "typed", "enum"] + ["any_of", "all_of", "one_of"] * (deep < 2)
    match draw(st.sampled_from(ways)):
        case "anything":
            return draw(st.sampled_from([{}, True]))
        case "enum":
            return {"enum": draw(st.permutations([value, *draw(st.lists(leaves, max_size=2))]))}
        case "any_of":
            return {
                "anyOf": draw(st.permutations([draw(allowing(value, deep + 1)), draw(other())]))
            }
        case "one_of":
            return {"oneOf": [draw(other()), draw(allowing(value, deep + 1))]}
        case "all_of":
            return {"allOf": [draw(allowing(value, deep + 1)) for _ in range(2)]}
    return draw(typed(value, deep))


@st.composite
def other(draw: Draw) -> Any:
    return draw(allowing(draw(values), 2))


@st.composite
def typed(draw: Draw, value: Any, deep: int) -> Any:
    """A schema that names the value's type, maybe with bounds around it."""
    bound = draw(st.booleans())
    match value:
        case None:
            return {"type": draw(st.sampled_from(["null", ["null", "integer"]]))}
        case bool():
            return {"type": "boolean"}
        case int() | float():
            kind = draw(
                st.sampled_from(["number", "integer"] if isinstance(value, int) else ["number"])
            )
            bounds = {"minimum": value, "exclusiveMaximum": value + 1} if bound else {}
            return {"type": kind, **bounds}
        case str():
            bounds = {"minLength": len(value), "maxLength": len(value) + 1} if bound else {}
            return {"type": draw(st.sampled_from(["string", ["string", "null"]])), **bounds}
        case list():
            items = {"anyOf": [draw(allowing(item, deep + 1)) for item in value]} if value else {}
            return {"type": "array", "items": items} | ({"minItems": len(value)} if bound else {})
    assert isinstance(value, dict)
    named = {key: draw(allowing(inner, deep + 1)) for key, inner in value.items() if key != "é"}
    required = draw(st.lists(st.sampled_from(sorted(value)), unique=True)) if value else []
    closed = {"additionalProperties": False} if bound and named.keys() == value.keys() else {}
    return {"type": "object", "properties": named, "required": required, **closed}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("schemas")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data(), value=values)
def test_what_a_schema_allows_is_accepted(folder: Path, data: st.DataObject, value: Any) -> None:
    schema = {
        "type": "object",
        "required": ["id", "occurred_at"],
        "properties": {
            "id": {"type": "integer"},
            "occurred_at": {"type": "string", "format": "date-time"},
            "value": data.draw(allowing(value)),
        },
    }
    event = {"id": 1, "occurred_at": "2026-03-01T12:00:00Z", "value": value}
    assume(Draft202012Validator(schema).is_valid(event))  # oneOf allows no two
    (folder / "schema.json").write_text(json.dumps(schema), "utf-8")
    contract = filled(contents(read_schema(folder / "schema.json"), "imported"))
    trial = try_out(contract, [(1, json.dumps(event).encode())])
    assert trial.accepted == 1, trial.first
