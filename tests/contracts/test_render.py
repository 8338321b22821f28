"""What is made from a contract for others to read: SQL, OpenAPI, pages, the editors' schema."""

import json
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import openapi_spec_validator
import pytest

from app.contracts.catalogue.page import event_page
from app.contracts.create_table import create_table
from app.contracts.fields import Field
from app.contracts.load import load_contracts
from app.contracts.openapi import openapi
from app.contracts.schema import APP_FILE, FILE, app_file_schema, topic_file_schema
from app.contracts.topic_yaml import read_yaml
from app.contracts.types import TYPES
from app.core.errors import Reason

from . import test_broken_fields, test_broken_files, test_broken_nested
from .everything import contract as everything
from .topic_files import changed, load, write

TOPICS = Path(__file__).parents[2] / "topics"
SHIPPED = load_contracts(TOPICS)
QUOTES = ("about: The number on the label.", 'about: The label\'s "number" | a \\\\ b.')


@pytest.mark.parametrize("event", [*SHIPPED, "everything"])
def test_duckdb_understands_its_table(event: str) -> None:
    table = (everything() if event == "everything" else SHIPPED[event]).table
    with duckdb.connect() as connection:
        connection.execute(f"CREATE SCHEMA {table.name.split('.')[0]}")
        connection.execute(create_table(table, "duckdb"))
        made = connection.execute(
            "SELECT column_name, is_nullable, comment FROM duckdb_columns() "
            "WHERE NOT internal ORDER BY column_index"
        ).fetchall()
    assert made == [(c.name, c.nullable, c.comment) for c in table.columns]


def test_snowflakes_table_has_types_comments_and_order(tmp_path: Path) -> None:
    table = load(tmp_path, changed(QUOTES))["parcel_scanned"].table
    assert create_table(table, "snowflake").splitlines() == [
        'CREATE TABLE IF NOT EXISTS "RAW"."PARCEL_SCANNED" (',
        "  \"DAY\" DATE NOT NULL COMMENT 'Day of scanned_at, UTC time.',",
        '  "SCAN_ID" VARCHAR(36) NOT NULL '
        "COMMENT 'Made by the scanner, and the same on every retry.',",
        '  "SCANNED_AT" TIMESTAMP_TZ NOT NULL '
        "COMMENT 'When the parcel passed, by the scanner''s clock.',",
        "  \"PARCEL_ID\" VARCHAR(20) NOT NULL COMMENT 'The label''s \"number\" | a \\\\\\\\ b.',",
        "  \"WEIGHT_GRAMS\" NUMBER(38,0) COMMENT 'What the scales said, where there are any.',",
        "  \"_TOPIC\" VARCHAR NOT NULL COMMENT 'Kafka topic the row was read from.',",
        "  \"_PARTITION\" NUMBER(38,0) NOT NULL COMMENT 'Partition of that topic.',",
        "  \"_OFFSET\" NUMBER(38,0) NOT NULL COMMENT 'Offset in that partition.',",
        '  "_RECEIVED_AT" TIMESTAMP_TZ NOT NULL '
        "COMMENT 'When the event was received, by the gateway.'",
        ")",
        'CLUSTER BY ("DAY", "PARCEL_ID")',
        "COMMENT = 'A parcel passed a scanner on its way.';",
    ]


def test_openapi_is_valid_and_has_a_path_for_each_event_type() -> None:
    api = openapi(SHIPPED)
    openapi_spec_validator.validate(api)
    assert set(api["paths"]) == {
        "/v1/events",
        "/v1/validate",
        "/v1/validate/{type}",
        "/livez",
        "/readyz",
        "/v1/events/{type}/{key}",
        *(f"/v1/events/{event}" for event in SHIPPED),
    }
    json.dumps(api)


def test_openapi_describes_each_answer_of_the_gateway() -> None:
    api = openapi(SHIPPED)
    validator = jsonschema.Draft202012Validator(api | {"$ref": "#/components/schemas/Results"})
    place = {"topic": "events.order_placed.v1", "partition": 3, "offset": 17}
    bad = {"status": "rejected", "reason": "schema", "message": "…", "field": "x", "kept": True}
    for answer in (
        {"status": "accepted"} | place,
        bad | place,
        {"status": "retry", "message": "…"},
    ):
        validator.validate({"results": [answer]})
    assert not validator.is_valid({"results": [{"status": "lost"}]})
    assert not validator.is_valid({"results": [bad | {"reason": "ugly"}]})
    responses = api["paths"]["/v1/events"]["post"]["responses"]
    expected = {"202", "207", "400", "408", "413", "415", "422", "429", "503"}
    assert set(responses) == expected
    assert set(api["components"]["schemas"]["Rejected"]["properties"]["reason"]["enum"]) == {
        *(str(reason) for reason in Reason),
        "not_allowed",
    }


def test_openapi_asks_for_a_key_below_v1_where_keys_are_in_use() -> None:
    open_to_all, keyed = openapi(SHIPPED), openapi(SHIPPED, keyed=True)
    assert "securitySchemes" not in open_to_all["components"]
    for path, operations in keyed["paths"].items():
        for method in operations.keys() & {"get", "post"}:
            asks = path.startswith("/v1/")
            assert ("security" in operations[method]) == asks
            assert ({"401", "403"} <= set(operations[method]["responses"])) == asks
            assert "security" not in open_to_all["paths"][path][method]


def test_openapi_has_runs_where_a_gateway_takes_them() -> None:
    without, described = openapi(SHIPPED), openapi(SHIPPED, runs=True)
    new = {path for path in described["paths"] if path not in without["paths"]}
    assert new == {"/v1/runs", "/v1/runs/{id}", "/v1/runs/{id}/close", "/v1/runs/{id}/abandon"}
    assert described["paths"]["/v1/runs"].keys() == {"get", "post"}
    changed = {p for p, what in without["paths"].items() if what != described["paths"][p]}
    assert changed == {"/v1/events/ad_revenue_restated"}
    assert described["paths"][changed.pop()]["post"]["parameters"][0]["name"] == "X-Forebay-Run"


def test_a_page_tells_owner_table_fields_and_examples(tmp_path: Path) -> None:
    text = event_page(load(tmp_path, changed(QUOTES))["parcel_scanned"])
    for part in (
        "# parcel_scanned (v1)",
        "logistics, #logistics",
        "`events.parcel_scanned.v1`, 2 partitions, key `parcel_id`",
        "`RAW.PARCEL_SCANNED`, brought up to date every 15m",
        "| `parcel_id` | string, up to 20 characters | as sent | "
        'The label\'s "number" \\| a \\\\ b. |',
        "| `weight_grams` | integer, optional, 1 or more, up to 100000 | as sent |",
        "| `_offset` | NUMBER(38,0) | DECIMAL(38,0) |  | Offset in that partition. |",
        'lands: `{"day": "2026-03-01", "parcel_id": "P1"}`',
        "is rejected: schema, field `weight_grams`",
    ):
        assert part in text


def test_a_page_tells_how_long_rows_are_kept(tmp_path: Path) -> None:
    text = changed(("parcel_id]}\nload", "parcel_id], retention_days: 90}\nload"))
    text = event_page(load(tmp_path, text)["parcel_scanned"])
    assert "every 15m; rows older than 90 days may be deleted" in text


SCHEMA = jsonschema.Draft202012Validator(topic_file_schema())
APP_SCHEMA = jsonschema.Draft202012Validator(app_file_schema())


def test_the_editors_schema_takes_each_shipped_file() -> None:
    jsonschema.Draft202012Validator.check_schema(topic_file_schema())
    jsonschema.Draft202012Validator.check_schema(app_file_schema())
    for path in sorted(TOPICS.glob("*/*.yaml")):
        app = path.name == "_app.yaml"
        mark = f"# yaml-language-server: $schema=../{APP_FILE if app else FILE}\n"
        assert path.read_text("utf-8").startswith(mark)
        (APP_SCHEMA if app else SCHEMA).validate(read_yaml(path))


def test_the_editors_schema_sees_each_problem_that_one_key_has(tmp_path: Path) -> None:
    """Whether the parts fit together only `forebay topics check` can know."""
    unseen = []
    files, fields = test_broken_files.BROKEN, test_broken_fields.CHANGED
    broken = {
        what: (changed((old, new)), told) for what, (old, new, told) in (files | fields).items()
    }
    for what, (options, told) in (test_broken_fields.BROKEN | test_broken_nested.BROKEN).items():
        broken[what] = (test_broken_fields.with_note(options), told)
    for what, (text, message) in broken.items():
        folder = write(tmp_path, {"x.yaml": text})
        if message.startswith(("line ", "default")) or message == "owners.chat: is missing; add it":
            continue  # the app's file may say it
        one_key = any(
            word in message
            for word in ("unknown key", "is missing; add it", "must be '", "must be a whole number")
        )
        if one_key and SCHEMA.is_valid(read_yaml(folder / "x.yaml")):
            unseen.append(what)
    assert unseen == []


def test_the_committed_schemas_are_up_to_date() -> None:
    for name, schema in ((FILE, topic_file_schema()), (APP_FILE, app_file_schema())):
        committed: dict[str, Any] = json.loads((TOPICS / name).read_text("utf-8"))
        assert committed == schema, "run `forebay topics schema --write`"


def test_each_type_is_told_everywhere() -> None:
    listed = {
        model.model_fields["type"].annotation.__args__[0] for model in Field.__origin__.__args__
    }
    assert set(TYPES) == listed
