"""The one table from which validation, landing, SQL and JSON Schema take a field's type."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from functools import lru_cache
from math import isfinite
from typing import Any, Literal

import orjson
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from app.contracts.table import Column
from app.core.values import (
    DATE_PATTERN,
    MAX_INTEGER,
    TIMESTAMP_PATTERN,
    UUID_PATTERN,
    calendar_day,
    instant,
)

Dialect = Literal["snowflake", "duckdb"]


@dataclass(frozen=True, slots=True)
class FieldType:
    """What one contract type is to everybody.

    * `core`        the field's options → what pydantic validates with
    * `json_schema` the field's options → its JSON Schema, without description and null
    * `snowflake`, `duckdb`   the column → its SQL type
    * `encode`      a value → what orjson writes into the line; None: as it is
    * `is_key`      equal values are equal bytes, so it may be part of a key
    """

    core: Callable[[Any], CoreSchema]
    json_schema: Callable[[Any], dict[str, Any]]
    snowflake: Callable[[Column], str]
    duckdb: Callable[[Column], str]
    encode: Callable[[Any], Any] | None = None
    is_key: bool = True


def sql_type(column: Column, dialect: Dialect) -> str:
    """Name a column's SQL type."""
    kind = TYPES[column.type]
    return kind.snowflake(column) if dialect == "snowflake" else kind.duckdb(column)


@lru_cache(maxsize=4096)  # a key and a line write the same moment, and hours come in crowds
def utc_text(moment: datetime) -> str:
    """Write an aware instant as every line does, `2026-03-01T23:59:58.000000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def _string(spec: Any) -> CoreSchema:
    if spec.one_of is not None:
        return core_schema.literal_schema(list(spec.one_of))
    return core_schema.str_schema(max_length=spec.max_length, pattern=spec.pattern, strict=True)


def _integer(spec: Any) -> CoreSchema:
    return core_schema.int_schema(ge=spec.minimum, le=spec.maximum, strict=True)


def _number(spec: Any) -> CoreSchema:
    return core_schema.float_schema(
        ge=spec.minimum, le=spec.maximum, strict=True, allow_inf_nan=False
    )


def _decimal_pattern(spec: Any) -> str:
    whole = f"[0-9]{{1,{max(spec.precision - spec.scale, 1)}}}"
    return f"^-?{whole}(\\.[0-9]{{1,{spec.scale}}})?$" if spec.scale else f"^-?{whole}$"


def _decimal(spec: Any) -> CoreSchema:
    quantum = Decimal(1).scaleb(-spec.scale)
    limit = Decimal(10) ** (spec.precision - spec.scale)
    wide = Context(prec=80)

    def exact(value: str | int) -> Decimal:
        number = Decimal(value)
        if abs(number) >= limit:
            raise PydanticCustomError("decimal_form", "too large")
        return (number or Decimal(0)).quantize(quantum, context=wide)  # and no minus zero

    return core_schema.no_info_after_validator_function(
        exact,
        core_schema.union_schema(
            [
                core_schema.str_schema(pattern=_decimal_pattern(spec), strict=True),
                core_schema.int_schema(strict=True, ge=-MAX_INTEGER, le=MAX_INTEGER),
            ],
            mode="left_to_right",
            custom_error_type="decimal_form",
            custom_error_message="not a decimal",
        ),
    )


def _boolean(spec: Any) -> CoreSchema:
    return core_schema.bool_schema(strict=True)


def _uuid(spec: Any) -> CoreSchema:
    return core_schema.str_schema(pattern=UUID_PATTERN, to_lower=True, strict=True)


def _timestamp(spec: Any) -> CoreSchema:
    # Pydantic's own also takes numbers, and digits in quotes, for seconds since 1970.
    return core_schema.no_info_after_validator_function(
        instant, core_schema.str_schema(pattern=TIMESTAMP_PATTERN, strict=True)
    )


def _date(spec: Any) -> CoreSchema:
    return core_schema.no_info_after_validator_function(
        calendar_day, core_schema.str_schema(pattern=DATE_PATTERN, strict=True)
    )


def _json(spec: Any) -> CoreSchema:
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


def _text_schema(spec: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if spec.one_of is not None:
        return schema | {"enum": list(spec.one_of)}
    if spec.max_length is not None:
        schema["maxLength"] = spec.max_length
    if spec.pattern is not None:
        schema["pattern"] = spec.pattern
    return schema


def _bounded(kind: str) -> Callable[[Any], dict[str, Any]]:
    def schema(spec: Any) -> dict[str, Any]:
        bounds = {"minimum": spec.minimum, "maximum": spec.maximum}
        told = {
            name: bound
            for name, bound in bounds.items()
            if bound is not None and abs(bound) != MAX_INTEGER
        }
        return {"type": kind} | told

    return schema


def _fixed(value: dict[str, Any]) -> Callable[[Any], dict[str, Any]]:
    return lambda spec: dict(value)


def _sql(name: str) -> Callable[[Column], str]:
    return lambda column: name


def _varchar(column: Column) -> str:
    return f"VARCHAR({column.max_length})" if column.max_length else "VARCHAR"


def _decimal_sql(name: str) -> Callable[[Column], str]:
    return lambda column: f"{name}({column.precision or 38},{column.scale or 0})"


TYPES: dict[str, FieldType] = {
    "string": FieldType(_string, _text_schema, _varchar, _sql("VARCHAR")),
    "integer": FieldType(
        _integer, _bounded("integer"), _sql("NUMBER(38,0)"), _sql("DECIMAL(38,0)")
    ),
    "number": FieldType(_number, _bounded("number"), _sql("FLOAT"), _sql("DOUBLE"), is_key=False),
    "decimal": FieldType(
        _decimal,
        lambda spec: {"type": ["string", "integer"], "pattern": _decimal_pattern(spec)},
        _decimal_sql("NUMBER"),
        _decimal_sql("DECIMAL"),
        encode=lambda value: format(value, "f"),
    ),
    "boolean": FieldType(_boolean, _fixed({"type": "boolean"}), _sql("BOOLEAN"), _sql("BOOLEAN")),
    "uuid": FieldType(
        _uuid, _fixed({"type": "string", "format": "uuid"}), _sql("VARCHAR(36)"), _sql("UUID")
    ),
    "timestamp": FieldType(
        _timestamp,
        _fixed({"type": "string", "format": "date-time"}),
        _sql("TIMESTAMP_TZ"),
        _sql("TIMESTAMPTZ"),
        encode=utc_text,
    ),
    "date": FieldType(
        _date,
        _fixed({"type": "string", "format": "date"}),
        _sql("DATE"),
        _sql("DATE"),
        encode=date.isoformat,
    ),
    "json": FieldType(
        _json, _fixed({"not": {"type": "null"}}), _sql("VARIANT"), _sql("JSON"), is_key=False
    ),
}
