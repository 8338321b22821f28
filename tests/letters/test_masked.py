"""What is shown of a dead letter holds no value that somebody sent."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.letters.letter import Letter
from app.letters.masked import masked_event, one_line, printable, shape, told_name, told_place
from app.letters.whole import HIDDEN, clear_letter, masked_letter

# Words that no mask is made of: its letters are «a» and its digits 9.
MARKS = st.text("bcdefghBCDEFGHäöß一二12345678", min_size=3, max_size=20).map("b{}".format)
ODD = st.tuples(MARKS, MARKS).map("@".join)
"""Keys that are addresses, say; a key that reads like a name of a field is shown."""
VALUES = st.recursive(
    MARKS | st.integers(1_000, 10**30) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD, inner, max_size=3),
    max_leaves=8,
)


def marks_in(value: Any) -> set[str]:
    match value:
        case str():
            return {value}
        case bool() | None:
            return set()
        case int():
            return {str(value)} - {"9" * len(str(value))}  # is its own mask
        case list():
            return set().union(*map(marks_in, value))
        case dict():
            inside = (marks_in(inner) for inner in value.values())
            return set(value).union(*inside)
    raise AssertionError(value)


def letter(raw: bytes, **more: Any) -> Letter:
    value = b64encode(raw).decode()
    received = datetime(2026, 3, 1, tzinfo=UTC)
    return Letter("sale", received, "events.sale.v1", 0, 7, value, **more)


@settings(suppress_health_check=[HealthCheck.too_slow])  # other work slows it down
@given(VALUES, MARKS, MARKS, st.integers(1, 5) | st.none())
def test_no_value_and_no_key_that_may_be_one_is_shown(
    value: Any, key: str, header: str, most: int | None
) -> None:
    raw = _dumped({"shop": value})
    marked = marks_in(value) | {key, header}
    shown = one_line(masked_event(raw, (), most))
    whole = one_line(
        masked_letter(
            letter(
                raw,
                field=f"shop.{key}@x",
                message=f"shop.{key}@x is not in the contract",
                key=b64encode(key.encode()).decode(),
                headers=(("who", b64encode(header.encode()).decode()), (f"{header}!", None)),
            ),
            None,
        )
    )
    for text in (shown, whole):
        assert "shop" in text
        assert not [mark for mark in marked if mark in text]


@settings(suppress_health_check=[HealthCheck.too_slow])  # other work slows it down
@given(VALUES)
@example(10**30 - 1)
def test_of_what_is_no_json_nothing_is_shown_either(value: Any) -> None:
    raw = _dumped(value) + b",}"
    shown = one_line(masked_event(raw, (), None))
    assert shown.startswith(f'"not JSON, {len(raw)} bytes: ')
    assert not [mark for mark in marks_in(value) if mark in shown]


def _dumped(value: Any) -> bytes:

    return json.dumps(value, ensure_ascii=False).encode()


def test_the_mask_shows_what_is_wrong() -> None:
    event = """{"at": "2026-03-01 12:00", "cents": "12,50", "n": -3, "price": 1.5, "paid": true,
                "name": "Jörg Müller", "none": null, "empty": "", "lines": [1, 2, 3]}""".encode()
    assert masked_event(event, (), 9) == {
        "at": "9999-99-99 99:99", "cents": "99,99", "n": 0, "price": 0.0, "paid": "true or false",
        "name": "Aaaa Aaaaaa", "none": None, "empty": "", "lines": [0, 0, 0],
    }  # fmt: skip
    assert masked_event(b"[1,2,3,4,5]", (), 3) == [0, 0, 0, "… 2 more"]
    assert masked_event(b'{"a":1,"b":2,"c":3}', (), 2) == {"a": 0, "b": 0, "…": "… 1 more"}
    assert shape("a" * 41) == "a" * 40 + "… (41 characters)"
    assert masked_event(b"{'shop': 'north'", ()) == "not JSON, 16 bytes: {'aaaa': 'aaaaa'"


def test_keys_of_one_shape_stay_several() -> None:
    shown = masked_event(b'{"a@b.c": 1, "d@e.f": [], "total_cents": 2}', ())
    assert shown == {"a@a.a": 0, "a@a.a (2)": [], "total_cents": 0}


@pytest.mark.parametrize("name", ["total_cents", "totalCents", "x-id", "line2", "URL"])
def test_what_reads_like_a_name_is_shown(name: str) -> None:
    assert told_name(name, ()) == name


@pytest.mark.parametrize(
    "name", ["user_4711", "a@b.c", "Jörg", "4711", "", "a b", "x" * 200, "x" * 60 + "!"]
)
def test_what_may_be_a_value_is_not_shown_unless_the_contract_says_so(name: str) -> None:
    assert told_name(name, ()) != name or not name
    assert told_name(name, {name}) == name


def test_a_place_is_masked_name_by_name() -> None:
    assert told_place("lines[].user_4711.cents", ()) == "lines[].aaaa_9999.cents"
    assert told_place("Ann.Doe@example.com", ()) == "Aaa.Aaa@aaaaaaa.aaa"
    assert told_place("lines[].Ann.Doe@example.com", {"lines"}) == "lines[].Aaa.Aaa@aaaaaaa.aaa"
    assert told_place(None, ()) is None


def test_deep_nesting_is_shown_so_far() -> None:
    raw = b'{"a":' * 300 + b"1" + b"}" * 300
    assert "…" in one_line(masked_event(raw, ()))


def test_a_letter_in_clear_is_as_it_was_sent_and_a_message_with_a_hidden_name_is_not_told() -> None:
    found = letter(
        b'{"shop": "north"}',
        reason="schema",
        field="user_4711",
        message="user_4711 is not in the contract",
        key=b64encode(b"north").decode(),
        headers=(("received-at", b64encode(b"1700").decode()), ("x", None)),
    )
    clear = clear_letter(found)
    assert clear["value"] == {"shop": "north"}
    assert (clear["key"], clear["field"], clear["masked"]) == ("north", "user_4711", False)
    masked = masked_letter(found, None)
    assert masked["message"] == HIDDEN
    assert masked["headers"] == [["received-at", "1700"], ["x", None]]
    assert masked["value"] == {"shop": "aaaaa"}


def test_nothing_that_is_shown_steers_a_terminal() -> None:
    assert printable("a\x1b[31m\x9b2J\u202eb\nc ö") == "a\\x1b[31m\\x9b2J\\u202eb\nc ö"
