"""Each transform changes one thing, says which columns it leaves behind, and fails as a verdict."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app.core.errors import Reason, Rejected, RejectedError
from app.core.transforms import Columns, Landing, Transform

COLUMNS: Columns = {
    "name": Landing("string", False, "A name of at most four characters.", "hash", 4),
    "note": Landing("string", True, "A text that may be missing."),
    "count": Landing("integer", True, "A number that may be missing."),
    "at": Landing("timestamp", False, "A moment of some kind."),
    "left_at": Landing("timestamp", True, "A moment that may be missing."),
}
AT = datetime(2026, 3, 1, 23, 10, tzinfo=UTC)
ROW = {"name": " Abé", "note": None, "count": 3, "at": AT, "left_at": None}
parse = TypeAdapter[Any](Transform).validate_python


def run(options: dict[str, Any], **changes: Any) -> tuple[Columns, dict[str, Any]]:
    transform = parse(options)
    row = ROW | changes
    transform.step(COLUMNS)(row)
    return transform.columns(COLUMNS), row


def changed(options: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Only what is another value, or is new."""
    _, row = run(options, **changes)
    before = ROW | changes
    return {name: value for name, value in row.items() if before.get(name, "new") != value}


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({"do": "trim", "field": "name"}, {"name": "Abé"}),
        ({"do": "lower", "field": "name"}, {"name": " abé"}),
        ({"do": "upper", "field": "name"}, {"name": " ABÉ"}),
        ({"do": "trim", "field": "note"}, {}),
        ({"do": "constant", "to": "app", "value": "x", "about": "Where it is from."}, {"app": "x"}),
        ({"do": "rename", "field": "count", "to": "number"}, {"number": 3}),
        ({"do": "date_part", "field": "at", "part": "hour", "to": "hour"}, {"hour": 23}),
        ({"do": "date_part", "field": "at", "part": "year", "to": "year"}, {"year": 2026}),
        ({"do": "date_part", "field": "at", "part": "weekday", "to": "weekday"}, {"weekday": 7}),
        (
            {"do": "date_part", "field": "at", "part": "weekday", "to": "weekday",
             "timezone": "Asia/Kathmandu"},
            {"weekday": 1},
        ),
        (
            {"do": "date_part", "field": "at", "part": "minute", "to": "minute",
             "timezone": "Asia/Kathmandu"},
            {"minute": 55},
        ),
        ({"do": "date_part", "field": "left_at", "part": "day", "to": "month_day"},
         {"month_day": None}),
    ],
)  # fmt: skip
def test_a_transform_changes_one_thing(options: dict[str, Any], changes: dict[str, Any]) -> None:
    assert changed(options) == changes


@pytest.mark.parametrize(
    "options",
    [
        {"do": "trim", "field": "name"},
        {"do": "constant", "to": "app", "value": True, "about": "Where it is from."},
        {"do": "rename", "field": "count", "to": "number"},
        {"do": "date_part", "field": "left_at", "part": "month", "to": "month"},
    ],
)
def test_the_declared_columns_are_the_columns_of_the_row(options: dict[str, Any]) -> None:
    columns, row = run(options)
    assert set(columns) == set(row)


def test_a_new_column_has_the_type_of_what_it_holds() -> None:
    for value, kind in (("x", "string"), (7, "integer"), (False, "boolean")):
        constant = {"do": "constant", "to": "new", "value": value, "about": "A fixed value."}
        columns, _ = run(constant)
        assert columns["new"] == Landing(kind, False, "A fixed value.")
    columns, _ = run({"do": "date_part", "field": "left_at", "part": "hour", "to": "hour"})
    assert columns["hour"] == Landing("integer", True, "The hour of left_at, UTC time.")


def test_a_renamed_column_keeps_its_place_and_its_pii_decision() -> None:
    columns, _ = run({"do": "rename", "field": "name", "to": "label"})
    assert list(columns) == ["label", *list(COLUMNS)[1:]]
    assert columns["label"] == COLUMNS["name"]


ABOUT = {"to": "new", "about": "What it is made of."}


@pytest.mark.parametrize(
    ("options", "nullable"),
    [
        ({"do": "coalesce", "fields": ["note", "name"], **ABOUT}, False),
        ({"do": "join", "fields": ["note", "name"], **ABOUT}, True),
        ({"do": "map", "field": "name", "values": {"a": 1}, **ABOUT}, False),
        ({"do": "map", "field": "name", "values": {"a": 1}, "default": 2, **ABOUT}, False),
        ({"do": "map", "field": "name", "values": {"a": 1}, "default": None, **ABOUT}, True),
        ({"do": "when", "if": {"field": "note", "is": "a"}, "value": 1, **ABOUT}, True),
        (
            {"do": "when", "if": {"field": "note", "is": "a"}, "value": 1, "otherwise": 0, **ABOUT},
            False,
        ),
        ({"do": "parse_number", "field": "note", "as": "integer", **ABOUT}, True),
        ({"do": "split", "field": "note", "separator": ",", **ABOUT}, True),
        ({"do": "truncate_ip", "field": "name", **ABOUT}, False),
        ({"do": "hash", "field": "name", **ABOUT}, False),
    ],
)
def test_a_column_may_be_null_only_where_it_must(options: dict[str, Any], nullable: bool) -> None:
    transform = TypeAdapter[Any](Transform).validate_json(json.dumps(options))
    assert transform.columns(COLUMNS)["new"].nullable is nullable


@pytest.mark.parametrize(
    ("options", "width"),
    [
        ({"do": "truncate", "field": "name", "length": 3}, 3),
        ({"do": "truncate", "field": "name", "length": 9}, 4),
        ({"do": "truncate", "field": "note", "length": 9}, 9),
        ({"do": "join", "fields": ["name", "count"], "separator": ", ", "to": "new",
          "about": "Name and count."}, 4 + 2 + 39),
        ({"do": "join", "fields": ["name", "note"], "to": "new", "about": "Both texts."}, None),
        ({"do": "coalesce", "fields": ["name", "note"], "to": "new", "about": "Some text."}, None),
    ],
)  # fmt: skip
def test_a_column_is_as_wide_as_what_it_may_hold(
    options: dict[str, Any], width: int | None
) -> None:
    transform = TypeAdapter[Any](Transform).validate_json(json.dumps(options))
    assert transform.columns(COLUMNS)[options.get("to", options.get("field"))].max_length == width


def test_a_text_that_grows_too_long_is_a_verdict() -> None:
    assert changed({"do": "upper", "field": "name"}, name="aßa") == {"name": "ASSA"}
    with pytest.raises(RejectedError) as caught:
        run({"do": "upper", "field": "name"}, name="aßaa")
    assert caught.value.verdict == Rejected(
        Reason.TRANSFORM, "name has more than 4 characters after a transform", "name"
    )


@given(st.text(max_size=4), st.sampled_from(["trim", "lower", "upper"]))
def test_text_transforms_are_done_once_for_all(text: str, do: str) -> None:
    transform = parse({"do": do, "field": "note"})
    row: dict[str, Any] = {"note": text}
    transform.step(COLUMNS)(row)
    once = row["note"]
    transform.step(COLUMNS)(row)
    assert row["note"] == once


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"do": "trim", "field": "count"}, "field"),
        ({"do": "lower", "field": "nothing"}, "field"),
        ({"do": "rename", "field": "name", "to": "note"}, "to"),
        ({"do": "date_part", "field": "name", "part": "hour", "to": "hour"}, "field"),
        ({"do": "date_part", "field": "at", "part": "hour", "to": "at"}, "to"),
        ({"do": "date_part", "field": "at", "part": "hour", "to": "h", "timezone": ".."},
         "timezone"),
        ({"do": "constant", "to": "new", "value": "\0", "about": "A fixed value."}, "value"),
    ],
)  # fmt: skip
def test_a_transform_that_does_not_fit_says_which_option(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse(options).columns(COLUMNS)
    assert caught.value.args[0] == key
