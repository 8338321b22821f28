"""What holds for each transform, whatever the row: shown on options of each, and on any values."""

import json
from copy import deepcopy
from typing import Any, NamedTuple, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app.core.errors import Reason, RejectedError
from app.core.transforms import Columns, Landing, Transform

from .values import fits, rows

parse = TypeAdapter[Any](Transform).validate_json
COLUMNS: Columns = {
    "text": Landing("string", False, "A text of any length."),
    "short": Landing("string", True, "A text of at most eight.", "hash", 8),
    "tiny": Landing("string", True, "A text of at most two.", max_length=2),
    "note": Landing("string", True, "A text that may be missing."),
    "secret": Landing("string", True, "A text that never lands.", "drop"),
    "whole": Landing("integer", True, "A number that may be missing."),
    "count": Landing("integer", False, "A number that is there."),
    "real": Landing("number", True, "A number with a fraction."),
    "money": Landing("decimal", True, "An exact number.", precision=38, scale=9),
    "truth": Landing("boolean", True, "A yes or a no."),
    "id": Landing("uuid", True, "The name of a thing."),
    "at": Landing("timestamp", False, "A moment of some kind."),
    "left_at": Landing("timestamp", True, "A moment that may be missing."),
    "on": Landing("date", True, "A day that may be missing."),
    "tree": Landing("json", True, "Anything at all."),
}
ABOUT = "What it is made of."


class Case(NamedTuple):
    """Options of a transform, what it reads, and values that it is looking for."""

    options: dict[str, Any]
    reads: tuple[str, ...]
    hints: tuple[Any, ...] = ()

    @property
    def to(self) -> str:
        return str(self.options.get("to") or self.options["field"])


CASES = [
    Case({"do": "trim", "field": "short"}, ("short",), (" a ", "\u2003b")),
    Case({"do": "lower", "field": "short"}, ("short",), ("İİİİİİİ",)),
    Case({"do": "upper", "field": "short"}, ("short",), ("ßßßßßßß", "ﬃ")),
    Case({"do": "truncate", "field": "short", "length": 3}, ("short",), ("👩‍👩‍👧",)),
    Case({"do": "truncate", "field": "text", "length": 3}, ("text",)),
    Case(
        {"do": "join", "fields": ["short", "tiny"], "separator": " · ", "to": "new"},
        ("short", "tiny"),
    ),
    Case(
        {"do": "join", "fields": ["short", "whole", "id", "on"], "to": "new"},
        ("short", "whole", "id", "on"),
    ),
    Case({"do": "join", "fields": ["text", "secret"], "to": "new"}, ("text", "secret")),
    Case({"do": "constant", "to": "new", "value": 1.5}, ()),
    Case({"do": "rename", "field": "tree", "to": "new"}, ("tree",)),
    Case({"do": "coalesce", "fields": ["short", "tiny"], "to": "new"}, ("short", "tiny")),
    Case({"do": "coalesce", "fields": ["note", "text"], "to": "new"}, ("note", "text")),
    Case({"do": "coalesce", "fields": ["whole", "count"], "to": "new"}, ("whole", "count")),
    Case({"do": "map", "field": "short", "values": {"a": 1, "b": 2}}, ("short",), ("a", "b")),
    Case(
        {"do": "map", "field": "text", "to": "new", "values": {"a": "x"}, "default": None},
        ("text",),
        ("a",),
    ),
    Case(
        {"do": "map", "field": "whole", "to": "new", "values": {"-1": 0.5}, "default": 1.0},
        ("whole",),
        (-1,),
    ),
    Case(
        {"do": "map", "field": "truth", "to": "new", "values": {"true": "yes", "false": "no"}},
        ("truth",),
    ),
    Case(
        {"do": "when", "if": {"field": "whole", "at_least": 0}, "to": "new", "value": "more"},
        ("whole",),
    ),
    Case(
        {"do": "when", "if": {"not": {"field": "note", "matches": "a"}}, "to": "new",
         "value": True, "otherwise": False},
        ("note",),
    ),
    Case({"do": "date_part", "field": "left_at", "part": "weekday", "to": "new"}, ("left_at",)),
]  # fmt: skip
NO_ABOUT = ("trim", "lower", "upper", "truncate", "rename")
# Null in gives null out, except where to say something about null is the purpose.
OF_NULL = ("constant", "coalesce", "when")


def transform_of(case: Case) -> Any:
    about = {} if case.options["do"] in NO_ABOUT else {"about": ABOUT}
    return parse(json.dumps(case.options | about))


def rows_of(case: Case) -> st.SearchStrategy[dict[str, Any]]:
    return rows(COLUMNS, dict.fromkeys(case.reads, case.hints))


each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.options["do"])
some = settings(max_examples=60, deadline=None)


def test_no_transform_is_forgotten_here() -> None:
    shown = {case.options["do"] for case in CASES}
    assert shown == {get_args(one.model_fields["do"].annotation)[0] for one in classes()}


def classes() -> tuple[Any, ...]:
    return get_args(get_args(Transform)[0])


@each
@some
@given(st.data())
def test_what_lands_fits_its_column_or_the_event_is_rejected(case: Case, data: Any) -> None:
    row = data.draw(rows_of(case))
    transform = transform_of(case)
    columns = transform.columns(COLUMNS)
    before = deepcopy(row)
    try:
        transform.step(COLUMNS)(row)
    except RejectedError as error:
        assert_is_safe_to_tell(error, case, before)
        return
    assert set(row) == set(columns)
    assert [name for name, value in row.items() if not fits(value, columns[name])] == []
    touched = {name for name in COLUMNS if name not in row or row[name] != before[name]}
    assert touched <= {case.options.get("field")}


def assert_is_safe_to_tell(error: RejectedError, case: Case, row: dict[str, Any]) -> None:
    verdict = error.verdict
    assert verdict.reason is Reason.TRANSFORM
    assert verdict.field in case.reads
    told = [str(row[name]) for name in case.reads]
    assert not any(value in verdict.message for value in told if len(value) > 5)


@each
@some
@given(st.data())
def test_the_same_row_comes_out_the_same(case: Case, data: Any) -> None:
    row = data.draw(rows_of(case))
    assert outcome(case, deepcopy(row)) == outcome(case, row)


def outcome(case: Case, row: dict[str, Any]) -> Any:
    try:
        transform_of(case).step(COLUMNS)(row)
    except RejectedError as error:
        return error.verdict
    return row


@each
def test_null_in_gives_null_out(case: Case) -> None:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    transform_of(case).step(COLUMNS)(row)
    if case.options["do"] not in OF_NULL:
        assert row[case.to] is None


@each
def test_what_is_made_of_personal_data_is_as_personal(case: Case) -> None:
    columns = transform_of(case).columns(COLUMNS)
    order = ("keep", "hash", "drop")
    strongest = max((COLUMNS[name].pii for name in case.reads), key=order.index, default="keep")
    expected = "keep" if case.options["do"] in FREE else strongest
    assert columns[case.to].pii == expected


FREE = ("date_part", "when")


@each
def test_a_column_that_is_added_says_what_it_is(case: Case) -> None:
    for name, column in transform_of(case).columns(COLUMNS).items():
        if name not in COLUMNS and case.options["do"] != "rename":
            assert column.about == ABOUT


def test_each_transform_starts_with_one_good_sentence() -> None:
    for one in classes():
        first = (one.__doc__ or "").splitlines()[0]
        assert first.endswith(".")
        assert 20 < len(first) < 100
