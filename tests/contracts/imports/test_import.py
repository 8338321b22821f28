"""`forebay topics import`: what a JSON Schema says, in the words of a topic file."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.commands.topics import topics
from app.contracts.imports.contents import contents
from app.contracts.imports.read import read_schema
from app.contracts.load import load_contracts
from app.contracts.writing import topic_text
from app.core.errors import Fatal

from .schemas import OPEN, TEXT, WHOLE, of, said

ORDER = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A customer confirmed an order. It is binding.",
    "type": "object",
    "additionalProperties": False,
    "required": ["event_id", "occurred_at", "customer_id", "lines"],
    "properties": {
        "event_id": {"type": "string", "format": "uuid"},
        "occurred_at": {"type": "string", "format": "date-time"},
        "customer_id": {"$ref": "#/$defs/id"},
        "lines": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/line"}},
        "coupon": {"type": ["string", "null"], "maxLength": 20},
    },
    "$defs": {
        "id": {"type": "integer", "minimum": 1, "description": "Who ordered, by number."},
        "line": {
            "type": "object",
            "required": ["sku"],
            "properties": {"sku": {"type": "string"}, "count": {"type": "integer", "default": 1}},
        },
    },
}


def run(folder: Path, *arguments: Any) -> Result:
    return CliRunner().invoke(topics, list(map(str, arguments)), env={"TOPICS_DIR": str(folder)})


def test_a_property_that_must_not_be_there_is_no_field(tmp_path: Path) -> None:
    schema = {"properties": {"x": False, "y": {"type": "integer"}}}
    assert list(said(tmp_path, schema)["fields"]) == ["y"]


def test_bounds_are_taken_as_far_as_a_topic_file_has_them(tmp_path: Path) -> None:
    huge = 10**12
    text = {"type": "string", "minLength": 2.0, "maxLength": huge}
    many = {"type": "array", "items": {"type": "integer"}, "minItems": 3.0, "maxItems": huge}
    fields = said(tmp_path, {"properties": {"text": text, "many": many}})["fields"]
    assert fields["text"]["min_length"] == 2
    assert fields["many"]["min_items"] == 3
    assert "max_length" not in fields["text"]
    assert "max_items" not in fields["many"]


def test_a_pattern_that_python_does_not_know_is_taken(tmp_path: Path) -> None:
    letters = {"type": "string", "pattern": r"^\p{L}+$"}
    fields = said(tmp_path, {"properties": {"name": letters}, "required": ["name"]})["fields"]
    assert fields["name"]["pattern"] == letters["pattern"]


def test_objects_of_which_one_holds_are_merged(tmp_path: Path) -> None:
    mail = {
        "properties": {
            "kind": {"const": "mail"},
            "to": {"type": "string"},
            "n": {"type": "integer"},
        },
        "required": ["kind", "to", "n"],
        "additionalProperties": False,
    }
    push = {
        "properties": {
            "kind": {"const": "push"},
            "device": {"type": "integer"},
            "n": {"type": "string"},
        },
        "required": ["kind", "n"],
        "additionalProperties": False,
    }
    assert of(tmp_path, {"oneOf": [mail, push]}) == {
        "type": "object",
        "fields": {
            "kind": {"type": "string", "one_of": ["mail", "push"], "pii": "keep", "about": OPEN},
            "to": TEXT | {"optional": True, "about": OPEN},
            "n": WHOLE | {"about": OPEN},
            "device": {"type": "integer", "optional": True, "about": OPEN},
        },
    }


def test_what_holds_together_has_all_fields_and_all_that_is_required(tmp_path: Path) -> None:
    base = {"properties": {"id": {"type": "integer"}, "at": {"type": "string"}}, "required": ["id"]}
    more = {"properties": {"at": {"type": "string", "format": "date-time"}}, "required": ["at"]}
    schema = {"$ref": "#/definitions/base", "definitions": {"base": base}, "allOf": [more]}
    fields = said(tmp_path, schema)["fields"]
    assert fields == {
        "id": {"type": "integer", "about": OPEN},
        "at": {"type": "timestamp", "about": OPEN},
    }


def test_what_holds_itself_again_is_kept_whole(tmp_path: Path) -> None:
    node = {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "next": {"$ref": "#/$defs/n"}},
    }
    schema = {"properties": {"first": {"$ref": "#/$defs/n"}}, "$defs": {"n": node}}
    fields = said(tmp_path, schema)["fields"]["first"]["fields"]
    assert fields["next"]["type"] == "json"


def test_what_lies_too_deep_is_kept_whole(tmp_path: Path) -> None:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(5):
        schema = {"type": "object", "properties": {"x": schema}}
    fields = said(tmp_path, schema, levels=2)["fields"]
    assert fields["x"]["fields"]["x"]["fields"]["x"]["type"] == "json"


def test_names_become_names_of_columns_with_a_path(tmp_path: Path) -> None:
    schema = {"properties": {"customerId": {"type": "integer"}, "a.b": {"type": "integer"}}}
    fields = said(tmp_path, schema)["fields"]
    assert {name: field["path"] for name, field in fields.items()} == {
        "customer_id": "customerId",
        "a_b": ["a.b"],
    }


def test_a_description_says_what_a_field_is_about(tmp_path: Path) -> None:
    long = "When it was. " + "Very long ago. " * 20
    properties = {"x": {"type": "integer", "description": long}, "y": {"title": "short"}}
    fields = said(tmp_path, {"properties": properties})["fields"]
    assert fields["x"]["about"] == "When it was."
    assert fields["y"]["about"] == OPEN


def test_what_a_topic_file_can_not_say_is_told_in_a_comment(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    properties = {"x": {"type": "string", "pattern": "(?=a)", "not": {}}, "y": {"type": "array"}}
    file.write_text(json.dumps({"properties": properties}), "utf-8")
    text = topic_text(contents(read_schema(file), "ordered"))
    assert "# the schema's pattern is none that can be used here; not of the schema is" in text
    assert "# a list of anything\n" in text


def test_a_default_lands_where_a_value_is_absent(tmp_path: Path) -> None:
    schema = {"properties": {"x": {"type": "integer", "default": 3}, "y": {"default": 3}}}
    fields = said(tmp_path, schema)["fields"]
    assert fields["x"] == {"type": "integer", "default": 3, "about": OPEN}
    assert "default" not in fields["y"]
    assert "default" not in of(tmp_path, {"type": "integer", "default": 3})


def test_a_schema_may_refer_to_a_file_beside_it_and_to_none_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "line.json").write_text(json.dumps({"$defs": {"id": {"type": "integer"}}}), "utf-8")
    for ref in ("line.json#/$defs/id", "file://line.json#/$defs/id"):
        assert of(tmp_path, {"$ref": ref}) == {"type": "integer"}
    for ref in ("https://schemas.example/order.json", "#/$defs/none"):
        with pytest.raises(Fatal) as raised:
            of(tmp_path, {"$ref": ref})
        told = f"nothing is at the $ref {ref.strip('#')}; it may lead to a place in the file"
        assert told in str(raised.value)


def test_a_schema_in_the_schema_refers_to_what_is_within_itself(tmp_path: Path) -> None:
    inner = {
        "$id": "https://schemas.example/inner.json",
        "type": "object",
        "properties": {"n": {"$ref": "#/$defs/n"}, "m": {"$ref": "#anchored"}},
        "$defs": {"n": {"type": "integer"}, "m": {"$anchor": "anchored", "type": "boolean"}},
    }
    fields = of(tmp_path, inner, **{"$id": "https://schemas.example/outer.json"})["fields"]
    assert {name: field["type"] for name, field in fields.items()} == {
        "n": "integer",
        "m": "boolean",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "can not be read as JSON: EOF while parsing"),
        ('{"properties": []}', "is no JSON Schema: $.properties: [] is not of type 'object'"),
        ('{"properties": {"a": {"type": "intger"}}}', "is no JSON Schema: $.properties.a.type: "),
        ("[]", "holds no JSON Schema, which is a JSON object"),
        ("{}", "the schema names no fields; an event is one JSON object with fields of its own"),
        ('{"type": "array", "items": {"type": "integer"}}', "the schema describes list; an event"),
        ('{"type": "string"}', "the schema describes string; an event is one JSON object"),
    ],
)
def test_what_describes_no_event_is_said(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "schema.json").write_text(text, "utf-8")
    with pytest.raises(Fatal) as raised:
        read_schema(tmp_path / "schema.json")
    assert message in str(raised.value)


def test_a_file_whose_decisions_are_made_is_right(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text(json.dumps(ORDER), "utf-8")
    folder = tmp_path / "topics"
    out = folder / "shop" / "ordered.yaml"
    arguments = (
        "import",
        "--json-schema",
        tmp_path / "order.json",
        "--event",
        "ordered",
        "--app",
        "shop",
        "--out",
        out,
    )
    result = run(folder, *arguments)
    assert result.exit_code == 0, result.output
    assert f"Decide what says TODO in {out} (" in result.stderr
    problems = json.loads(run(folder, "check", "--json").output)["problems"]
    assert problems
    assert all(problem.endswith("write what it shall be instead of TODO") for problem in problems)
    text = out.read_text("utf-8").replace("pii: TODO", "pii: keep").replace("team: TODO", "team: x")
    text = text.replace("chat: TODO", "chat: x").replace("about: TODO", "about: It is known.")
    out.write_text(text, "utf-8")
    assert run(folder, "check").output == "All is good. Topics: 1, examples: 2.\n"
    contract = load_contracts(folder)["ordered"]
    assert (contract.kafka.key, contract.dedupe.by) == ("customer_id", ("event_id",))
    assert contract.day.source == "occurred_at"
    assert contract.summary == "A customer confirmed an order."


def test_in_json_the_open_decisions_are_listed(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text(json.dumps(ORDER), "utf-8")
    result = run(
        tmp_path, "import", "--json-schema", tmp_path / "order.json", "--event", "ordered", "--json"
    )
    report = json.loads(result.stdout)
    assert report["file"] is None
    assert "\nevent: ordered\n" in report["text"]
    assert {"app", "owners.team", "fields.coupon.pii"} <= set(report["todo"])
