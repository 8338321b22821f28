"""What an event may look like, type by type, and what its sender is told otherwise."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contracts.compile import compile_contract
from app.core.errors import Reason, Rejected, RejectedError

from .everything import events, kind, sent
from .test_keys import EVENT
from .topic_files import with_fields

AT = (
    "must be a string in ISO 8601 with a UTC offset, such as 2026-03-01T23:59:58.123Z, "
    "of the years 1600 to 9998"
)
ON_DAY = "must be a string such as 2026-03-01, of the years 1600 to 9998"
MONEY = (
    'must be a decimal in a string, such as "12.50", with up to 29 digits before and 9 after '
    "the point"
)
TREE = "must be JSON other than null, without NUL characters, infinities and integers of more than 38 digits"  # noqa: E501
UUID = "must be a UUID in a string, 8-4-4-4-12 hexadecimal digits"
WHOLE = "must be a whole number, not in quotes"
REAL = "must be a finite number, not in quotes"

# field, its value as JSON text, what the sender is told
WRONG: list[tuple[str, str, str]] = [
    ("text", "1", "must be a string"),
    ("text", "null", "must be a string"),
    ("text", r'"a\u0000b"', "must not hold a NUL character"),
    ("maybe_text", r'"\u0000"', "must not hold a NUL character"),
    ("whole", '"1"', WHOLE),
    ("whole", "1.5", WHOLE),
    ("whole", "1.0", WHOLE),
    ("whole", "true", WHOLE),
    ("whole", "null", WHOLE),
    ("whole", str(10**38), f"must be {10**38 - 1} or less"),
    ("whole", str(-(10**38)), f"must be {-(10**38) + 1} or more"),
    ("weight_grams", "0", "must be 1 or more"),
    ("weight_grams", "100001", "must be 100000 or less"),
    ("real", '"1"', REAL),
    ("real", "true", REAL),
    ("real", "1e999", REAL),
    ("real", "1" + "0" * 400, REAL),
    ("money", "1.5", MONEY),
    ("money", '"1e3"', MONEY),
    ("money", '" 1"', MONEY),
    ("money", '"1_000"', MONEY),
    ("money", '"NaN"', MONEY),
    ("money", '"0.0000000001"', MONEY),
    ("money", f'"1{"0" * 29}"', MONEY),
    ("money", "1" + "0" * 29, MONEY),
    ("money", '"١"', MONEY),
    ("truth", "1", "must be true or false"),
    ("truth", '"true"', "must be true or false"),
    ("scan_id", '"6f1c1c5e3a574d0a9a5e0d7a3c1f9b10"', UUID),
    ("scan_id", '"{6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10}"', UUID),
    ("scan_id", '"6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b1g"', UUID),
    ("scan_id", r'"6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10\n"', UUID),
    ("on_day", '"2026-02-30"', ON_DAY),
    ("on_day", '"2026-03-01T00:00:00Z"', ON_DAY),
    ("on_day", '"20260301"', ON_DAY),
    ("on_day", '"1599-12-31"', ON_DAY),
    ("on_day", "20260301", ON_DAY),
    ("at", '"2026-03-01T10:00:00"', AT),
    ("at", '"2026-03-01"', AT),
    ("at", '"2026-03-01T10:00:60Z"', AT),
    ("at", '"2026-03-01T24:00:00Z"', AT),
    ("at", '"2026-02-29T10:00:00Z"', AT),
    ("at", '"2026-W10-1T10:00:00Z"', AT),
    ("at", '"2026-03-01x10:00:00Z"', AT),
    ("at", '"2026-03-01T10:00:00+25:00"', AT),
    ("at", '"1772359200"', AT),
    ("at", "1772359200", AT),
    ("at", '"0001-01-01T00:00:00+14:00"', AT),
    ("at", '"9999-12-31T23:59:59-14:00"', AT),
    ("tree", "null", TREE),
    ("tree", "[1, 1e999]", TREE),
    ("tree", r'{"a\u0000": 1}', TREE),
    ("tree", r'["x", "a\u0000"]', TREE),
    ("tree", str(10**38), TREE),
]


def with_text(field: str, value: str) -> bytes:
    others = {name: v for name, v in EVENT.items() if name != field}
    return (json.dumps(others)[:-1] + f', "{field}": {value}}}').encode()


def rejected(raw: bytes) -> Rejected:
    with pytest.raises(RejectedError) as caught:
        kind().parse(raw)
    return caught.value.verdict


@pytest.mark.parametrize(("field", "value", "message"), WRONG)
def test_a_wrong_value_is_rejected_by_saying_what_would_be_right(
    field: str, value: str, message: str
) -> None:
    expected = Rejected(Reason.SCHEMA, f"{field} {message}", field)
    assert rejected(with_text(field, value)) == expected


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("text", r'"\\u0000"', r"\u0000"),  # six characters, not a NUL
        ("text", '"\\ud83d\\ude00 \\u007f"', "😀 \x7f"),
        ("text", '""', ""),
        ("whole", str(10**38 - 1), 10**38 - 1),
        ("whole", "-0", 0),
        ("real", "5", 5.0),
        ("real", "1e308", 1e308),
        ("money", f'"{"9" * 29}.{"9" * 9}"', Decimal(f"{'9' * 29}.{'9' * 9}")),
        ("truth", "false", False),
        ("tree", "[null]", [None]),
        ("tree", '"null"', "null"),
        ("tree", str(10**38 - 1), 10**38 - 1),
        ("maybe_tree", "null", None),
        ("maybe_text", "null", None),
        ("scan_id", f'"{EVENT["scan_id"].upper()}"', EVENT["scan_id"]),
    ],
)
def test_a_right_value_is_taken_as_it_is(field: str, value: str, expected: Any) -> None:
    taken = kind().parse(with_text(field, value))[field]
    assert taken == expected
    assert type(taken) is type(expected)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T10:00Z",
        "2026-03-01 10:00:00Z",
        "2026-03-01T12:00:00+0200",
        "2026-03-01T05:30:00.000-04:30",
        "2026-03-01T10:00:00.000000999Z",  # finer than a microsecond is cut
    ],
)
def test_a_moment_may_be_written_in_several_ways(text: str) -> None:
    moment = kind().parse(with_text("at", f'"{text}"'))["at"]
    assert moment.isoformat() == "2026-03-01T10:00:00+00:00"


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("real", "NaN", "NaN"),
        ("real", "-Infinity", "-Infinity"),
        ("tree", '{"a": {"b": [-Infinity]}}', "-Infinity"),
        ("maybe_tree", "[NaN, Infinity]", "NaN"),
    ],
)
def test_a_number_that_json_does_not_have_is_no_json(field: str, value: str, word: str) -> None:
    expected = Rejected(Reason.NOT_JSON, f"not JSON: {word} is no number there")
    assert rejected(with_text(field, value)) == expected
    assert rejected(word.encode()) == expected


@pytest.mark.parametrize("word", ["NaN", "Infinity", '"NaN'])
def test_the_words_for_what_is_no_number_may_be_in_a_text(word: str) -> None:
    assert kind().parse(sent(EVENT | {"text": word}))["text"] == word
    verdict = rejected(sent(EVENT | {"text": word, "whole": "1"}))
    assert verdict == Rejected(Reason.SCHEMA, f"whole {WHOLE}", "whole")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not JSON: EOF while parsing a value at line 1 column 0"),
        (b'{"text": "a', "not JSON: EOF while parsing a string at line 1 column 11"),
        (b'{"text": "a",}', "not JSON: trailing comma at line 1 column 14"),
        (b'{"text": "a"} {}', "not JSON: trailing characters at line 1 column 15"),
        (b'{"text": "\xff"}', "not JSON: invalid unicode code point at line 1 column 11"),
        (b'{"text": "\\ud800"}', "not JSON: unexpected end of hex escape at line 1 column 17"),
        (b"\xef\xbb\xbf{}", "not JSON: expected value at line 1 column 1"),
        (b"{" * 300, "not JSON: key must be a string at line 1 column 2"),
        (b'{"tree": ' + b"[" * 300, "not JSON: recursion limit exceeded at line 1 column 210"),
        (b"[]", "an event is one JSON object"),
        (b"null", "an event is one JSON object"),
        (b'"text"', "an event is one JSON object"),
    ],
)
def test_what_is_no_json_object_is_called_that(raw: bytes, message: str) -> None:
    assert rejected(raw) == Rejected(Reason.NOT_JSON, message)


def test_a_missing_field_is_named() -> None:
    assert rejected(b"{}") == Rejected(Reason.SCHEMA, "scan_id is missing", "scan_id")


def test_an_unknown_field_is_named_but_not_at_any_length() -> None:
    verdict = rejected(sent(EVENT | {"colour": "red"}))
    assert verdict.field == "colour"
    assert verdict.message.startswith("colour is not in the contract")
    assert len(rejected(sent(EVENT | {"x" * 100_000: 1})).message) < 300


def test_an_optional_field_may_be_null_or_absent_and_is_none_either_way() -> None:
    assert kind().parse(sent(EVENT)) == kind().parse(sent(EVENT | {"maybe_text": None}))
    assert kind().parse(sent(EVENT))["maybe_text"] is None


def test_of_two_values_under_one_name_the_last_counts() -> None:
    assert kind().parse(with_text("text", '"a", "text": "b"'))["text"] == "b"


def test_the_same_event_has_its_columns_in_the_same_order() -> None:
    turned = dict(reversed(EVENT.items()))
    assert list(kind().parse(sent(EVENT))) == list(kind().parse(sent(turned)))


def _raised(raw: bytes) -> RejectedError | None:
    try:
        kind().parse(raw)
    except RejectedError as error:
        return error
    return None


SECRET = "s3cret-7777"


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*EVENT, "maybe_at", "unknown"]), st.booleans(), events)
def test_no_message_repeats_a_value(field: str, nested: bool, event: dict[str, Any]) -> None:
    value: Any = [SECRET] if nested else SECRET
    for raw in (sent(event | {field: value}), sent(event | {field: value})[:-1]):
        error = _raised(raw)
        if error is not None:
            assert SECRET not in f"{error} {error.verdict!r}"
            assert error.__cause__ is None  # what pydantic raised holds the values
            assert error.__suppress_context__


def test_a_choice_and_a_pattern_say_what_they_want(tmp_path: Path) -> None:
    fields = "colour: {type: string, one_of: [red, green], pii: keep, about: Its colour.....}\n"
    fields += 'code: {type: string, pattern: "^[A-Z]+$", pii: keep, about: "Some sort of code."}\n'
    chosen = compile_contract(with_fields(tmp_path, fields))
    event = {name: EVENT[name] for name in ("scan_id", "scanned_at", "parcel_id")}
    told = []
    for wrong in ({"colour": "blue", "code": "A"}, {"colour": "red", "code": "a"}):
        with pytest.raises(RejectedError) as caught:
            chosen.parse(sent(event | wrong))
        told.append(str(caught.value))
    assert told == ["colour must be 'red' or 'green'", "code must match ^[A-Z]+$"]
    with pytest.raises(RejectedError, match="parcel_id may have at most 20 characters"):
        chosen.parse(sent(event | {"colour": "red", "code": "A", "parcel_id": "x" * 21}))
    chosen.parse(sent(event | {"colour": "red", "code": "A", "parcel_id": "😀" * 20}))
