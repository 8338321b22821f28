"""Numbers are made exactly: never rounded, never guessed."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.currencies import MAX_EXPONENT, exponents
from app.core.transforms import Columns, Landing
from app.core.values import MAX_INTEGER

from .running import made

COLUMNS: Columns = {
    "text": Landing("string", True, "A number as text."),
    "cents": Landing("integer", True, "An amount in minor units."),
    "code": Landing("string", True, "The currency of the amount."),
}
ABOUT = {"to": "new", "about": "A number that was made."}


def parsed(text: str, kind: str, **size: int) -> Any:
    options = {"do": "parse_number", "field": "text", "as": kind, **size, **ABOUT}
    found = made(COLUMNS, options, text=text)
    return found.get("new", found.get("rejected"))


NO_INTEGER = "text must be a whole number of up to 38 digits"
NO_NUMBER = "text must be a finite number, such as 12.5 or 1e3"
NO_DECIMAL = "text must be a decimal with up to 3 digits before and 2 after the point"


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), ("-012", -12), ("+0", 0), (str(MAX_INTEGER), MAX_INTEGER)]
    + [(text, NO_INTEGER) for text in ("", " 1", "1.0", "1e3", "1_0", "0x1", "٣", "9" * 39, "1\n")],
)
def test_a_whole_number_is_read_whole(text: str, number: Any) -> None:
    assert parsed(text, "integer") == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12.0), ("-1.5e3", -1500.0), ("1E-3", 0.001)]
    + [(text, NO_NUMBER) for text in ("", "1e999", "nan", "inf", ".5", "1.", "1,5", "1e99999")],
)
def test_a_number_is_finite(text: str, number: Any) -> None:
    assert parsed(text, "number") == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("12.5", "12.50"), ("-999.99", "-999.99"), ("7", "7.00"), ("-0", "0.00")]
    + [(text, NO_DECIMAL) for text in ("", "1000", "0.001", "1e2", "1.", ".5", "0" * 4)],
)
def test_a_decimal_is_never_rounded(text: str, number: str) -> None:
    assert str(parsed(text, "decimal", precision=5, scale=2)) == number


def test_a_decimal_may_have_no_digit_before_the_point() -> None:
    assert parsed("0.25", "decimal", precision=2, scale=2) == Decimal("0.25")
    assert "up to 0 digits before" in parsed("1.25", "decimal", precision=2, scale=2)


@given(st.integers(-MAX_INTEGER, MAX_INTEGER), st.integers(0, 37))
def test_a_decimal_of_38_digits_is_exact(digits: int, scale: int) -> None:
    number = f"{digits:0{scale + 1}d}" if digits >= 0 else f"-{-digits:0{scale + 1}d}"
    text = f"{number[:-scale]}.{number[-scale:]}" if scale else number
    found = parsed(text, "decimal", scale=scale)
    assert format(found, "f").removeprefix("-") == text.removeprefix("-")
    assert found == Decimal(text)


def amount(cents: int | None, code: str | None, currency: Any = "code") -> Any:
    options = {"do": "minor_units", "field": "cents", "currency": currency, **ABOUT}
    found = made(COLUMNS, options, cents=cents, code=code)
    return str(found["new"]) if "new" in found else (found["field"], found["rejected"])


@pytest.mark.parametrize(
    ("cents", "code", "expected"),
    [
        (1250, "EUR", "12.5000"),
        (1250, "JPY", "1250.0000"),
        (-1250, "KWD", "-1.2500"),
        (1250, "CLF", "0.1250"),
        (1250, "HUF", "12.5000"),  # CLDR shows it without a fraction; its minor unit has one
        (1250, "HRK", "12.5000"),  # no money any more
        (10**34 - 1, "JPY", "9" * 34 + ".0000"),
        (MAX_INTEGER, "CLF", "9" * 34 + ".9999"),
        (10**34, "JPY", ("cents", "cents has more than 34 digits as an amount")),
        (1, "XAU", ("code", "code must be a code of ISO 4217 such as EUR or JPY")),
        (1, "eur", ("code", "code must be a code of ISO 4217 such as EUR or JPY")),
        (1, None, "None"),
        (None, "eur", "None"),
    ],
)
def test_an_amount_is_made_of_minor_units(
    cents: int | None, code: str | None, expected: Any
) -> None:
    assert amount(cents, code) == expected


def test_a_currency_may_be_the_same_in_every_event() -> None:
    assert amount(5, None, {"code": "TND"}) == "0.0050"


def test_no_currency_has_more_digits_than_the_column() -> None:
    assert max(exponents().values()) == MAX_EXPONENT
    assert min(exponents().values()) == 0
    assert len(exponents()) > 160
