"""What holds for each transform, whatever the row: shown on options of each, and on any values."""

import json
from copy import deepcopy
from datetime import UTC, datetime
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
REST: dict[str, Any] = dict.fromkeys(COLUMNS) | {
    "text": "",
    "count": 0,
    "at": datetime(2026, 3, 1, tzinfo=UTC),
}  # where a case does not read it


class Case(NamedTuple):
    """Options of a transform, what it reads, and values that it is looking for."""

    options: dict[str, Any]
    reads: tuple[str, ...]
    hints: tuple[Any, ...] = ()

    @property
    def changed(self) -> list[str]:
        """The columns that it makes, or changes in place."""
        parts = self.options.get("parts", [])
        found = [self.options["prefix"] + part for part in parts]
        return found or [str(self.options.get("to") or self.options["field"])]


CASES = [
    Case({"do": "trim", "field": "short"}, ("short",), (" a ", "\u2003b")),
    Case({"do": "lower", "field": "short"}, ("short",), ("İİİİİİİ",)),
    Case({"do": "upper", "field": "short"}, ("short",), ("ßßßßßßß", "ﬃ")),
    Case({"do": "truncate", "field": "short", "length": 3}, ("short",), ("👩‍👩‍👧",)),
    Case({"do": "truncate", "field": "text", "length": 3}, ("text",)),
    Case({"do": "truncate", "field": "tiny", "length": 3}, ("tiny",)),
    Case(
        {"do": "join", "fields": ["short", "tiny"], "separator": " · ", "to": "new"},
        ("short", "tiny"),
    ),
    Case(
        {"do": "join", "fields": ["short", "whole", "id", "on"], "to": "new"},
        ("short", "whole", "id", "on"),
    ),
    Case({"do": "join", "fields": ["text", "secret"], "to": "new"}, ("text", "secret")),
    Case({"do": "split", "field": "note", "separator": ", ", "to": "new"}, ("note",), ("a, b, ",)),
    Case({"do": "split", "field": "secret", "separator": "a", "to": "new"}, ("secret",), ("aba",)),
    Case({"do": "constant", "to": "new", "value": 1.5}, ()),
    Case({"do": "rename", "field": "tree", "to": "new"}, ("tree",)),
    Case({"do": "coalesce", "fields": ["tiny", "short"], "to": "new"}, ("tiny", "short")),
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
    Case(
        {"do": "parse_timestamp", "field": "note", "to": "new", "format": "iso"},
        ("note",),
        ("2026-03-01T23:59:58Z", "1599-12-31T23:59:59-12:00", "2026-03-01 23:59+0145", "now"),
    ),
    Case(
        {"do": "parse_timestamp", "field": "note", "to": "new", "format": "iso",
         "timezone": "Europe/Berlin"},
        ("note",),
        ("2026-03-29 02:30:00", "9998-12-31T23:59:59", "2026-10-25T02:30:00.123456789"),
    ),
    Case(
        {"do": "parse_timestamp", "field": "note", "to": "new", "format": "%d/%b/%Y:%H:%M:%S %z"},
        ("note",),
        ("01/Mar/2026:12:00:00 +0100", "01/Mar/0001:00:00:00 +2359", "31/Feb/2026:00:00:00 Z"),
    ),
    Case(
        {"do": "parse_timestamp", "field": "secret", "to": "new", "format": "%Y-%j %S",
         "timezone": "UTC"},
        ("secret",),
        ("2025-366 1", "9999-366 1", "2025-1 61", "٢٠٢٥-1 1", "2025-1" + " " * 90 + "1"),
    ),
    Case(
        {"do": "parse_number", "field": "note", "to": "new", "as": "integer"},
        ("note",),
        ("12", "-0", "+7", "9" * 38, "9" * 39, "٣", "1_0", "1e3", "", "12\n"),
    ),
    Case(
        {"do": "parse_number", "field": "note", "to": "new", "as": "number"},
        ("note",),
        ("12.5", "-1e3", "1e999", "1e-999", "nan", "inf", "9" * 400, "-0.0", ".5"),
    ),
    Case(
        {"do": "parse_number", "field": "note", "to": "new", "as": "decimal", "scale": 2},
        ("note",),
        ("12.5", "-0.00", "9" * 36 + ".99", "9" * 37, "0.001", "1e3"),
    ),
    Case(
        {"do": "parse_number", "field": "note", "to": "new", "as": "decimal", "precision": 3,
         "scale": 3},
        ("note",),
        ("0.999", "1.0", "-0.5"),
    ),
    Case(
        {"do": "minor_units", "field": "whole", "currency": "note", "to": "new"},
        ("whole", "note"),
        (1250, 10**34, -(10**38) + 1, "EUR", "JPY", "KWD", "CLF", "XAU", "HRK", "eur"),
    ),
    Case(
        {"do": "minor_units", "field": "count", "currency": {"code": "JPY"}, "to": "new"},
        ("count",),
        (10**34, 10**34 - 1, -1),
    ),
    Case(
        {"do": "url_parts", "field": "text", "prefix": "new_", "parts": ["host", "port", "query"]},
        ("text",),
        ("https://example.com:1/?a", "/"),
    ),
    Case(
        {"do": "url_parts", "field": "short", "prefix": "new_",
         "parts": ["scheme", "host", "port", "path", "query", "fragment"]},
        ("short",),
        ("a://İ:1", "//İİİİİİ", "//[::1]", "//a@b:c", "?", "#\n", "//:99999"),
    ),
    Case(
        {"do": "user_agent", "field": "secret", "prefix": "new_",
         "parts": ["family", "version", "os", "device"]},
        ("secret",),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Linux; Android 13; " + "x" * 600 + " Build/1) Chrome/120.0 Mobile",
        ),
    ),
    Case(
        {"do": "truncate_ip", "field": "secret"},
        ("secret",),
        ("203.0.113.77", "2001:db8:1:2::3", "::ffff:203.0.113.77", "fe80::1%eth0", "1.2.3"),
    ),
    Case({"do": "truncate_ip", "field": "note", "to": "new", "ipv6_bits": 32}, ("note",)),
    Case({"do": "hash", "field": "secret", "to": "new"}, ("secret",)),
    Case({"do": "hash", "field": "whole"}, ("whole",)),
]  # fmt: skip
NO_ABOUT = ("trim", "lower", "upper", "truncate", "rename", "url_parts", "user_agent")
# Null in gives null out, except where to say something about null is the purpose.
OF_NULL = ("constant", "coalesce", "when")
# What the transform itself decides; all others hand on the decision about what they read.
PII = {"date_part": "keep", "when": "keep", "user_agent": "keep", "truncate_ip": "keep",
       "hash": "hash"}  # fmt: skip

ABOUT_ROWS = {"drop_event", "explode"}  # these add or remove rows, and have tests of their own


def transform_of(case: Case) -> Any:
    about = {} if case.options["do"] in NO_ABOUT else {"about": ABOUT}
    return parse(json.dumps(case.options | about))


def rows_of(case: Case) -> st.SearchStrategy[dict[str, Any]]:
    read = rows({name: COLUMNS[name] for name in case.reads}, case.hints)
    return read.map(lambda row: REST | row)


each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.options["do"])
some = settings(max_examples=50, deadline=None)


def test_no_transform_is_forgotten_here() -> None:
    shown = {case.options["do"] for case in CASES} | ABOUT_ROWS
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
        assert [row[name] for name in case.changed] == [None] * len(case.changed)


@each
def test_what_is_made_of_personal_data_is_as_personal(case: Case) -> None:
    columns = transform_of(case).columns(COLUMNS)
    order = ("keep", "hash", "drop")
    strongest = max((COLUMNS[name].pii for name in case.reads), key=order.index, default="keep")
    for name in case.changed:
        assert columns[name].pii == PII.get(case.options["do"], strongest)


@each
def test_a_column_that_is_added_says_what_it_is(case: Case) -> None:
    for name, column in transform_of(case).columns(COLUMNS).items():
        if name in COLUMNS or case.options["do"] == "rename":
            continue
        assert column.about == ABOUT or case.options["do"] in NO_ABOUT
        assert len(column.about) >= 10
        assert column.about.endswith(".")


def test_each_transform_starts_with_one_good_sentence() -> None:
    for one in classes():
        first = (one.__doc__ or "").splitlines()[0]
        assert first.endswith(".")
        assert 20 < len(first) < 100
