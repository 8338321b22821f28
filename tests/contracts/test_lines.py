"""What lands: one JSON line per event, exact in every type, and a key that tells events apart."""

import json
from datetime import UTC, date, datetime
from tempfile import NamedTemporaryFile
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contracts.types import sql_type
from app.core.judge import Accepted, judge

from .everything import contract, events, kind, moments, sent

DAY = date(2026, 3, 1)
MORE = settings(max_examples=300, deadline=None)


def line_of(event: dict[str, Any]) -> dict[str, Any]:
    parse, transform, line = kind().parse, kind().transform, kind().line
    return json.loads(line(transform(parse(sent(event))), DAY), parse_float=float)


@MORE
@given(events)
def test_a_line_says_what_the_event_said(event: dict[str, Any]) -> None:
    landed = line_of(event)
    assert list(landed) == [c.name for c in contract().table.columns if c.name[0] != "_"]
    expected = {name: event.get(name) for name in contract().fields} | {
        "day": "2026-03-01",
        "scan_id": event["scan_id"].lower(),
    }
    for name in ("scanned_at", "at", "maybe_at"):
        if expected[name] is not None:
            moment = datetime.fromisoformat(expected[name]).astimezone(UTC)
            expected[name] = f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
    assert landed == expected


@MORE
@given(events)
def test_a_line_is_one_line(event: dict[str, Any]) -> None:
    parse, transform, line = kind().parse, kind().transform, kind().line
    assert b"\n" not in line(transform(parse(sent(event))), DAY)


@MORE
@given(events, moments.map(datetime.fromisoformat))
def test_a_verdict_is_the_same_each_time(event: dict[str, Any], received_at: datetime) -> None:
    raw = sent(event)
    first, second = judge(kind(), raw, received_at), judge(kind(), raw, received_at)
    assert first == second
    if isinstance(first, Accepted) and isinstance(second, Accepted):
        assert kind().line(first.row, first.day) == kind().line(second.row, second.day)
        assert kind().dedupe_key(first.row) == kind().dedupe_key(second.row)


@settings(max_examples=40, deadline=None)
@given(st.lists(events, min_size=1, max_size=20))
def test_duckdb_holds_exactly_what_a_line_says(many: list[dict[str, Any]]) -> None:
    columns = [c for c in contract().table.columns if c.name[0] != "_"]
    types = {c.name: sql_type(c, "duckdb") for c in columns}
    for row, event in zip(read_by_duckdb(many, types), many, strict=True):
        line = line_of(event)
        for column, value in zip(columns, row, strict=True):
            assert as_json(column.type, value) == line[column.name], column.name


def read_by_duckdb(many: list[dict[str, Any]], types: dict[str, str]) -> list[tuple[Any, ...]]:
    with NamedTemporaryFile(suffix=".ndjson") as file, duckdb.connect() as connection:
        for event in many:
            file.write(kind().line(kind().transform(kind().parse(sent(event))), DAY) + b"\n")
        file.flush()
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(
            "FROM read_json($file, format = 'newline_delimited', columns = $types)",
            {"file": file.name, "types": types},
        ).fetchall()


def as_json(kind: str, value: Any) -> Any:
    """A value from DuckDB as the line writes it."""
    if value is None:
        return None
    match kind:
        case "timestamp":
            return f"{value.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
        case "integer":
            return int(value)
        case "decimal":
            return format(value, "f")
        case "json" | "list" | "object":
            return json.loads(value)
        case "uuid" | "date":
            return str(value)
    return value
