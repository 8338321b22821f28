"""What pydantic validates a single value with, one function per contract type.

Each takes the field's options. Numbers, texts and moments are strict: what looks like another type
is another type.
"""

from datetime import datetime, timedelta, tzinfo
from decimal import Context, Decimal
from math import isfinite
from typing import Any

import orjson
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from app.contracts.formats import FORMATS
from app.contracts.lenient import EPOCH, UNITS
from app.core.transforms import zone
from app.core.values import (
    DATE_PATTERN,
    FIRST_YEAR,
    LAST_YEAR,
    LOCAL_PATTERN,
    MAX_INTEGER,
    TIMESTAMP_PATTERN,
    UUID_PATTERN,
    calendar_day,
    instant,
)


def string(spec: Any) -> CoreSchema:
    if spec.one_of is not None:
        return core_schema.literal_schema(list(spec.one_of))
    text = core_schema.str_schema(
        min_length=spec.min_length, max_length=spec.max_length, pattern=spec.pattern, strict=True
    )
    if spec.format is None:
        return text
    fits = FORMATS[spec.format].fits

    def formed(value: str) -> str:
        if not fits(value):
            raise PydanticCustomError("format", "another form")
        return value

    return core_schema.no_info_after_validator_function(formed, text)


def integer(spec: Any) -> CoreSchema:
    return core_schema.int_schema(ge=spec.minimum, le=spec.maximum, strict=True)


def number(spec: Any) -> CoreSchema:
    return core_schema.float_schema(
        ge=spec.minimum, le=spec.maximum, strict=True, allow_inf_nan=False
    )


def decimal_pattern(spec: Any) -> str:
    whole = f"[0-9]{{1,{max(spec.precision - spec.scale, 1)}}}"
    return f"^-?{whole}(\\.[0-9]{{1,{spec.scale}}})?$" if spec.scale else f"^-?{whole}$"


def decimal(spec: Any) -> CoreSchema:
    quantum = Decimal(1).scaleb(-spec.scale)
    limit = Decimal(10) ** (spec.precision - spec.scale)
    wide = Context(prec=80)

    def exact(value: str | int) -> Decimal:
        number = Decimal(value)
        if not -limit < number < limit:  # abs() would round to 28 digits
            raise PydanticCustomError("decimal_form", "too large")
        if spec.minimum is not None and number < spec.minimum:
            raise PydanticCustomError("greater_than_equal", "too small", {"ge": str(spec.minimum)})
        if spec.maximum is not None and number > spec.maximum:
            raise PydanticCustomError("less_than_equal", "too large", {"le": str(spec.maximum)})
        return (number or Decimal(0)).quantize(quantum, context=wide)  # and no minus zero

    return core_schema.no_info_after_validator_function(
        exact,
        core_schema.union_schema(
            [
                core_schema.str_schema(pattern=decimal_pattern(spec), strict=True),
                core_schema.int_schema(strict=True, ge=-MAX_INTEGER, le=MAX_INTEGER),
            ],
            mode="left_to_right",
            custom_error_type="decimal_form",
            custom_error_message="not a decimal",
        ),
    )


def boolean(spec: Any) -> CoreSchema:
    return core_schema.bool_schema(strict=True)


def uuid(spec: Any) -> CoreSchema:
    return core_schema.str_schema(pattern=UUID_PATTERN, to_lower=True, strict=True)


def timestamp(spec: Any) -> CoreSchema:
    if spec.epoch is not None:
        return _since_1970(UNITS[spec.epoch])
    if spec.timezone is not None:
        return _local(zone(spec.timezone))
    # Pydantic's own also takes numbers, and digits in quotes, for seconds since 1970.
    return core_schema.no_info_after_validator_function(
        instant, core_schema.str_schema(pattern=TIMESTAMP_PATTERN, strict=True)
    )


def _local(tz: tzinfo) -> CoreSchema:
    def moment(text: str) -> datetime:
        return instant(text, tz)

    return core_schema.no_info_after_validator_function(
        moment, core_schema.str_schema(pattern=LOCAL_PATTERN, strict=True)
    )


def _since_1970(unit: timedelta) -> CoreSchema:
    def moment(number: float) -> datetime:
        try:
            found = EPOCH + unit * int(number) + unit * (number - int(number))
        except OverflowError as error:
            raise ValueError("year") from error
        if not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise ValueError("year")
        return found

    return core_schema.no_info_after_validator_function(
        moment, core_schema.float_schema(strict=True, allow_inf_nan=False)
    )


def date(spec: Any) -> CoreSchema:
    return core_schema.no_info_after_validator_function(
        calendar_day, core_schema.str_schema(pattern=DATE_PATTERN, strict=True)
    )


def json(spec: Any = None) -> CoreSchema:
    return core_schema.no_info_after_validator_function(storable, core_schema.any_schema())


def storable(value: Any) -> Any:
    """Return a parsed JSON value if both warehouses can hold it; else a pydantic error."""
    if value is None:
        raise PydanticCustomError("json_null", "null")  # an optional field's never gets here
    try:
        text = orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits
        text = b"null"
    # An infinity (1e999) is written as null; anything else that is wrong shows in the text.
    if b"null" in text or b"\\u0000" in text:
        _search(value)
    return value


def _search(value: Any) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _search(key)
            _search(item)
    elif isinstance(value, list):
        for item in value:
            _search(item)
    elif isinstance(value, str) and "\0" in value:
        raise PydanticCustomError("nul_character", "NUL")
    elif isinstance(value, float | int) and not _fits(value):
        raise PydanticCustomError("json_number", "too large")


def _fits(number: float) -> bool:
    return isfinite(number) if isinstance(number, float) else abs(number) <= MAX_INTEGER
