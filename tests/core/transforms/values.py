"""Columns of every type, any values of them, and whether a value fits its column."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from app.core.transforms import Landing
from app.core.values import FIRST_YEAR, LAST_YEAR, MAX_INTEGER

# What JSON text can say: no NUL, which the contract refuses, and no lone surrogates.
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.text(characters, max_size=40)
trees = st.recursive(
    st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


def values(column: Landing, hints: Sequence[Any] = ()) -> st.SearchStrategy[Any]:
    """Anything the column may hold; `hints` are values that its step is looking for."""
    found = _values(column)
    if fitting := [value for value in hints if fits(value, column)]:
        found |= st.sampled_from(fitting)
    return st.none() | found if column.nullable else found


def _values(column: Landing) -> st.SearchStrategy[Any]:
    match column.type:
        case "string":
            return st.text(characters, max_size=min(column.max_length or 40, 40))
        case "integer":
            return st.integers(-MAX_INTEGER, MAX_INTEGER)
        case "number":
            return st.floats(allow_nan=False, allow_infinity=False)
        case "decimal":
            return st.integers(-MAX_INTEGER, MAX_INTEGER).map(
                lambda digits: _scaled(digits, column)
            )
        case "boolean":
            return st.booleans()
        case "uuid":
            return st.uuids().map(str)
        case "timestamp":
            low, high = datetime(FIRST_YEAR, 1, 1), datetime(LAST_YEAR, 12, 31)  # noqa: DTZ001
            return st.datetimes(low, high, timezones=st.just(UTC))
        case "date":
            return st.dates(date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31))
        case "list":
            return st.lists(_values(column.items) if column.items else trees, max_size=4)
    return trees


def _scaled(digits: int, column: Landing) -> Decimal:
    kept = abs(digits) % 10 ** (column.precision or 38)
    sign = 1 if digits < 0 else 0
    return Decimal((sign and int(kept != 0), tuple(map(int, str(kept))), -(column.scale or 0)))


def rows(columns: Mapping[str, Landing], hints: Sequence[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any row of these columns."""
    return st.fixed_dictionaries({name: values(c, hints) for name, c in columns.items()})


def fits(value: Any, column: Landing) -> bool:
    """Whether both warehouses can hold the value in such a column."""
    if value is None:
        return column.nullable
    if column.type == "list":
        items = column.items
        return type(value) is list and all(items is None or fits(one, items) for one in value)
    if column.type not in FITS:
        return True
    kind, good = FITS[column.type]
    return type(value) is kind and good(value, column)


def _storable(text: str, column: Landing) -> bool:
    text.encode()  # no lone surrogates
    return "\0" not in text and len(text) <= (column.max_length or len(text))


def _exact(number: Decimal, column: Landing) -> bool:
    precision, scale = column.precision or 38, column.scale or 0
    parts = number.as_tuple()
    return parts.exponent == -scale and len(parts.digits) <= precision and number.is_finite()


FITS: dict[str, tuple[type, Callable[[Any, Landing], bool]]] = {
    "string": (str, _storable),
    "integer": (int, lambda value, column: abs(value) <= MAX_INTEGER),
    "number": (float, lambda value, column: isfinite(value)),
    "decimal": (Decimal, _exact),
    "boolean": (bool, lambda value, column: True),
    "uuid": (str, lambda value, column: str(UUID(value)) == value),
    "timestamp": (datetime, lambda value, column: value.tzinfo is UTC and _in_range(value)),
    "date": (date, lambda value, column: _in_range(value)),
}


def _in_range(moment: date) -> bool:
    return FIRST_YEAR - 1 <= moment.year <= LAST_YEAR + 1  # an offset may shift the year by one
