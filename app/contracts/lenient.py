"""The other usual spelling of a value, for fields that take both; anything else stays as it is."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.contracts.fields import Field, TimestampField
from app.core.values import DATE, LOCAL_PATTERN, TIME, TIMESTAMP_PATTERN, instant

Respell = Callable[[Any], Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS = {"seconds": timedelta(seconds=1), "milliseconds": timedelta(milliseconds=1)}
WHOLE_IN_DOUBLE = 2**53  # beyond it a double does not tell neighbours apart
WHOLE = re.compile("-?[0-9]{1,38}")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
MOMENT = re.compile(
    f"(?P<day>{DATE})[Tt ](?P<time>{TIME}) ?(?P<offset>Z|z|UTC|GMT|[+-][0-9]{{2}}:?[0-9]{{2}})?"
)
COMPACT_DATE = re.compile("([0-9]{4})([0-9]{2})([0-9]{2})")
WITH_OFFSET = re.compile(TIMESTAMP_PATTERN)
USUAL = re.compile(LOCAL_PATTERN)


def respell(field: Field) -> Respell | None:
    """Find what changes another spelling of the field's values into theirs; None: it is strict.

    It returns the very value it was given where there is nothing to change.
    """
    if not getattr(field, "lenient", False):
        return None
    if isinstance(field, TimestampField) and field.epoch is not None:
        return _to_epoch(UNITS[field.epoch])
    return SPELLINGS[field.type]


def _to_string(value: Any) -> Any:
    return str(value) if type(value) is int else value


def _to_integer(value: Any) -> Any:
    if isinstance(value, str) and WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= WHOLE_IN_DOUBLE:
        return int(value)
    return value


def _to_number(value: Any) -> Any:
    return float(value) if isinstance(value, str) and NUMBER.fullmatch(value) else value


def _to_decimal(value: Any) -> Any:
    """A JSON number with a point is a double by now: `app.contracts.exact` looks at its text."""
    if not isinstance(value, float) or value - value != 0:
        return value
    return format(Decimal(repr(value)), "f")


def _to_boolean(value: Any) -> Any:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    return bool(value) if type(value) is int and value in (0, 1) else value


def _to_moment(value: Any) -> Any:
    """RFC 3339 in lower case, and how logs and databases write an offset."""
    if not isinstance(value, str) or USUAL.match(value):
        return value
    found = MOMENT.fullmatch(value)
    if found is None:
        return value
    offset = found["offset"] or ""
    return f"{found['day']}T{found['time']}{'Z' if offset in ('z', 'UTC', 'GMT') else offset}"


def _to_epoch(unit: timedelta) -> Respell:
    def change(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if NUMBER.fullmatch(value):
            return float(value)
        try:
            return (instant(value) - EPOCH) / unit if WITH_OFFSET.match(value) else value
        except ValueError:
            return value

    return change


def _to_date(value: Any) -> Any:
    """The day as it is written in a timestamp, or without dashes."""
    if not isinstance(value, str):
        return value
    if found := COMPACT_DATE.fullmatch(value):
        return "-".join(found.groups())
    found = MOMENT.fullmatch(value)
    return value if found is None else found["day"]


SPELLINGS: dict[str, Respell] = {
    "string": _to_string,
    "integer": _to_integer,
    "number": _to_number,
    "decimal": _to_decimal,
    "boolean": _to_boolean,
    "timestamp": _to_moment,
    "date": _to_date,
}
