"""A condition is a yes or a no about any row, or says what in it can not be asked."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.core.transforms import Columns, Landing
from app.core.transforms.conditions import Condition, compiled

COLUMNS: Columns = {
    "name": Landing("string", True, "A name of some kind.", max_length=8),
    "count": Landing("integer", True, "A number of things."),
    "ratio": Landing("number", True, "A part of a whole."),
    "price": Landing("decimal", True, "What it costs.", precision=38, scale=4),
    "paid": Landing("boolean", True, "Whether it is paid."),
    "id": Landing("uuid", True, "The name of the thing."),
    "at": Landing("timestamp", True, "When it happened."),
    "on": Landing("date", True, "The day it happened."),
    "tree": Landing("json", True, "Anything at all."),
}
NOTHING: dict[str, Any] = dict.fromkeys(COLUMNS)
ROW: dict[str, Any] = {
    "name": "Ada",
    "count": 3,
    "ratio": 0.5,
    "price": Decimal("12.5000"),
    "paid": True,
    "id": "6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10",
    "at": datetime(2026, 3, 1, 23, 10, tzinfo=UTC),
    "on": date(2026, 3, 1),
    "tree": {"a": 1},
}


adapter = TypeAdapter[Any](Condition)


def parse(condition: Any) -> Any:
    """As a topic file is read: by way of JSON."""
    return adapter.validate_json(json.dumps(condition))


def holds(condition: dict[str, Any], row: dict[str, Any] = ROW) -> bool:
    return compiled(parse(condition), COLUMNS)(row)


TRUE = [
    {"field": "name", "is": "Ada"},
    {"field": "count", "is": 3},
    {"field": "ratio", "is": 0.5},
    {"field": "price", "is": "12.5"},
    {"field": "paid", "is": True},
    {"field": "id", "is": "6F1C1C5E-3A57-4D0A-9A5E-0D7A3C1F9B10"},
    {"field": "at", "is": "2026-03-02T00:10:00+01:00"},
    {"field": "on", "is": "2026-03-01"},
    {"field": "name", "in": ["Eva", "Ada"]},
    {"field": "price", "in": [1, "12.50"]},
    {"field": "name", "missing": False},
    {"field": "tree", "missing": False},
    {"field": "count", "at_least": 3},
    {"field": "ratio", "at_least": 0},
    {"field": "price", "at_least": "12.4999"},
    {"field": "at", "at_least": "2026-03-01T23:10:00Z"},
    {"field": "on", "at_least": "2026-02-28"},
    {"field": "count", "at_most": 3},
    {"field": "on", "at_most": "2026-03-01"},
    {"field": "name", "matches": "^A"},
    {"field": "name", "matches": "d"},
    {"field": "name", "matches": "."},
    {"all": [{"field": "count", "is": 3}, {"field": "name", "is": "Ada"}]},
    {"any": [{"field": "count", "is": 4}, {"field": "name", "is": "Ada"}]},
    {"not": {"field": "count", "is": 4}},
]
FALSE = [
    {"field": "name", "is": "ada"},
    {"field": "price", "is": "12.51"},
    {"field": "paid", "is": False},
    {"field": "name", "in": ["Eva"]},
    {"field": "name", "missing": True},
    {"field": "count", "at_least": 4},
    {"field": "count", "at_most": 2},
    {"field": "name", "matches": "^d"},
    {"all": [{"field": "count", "is": 3}, {"field": "name", "is": "Eva"}]},
    {"any": [{"field": "count", "is": 4}, {"field": "name", "is": "Eva"}]},
    {"not": {"field": "count", "is": 3}},
]


@pytest.mark.parametrize("condition", TRUE)
def test_a_condition_holds(condition: dict[str, Any]) -> None:
    assert holds(condition)


@pytest.mark.parametrize("condition", FALSE)
def test_a_condition_does_not_hold(condition: dict[str, Any]) -> None:
    assert not holds(condition)


@pytest.mark.parametrize(
    "condition", [one for one in [*TRUE, *FALSE] if "field" in one and "missing" not in one]
)
def test_a_missing_value_fits_no_comparison(condition: dict[str, Any]) -> None:
    assert not holds(condition, NOTHING)
    assert holds({"not": condition}, NOTHING)


def test_what_is_missing_can_be_asked_of_every_type() -> None:
    for name in COLUMNS:
        assert holds({"field": name, "missing": True}, NOTHING)
        assert not holds({"field": name, "missing": True})


@given(st.text(), st.text(max_size=8))
def test_a_text_is_equal_to_itself_only(text: str, wanted: str) -> None:
    assert holds({"field": "name", "is": wanted}, ROW | {"name": text}) is (text == wanted)


@given(st.text())
def test_any_text_can_be_matched(text: str) -> None:
    assert holds({"field": "name", "matches": "(a|a)*b$"}, ROW | {"name": text}) in (True, False)


@given(st.integers(), st.integers())
def test_one_of_two_numbers_is_at_least_the_other(one: int, other: int) -> None:
    row = ROW | {"count": one}
    at_least, at_most = (holds({"field": "count", key: other}, row) for key in KEYS)
    assert (at_least, at_most) == (one >= other, one <= other)


KEYS = ("at_least", "at_most")


@pytest.mark.parametrize(
    ("condition", "key", "what"),
    [
        (
            {"field": "nam", "is": "x"},
            "if.field",
            f"there is no «nam» at this step; there is {', '.join(COLUMNS)}",
        ),
        ({"field": "name", "is": 1}, "if.is", "must be text: «name» is string"),
        (
            {"field": "name", "is": "much too long"},
            "if.is",
            "«name» has at most 8 characters, so never this value",
        ),
        ({"field": "count", "is": True}, "if.is", "must be a whole number: «count» is integer"),
        ({"field": "count", "is": 1.5}, "if.is", "must be a whole number: «count» is integer"),
        ({"field": "ratio", "is": "1"}, "if.is", "must be a number: «ratio» is number"),
        (
            {"field": "price", "is": 12.5},
            "if.is",
            'must be a whole number or a decimal in quotes, such as "12.50": «price» is decimal',
        ),
        ({"field": "paid", "is": 1}, "if.is", "must be true or false: «paid» is boolean"),
        (
            {"field": "id", "is": "x"},
            "if.is",
            "must be a UUID, 8-4-4-4-12 hexadecimal digits: «id» is uuid",
        ),
        (
            {"field": "at", "at_least": "2026-03-01T00:00:00"},
            "if.at_least",
            "must be a timestamp with a UTC offset, such as 2026-03-01T23:59:58Z: "
            "«at» is timestamp",
        ),
        (
            {"field": "on", "at_most": "2026-02-30"},
            "if.at_most",
            "must be a day such as 2026-03-01: «on» is date",
        ),
        ({"field": "name", "in": ["x", 1]}, "if.in.1", "must be text: «name» is string"),
        (
            {"field": "tree", "is": "x"},
            "if.field",
            "«tree» is json; of that only «missing» can be asked",
        ),
        (
            {"field": "name", "at_least": "x"},
            "if.field",
            "«name» is string; it must be integer or number or decimal or timestamp or date",
        ),
        ({"field": "count", "matches": "x"}, "if.field", "«count» is integer; it must be string"),
        (
            {"field": "name", "matches": "(?=x)"},
            "if.matches",
            "no regular expression that Rust's regex understands",
        ),
        (
            {"all": [{"field": "name", "is": "x"}, {"any": [{"not": {"field": "x", "is": 1}}]}]},
            "if.all.1.any.0.not.field",
            f"there is no «x» at this step; there is {', '.join(COLUMNS)}",
        ),
    ],
)
def test_what_can_not_be_asked_is_said(condition: dict[str, Any], key: str, what: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        holds(condition)
    assert caught.value.args == (key, what)


@pytest.mark.parametrize(
    "condition",
    [{}, {"field": "name"}, {"field": "name", "is": "x", "in": ["x"]}, {"equals": 1}, "name", []],
)
def test_what_is_no_condition_is_told_what_one_looks_like(condition: Any) -> None:
    with pytest.raises(ValidationError, match=r"must be a condition: \{field: \.\., and one of"):
        parse(condition)


def test_a_value_to_compare_with_is_a_single_one() -> None:
    for value in ([1], {"a": 1}, None, float("inf")):
        with pytest.raises(ValidationError, match="must be text, a number, true or false"):
            parse({"field": "name", "is": value})
