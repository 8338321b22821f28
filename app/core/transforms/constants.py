"""A value in a topic file: what type a column of it has, and how it compares with a column's."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

from app.core.transforms.columns import Columns, Landing, existing
from app.core.values import (
    DATE_PATTERN,
    MAX_INTEGER,
    TIMESTAMP_PATTERN,
    UUID_PATTERN,
    calendar_day,
    instant,
)


def _scalar(value: Any, valid: Callable[[Any], Any]) -> Any:
    try:
        return valid(value)
    except ValidationError:
        raise PydanticCustomError("scalar", "must be text, a number, true or false") from None


Finite = Annotated[float, Field(allow_inf_nan=False)]
Scalar = Annotated[str | int | Finite | bool, WrapValidator(_scalar)]


ORDERED = ("integer", "number", "decimal", "timestamp", "date")


@dataclass(frozen=True, slots=True)
class _Reader:
    """`read` returns None for what is no value of the type; `form` says what would be one."""

    form: str
    read: Callable[[Any], Any]


def _of(*types: type) -> Callable[[Any], Any]:
    return lambda value: value if type(value) in types else None  # True is no number


def _text(pattern: str, read: Callable[[str], Any]) -> Callable[[Any], Any]:
    shape = re.compile(pattern)

    def reader(value: Any) -> Any:
        if not isinstance(value, str) or not shape.fullmatch(value):
            return None
        try:
            return read(value)
        except ValueError:
            return None

    return reader


def _decimal(value: Any) -> Any:
    return Decimal(value) if type(value) is int else _text(r"-?[0-9]+(\.[0-9]+)?", Decimal)(value)


READERS = {
    "string": _Reader("text", _of(str)),
    "integer": _Reader("a whole number", _of(int)),
    "number": _Reader("a number", _of(int, float)),
    "decimal": _Reader('a whole number or a decimal in quotes, such as "12.50"', _decimal),
    "boolean": _Reader("true or false", _of(bool)),
    "uuid": _Reader("a UUID, 8-4-4-4-12 hexadecimal digits", _text(UUID_PATTERN, str.lower)),
    "timestamp": _Reader(
        "a timestamp with a UTC offset, such as 2026-03-01T23:59:58Z",
        _text(TIMESTAMP_PATTERN, instant),
    ),
    "date": _Reader("a day such as 2026-03-01", _text(DATE_PATTERN, calendar_day)),
}


def constant(columns: Columns, name: str, value: Any, where: str, key: str) -> Any:
    """Read the value of the option `where.key` as one that column `name` could hold.

    Raises:
        ValueError: `(path, what)` if there is no such column, or it never holds such a value.
    """
    column = existing(columns, name, key=f"{where}.field")
    reader = READERS.get(column.type)
    if reader is None:
        what = f"«{name}» is {column.type}; of that only «missing» can be asked"
        raise ValueError(f"{where}.field", what)
    found = reader.read(value)
    if found is None:
        what = f"must be {reader.form}: «{name}» is {column.type}"
        raise ValueError(f"{where}.{key}", what)
    if column.one_of is not None and found not in column.one_of:
        what = f"«{name}» is never this; it is one of {', '.join(column.one_of)}"
        raise ValueError(f"{where}.{key}", what)
    if _too_long(column, found):
        what = f"«{name}» has at most {column.max_length} characters, so never this value"
        raise ValueError(f"{where}.{key}", what)
    return found


def _too_long(column: Landing, value: Any) -> bool:
    return (
        isinstance(value, str)
        and column.max_length is not None
        and (len(value) > column.max_length)
    )


TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def type_of(values: Sequence[Any], key: str) -> str:
    """Name the one contract type that all of these values have.

    Raises:
        ValueError: `(key, what)` if there is none, or a warehouse can not hold a value.
    """
    types = sorted({TYPES[type(value)] for value in values})
    if len(types) > 1:
        raise ValueError(key, f"holds {' and '.join(types)}; a column has one type")
    for value in values:
        if isinstance(value, str) and "\0" in value:
            raise ValueError(key, "must not hold a NUL character")
        if isinstance(value, int) and abs(value) > MAX_INTEGER:
            raise ValueError(key, "has more than 38 digits")
    return types[0]


def choices(values: Sequence[Any]) -> tuple[str, ...] | None:
    """The texts that a column of these values can hold; None if they are no texts."""
    texts = tuple(dict.fromkeys(value for value in values if isinstance(value, str)))
    return texts if texts else None
