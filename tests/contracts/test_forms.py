"""Formats of strings, clocks of timestamps, bounds of decimals, and the other spellings."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contracts.compile import compile_contract
from app.contracts.formats import countries, currencies
from app.core.errors import Reason, Rejected, RejectedError
from app.core.judge import EventType

from .everything import moneys, sent
from .test_paths import BASE
from .topic_files import with_fields

FIELDS = """\
email: {type: string, format: email, optional: true, pii: keep, about: "Where to write to."}
url: {type: string, format: url, optional: true, pii: keep, about: "Where it was seen."}
ip: {type: string, format: ip, optional: true, pii: keep, about: "Where it came from."}
country: {type: string, format: country, optional: true, pii: keep, about: "Where it went."}
currency: {type: string, format: currency, optional: true, pii: keep, about: "What was paid in."}
language: {type: string, format: language, optional: true, pii: keep, about: "What was spoken."}
code: {type: string, min_length: 2, optional: true, pii: keep, about: "A code of some length."}
price: {type: decimal, scale: 2, minimum: "0.01", maximum: 99.5, default: 1, about: "A price...."}
second: {type: timestamp, epoch: seconds, optional: true, about: "A moment in seconds."}
milli: {type: timestamp, epoch: milliseconds, optional: true, about: "One in milliseconds."}
local: {type: timestamp, timezone: Europe/Berlin, optional: true, about: "A clock on the wall."}
"""
LENIENT = """\
string: {type: string, max_length: 3, lenient: true, optional: true, pii: keep, about: "Some text."}
integer: {type: integer, maximum: 99, lenient: true, optional: true, about: "A whole number."}
number: {type: number, lenient: true, optional: true, about: "A number with a point."}
decimal: {type: decimal, scale: 20, lenient: true, optional: true, about: "An exact number."}
boolean: {type: boolean, lenient: true, optional: true, about: "Either true or false."}
moment: {type: timestamp, lenient: true, optional: true, about: "A moment of some day."}
second: {type: timestamp, epoch: seconds, lenient: true, optional: true, about: "A moment too."}
day_of: {type: date, lenient: true, optional: true, about: "A day of the calendar."}
"""


@pytest.fixture(scope="module")
def kind(tmp_path_factory: pytest.TempPathFactory) -> EventType:
    return compile_contract(with_fields(tmp_path_factory.mktemp("forms"), FIELDS))


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> EventType:
    return compile_contract(with_fields(tmp_path_factory.mktemp("lenient"), LENIENT))


def taken(kind: EventType, field: str, value: Any) -> Any:
    return kind.parse(sent(BASE | {field: value}))[field]


def refused(kind: EventType, field: str, value: Any) -> str:
    with pytest.raises(RejectedError) as caught:
        taken(kind, field, value)
    verdict = caught.value.verdict
    assert (verdict.reason, verdict.field) == (Reason.SCHEMA, field)
    return verdict.message.removeprefix(f"{field} ")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "ada.lovelace+news@example.co.uk"),
        ("email", "ü@exämple.de"),
        ("url", "https://example.com/a?b=c#d"),
        ("url", "http://127.0.0.1:8080"),
        ("url", "app://home/screen"),
        ("ip", "203.0.113.7"),
        ("ip", "2001:db8::1"),
        ("country", "DE"),
        ("country", "ZW"),
        ("currency", "JPY"),
        ("language", "de"),
        ("language", "de-CH"),
        ("language", "zh-Hant-TW"),
        ("code", "😀😀"),
    ],
)
def test_text_of_its_format_lands_as_it_was_sent(kind: EventType, field: str, value: str) -> None:
    assert taken(kind, field, value) == value


@pytest.mark.parametrize("value", ["0.01", "99.50", 99])
def test_the_bounds_of_a_decimal_are_within(kind: EventType, value: Any) -> None:
    assert taken(kind, "price", value) == Decimal(value)


EMAIL = "must be an e-mail address in a string, such as ada@example.com"
URL = "must be an absolute URL in a string, such as https://example.com/path"
COUNTRY = "must be the two capital letters of a country in ISO 3166, such as DE"
CURRENCY = "must be the three capital letters of a currency in ISO 4217, such as EUR"
LANGUAGE = "must be a language tag of BCP 47, such as de or de-CH"
LOCAL = (
    "must be a string in ISO 8601, such as 2026-03-01T23:59:58.123Z, of the years 1600 to 9998; "
    "without a UTC offset it is Europe/Berlin time"
)
SECONDS = "must be a number of seconds since 1970, of the years 1600 to 9998"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("email", "ada", EMAIL),
        ("email", "Ada <ada@example.com>", EMAIL),
        ("email", "ada@example.com ", EMAIL),
        ("email", 1, EMAIL),
        ("url", "/path", URL),
        ("url", "https://", URL),
        ("url", "https:/example.com", URL),
        ("url", " https://example.com", URL),
        ("url", "https://exa mple.com", URL),
        ("url", "mailto:ada@example.com", URL),
        ("ip", "203.0.113.256", "must be an IPv4 or IPv6 address in a string"),
        ("ip", "203.0.113.07", "must be an IPv4 or IPv6 address in a string"),
        ("ip", "203.0.113.0/24", "must be an IPv4 or IPv6 address in a string"),
        ("ip", "fe80::1%eth0", "must be an IPv4 or IPv6 address in a string"),
        ("country", "de", COUNTRY),
        ("country", "DEU", COUNTRY),
        ("country", "UK", COUNTRY),
        ("country", "XX", COUNTRY),
        ("currency", "EURO", CURRENCY),
        ("currency", "DEM", CURRENCY),
        ("language", "de_CH", LANGUAGE),
        ("language", "german", LANGUAGE),
        ("code", "a", "must have at least 2 characters"),
        ("price", "0.00", "must be 0.01 or more"),
        ("price", 100, "must be 99.5 or less"),
        ("second", "1772359200", SECONDS),
        ("second", "2026-03-01T10:00:00Z", SECONDS),
        ("second", True, SECONDS),
        ("second", 1e300, SECONDS),
        ("second", 1772359200123, SECONDS),
        ("local", "2026-03-01", LOCAL),
        ("local", 1772359200, LOCAL),
    ],
)
def test_another_form_is_rejected_by_saying_the_right_one(
    kind: EventType, field: str, value: Any, message: str
) -> None:
    assert refused(kind, field, value) == message


def test_the_codes_are_the_ones_of_the_standards() -> None:
    assert len(countries()) == 249
    assert {"DE", "US", "TW", "SS"} <= countries()
    assert {"EUR", "USD", "JPY", "XAU"} <= currencies()
    assert not {"DEM", "HRK", "BTC"} & currencies()


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("second", 1772359200, "2026-03-01T10:00:00+00:00"),
        ("second", 1772359200.123456, "2026-03-01T10:00:00.123456+00:00"),
        ("second", -1.5, "1969-12-31T23:59:58.500000+00:00"),
        ("second", 253339228800, "9998-01-01T00:00:00+00:00"),
        ("milli", 1772359200123, "2026-03-01T10:00:00.123000+00:00"),
        ("milli", 1772359200123.5, "2026-03-01T10:00:00.123500+00:00"),
        ("local", "2026-03-01T10:00:00", "2026-03-01T09:00:00+00:00"),
        ("local", "2026-07-01 10:00", "2026-07-01T08:00:00+00:00"),
        ("local", "2026-07-01T10:00:00-05:00", "2026-07-01T15:00:00+00:00"),
        ("local", "2026-07-01T10:00:00Z", "2026-07-01T10:00:00+00:00"),
        ("local", "2026-10-25T02:30:00", "2026-10-25T00:30:00+00:00"),  # the first of two
    ],
)
def test_a_moment_may_be_a_number_or_a_clock_on_the_wall(
    kind: EventType, field: str, value: Any, expected: str
) -> None:
    moment = taken(kind, field, value)
    assert isinstance(moment, datetime)
    assert moment.isoformat() == expected


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("string", 12, "12"),
        ("string", "12", "12"),
        ("integer", "12", 12),
        ("integer", "-7", -7),
        ("integer", 12.0, 12),
        ("number", "12.5", 12.5),
        ("number", "-1e3", -1000.0),
        ("decimal", 12.5, Decimal("12.5")),
        ("decimal", 0.1, Decimal("0.1")),
        ("decimal", 1e-7, Decimal("0.0000001")),
        ("boolean", "true", True),
        ("boolean", "False", False),
        ("boolean", 1, True),
        ("boolean", 0, False),
        ("moment", "2026-03-01t10:00:00z", "2026-03-01T10:00:00+00:00"),
        ("moment", "2026-03-01 10:00:00 UTC", "2026-03-01T10:00:00+00:00"),
        ("moment", "2026-03-01 10:00:00 +0200", "2026-03-01T08:00:00+00:00"),
        ("second", "1772359200.5", "2026-03-01T10:00:00.500000+00:00"),
        ("second", "2026-03-01T10:00:00.123456Z", "2026-03-01T10:00:00.123456+00:00"),
        ("day_of", "2026-03-01T23:00:00-05:00", "2026-03-01"),
        ("day_of", "20260301", "2026-03-01"),
    ],
)
def test_a_lenient_field_takes_the_other_spelling(
    lenient: EventType, field: str, value: Any, expected: Any
) -> None:
    got = taken(lenient, field, value)
    got = got.isoformat() if hasattr(got, "isoformat") else got
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("string", 1234, "may have at most 3 characters"),
        ("string", True, "must be a string"),
        ("string", 1.5, "must be a string"),
        ("integer", "100", "must be 99 or less"),
        ("integer", "1.0", "must be a whole number, not in quotes"),
        ("integer", " 1", "must be a whole number, not in quotes"),
        ("integer", "١", "must be a whole number, not in quotes"),
        ("integer", 1.5, "must be a whole number, not in quotes"),
        ("integer", 1e17, "must be a whole number, not in quotes"),
        ("integer", True, "must be a whole number, not in quotes"),
        ("number", "1e999", "must be a finite number, not in quotes"),
        ("number", "NaN", "must be a finite number, not in quotes"),
        ("boolean", 2, "must be true or false"),
        ("boolean", 1.0, "must be true or false"),
        ("boolean", "yes", "must be true or false"),
    ],
)
def test_a_lenient_field_does_not_guess(
    lenient: EventType, field: str, value: Any, message: str
) -> None:
    assert refused(lenient, field, value) == message


@pytest.mark.parametrize("text", ["0.1234567890123456789", "12345678901234567.5", "1e-300"])
def test_a_decimal_never_lands_with_digits_that_a_double_lost(
    lenient: EventType, text: str
) -> None:
    raw = json.dumps(BASE)[:-1] + f', "decimal": {text}}}'
    with pytest.raises(RejectedError) as caught:
        lenient.parse(raw.encode())
    assert caught.value.verdict.field == "decimal"


def test_a_decimal_that_lost_digits_is_to_be_sent_in_quotes(lenient: EventType) -> None:
    text = "0.12345678901234567"
    raw = json.dumps(BASE)[:-1] + f', "decimal": {text}1}}'
    with pytest.raises(RejectedError) as caught:
        lenient.parse(raw.encode())
    what = "decimal has more digits than a JSON number keeps; send it in quotes"
    assert caught.value.verdict == Rejected(Reason.SCHEMA, what, "decimal")
    assert taken(lenient, "decimal", text) == Decimal(text)


@settings(max_examples=300, deadline=None)
@given(text=moneys | st.decimals(-999, 999, places=6).map(lambda d: format(d, "f")))
def test_a_decimal_as_a_number_lands_exactly_or_not_at_all(lenient: EventType, text: str) -> None:
    raw = (json.dumps(BASE)[:-1] + f', "decimal": {text}}}').encode()
    try:
        landed = lenient.parse(raw)["decimal"]
    except RejectedError:
        landed = None
    assert landed == Decimal(text) or (landed is None and digits(text) > 15)


def digits(text: str) -> int:
    return len(Decimal(text).as_tuple().digits)
