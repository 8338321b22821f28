"""The one table from which validation, landing, SQL and JSON Schema take a field's type."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Literal

from pydantic_core import CoreSchema, SchemaValidator, core_schema

from app.contracts import json_schemas, validators
from app.contracts.fields import Field, ListField, ObjectField, Unknown
from app.contracts.lenient import respell
from app.contracts.table import Column

Dialect = Literal["snowflake", "duckdb"]
SEMI_STRUCTURED = ("json", "list", "object")
"""The types that are one JSON value to a warehouse."""


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


def core_of(field: Field) -> CoreSchema:
    """Validate a field's value, in whatever spelling the field takes."""
    strict = TYPES[field.type].core(field)
    change = respell(field)
    if change is None:
        return strict
    if field.type != "decimal":
        return core_schema.no_info_before_validator_function(change, strict)

    def noting(value: Any, info: core_schema.ValidationInfo[list[float] | None]) -> Any:
        if isinstance(value, float) and info.context is not None:
            info.context.append(value)
        return change(value)

    return core_schema.with_info_before_validator_function(noting, strict)


def member(field: Field) -> core_schema.TypedDictField:
    """Validate the value under a key of an object, which may be absent if the field says so."""
    schema: CoreSchema = core_of(field)
    if field.default is not None:
        default = valid_default(field)
        schema = core_schema.no_info_after_validator_function(
            lambda value: default if value is None else value, core_schema.nullable_schema(schema)
        )
    elif field.optional:
        default, schema = None, core_schema.nullable_schema(schema)
    else:
        return core_schema.typed_dict_field(schema)
    return core_schema.typed_dict_field(
        core_schema.with_default_schema(schema, default=default), required=False
    )


def valid_default(field: Field) -> Any:
    """Read a field's default as if it had been sent. Raises pydantic's `ValidationError`."""
    if field.default is None:
        return None
    return SchemaValidator(core_of(field)).validate_json(json.dumps(field.default))


def _list(spec: ListField) -> CoreSchema:
    return core_schema.list_schema(
        core_of(spec.items),
        min_length=spec.min_items,
        max_length=spec.max_items,
        strict=True,
        fail_fast=True,
    )


EXTRA_BEHAVIOR: Mapping[Unknown, core_schema.ExtraBehavior] = {
    "reject": "forbid",
    "drop": "ignore",
    "keep": "allow",
}


def object_of(
    members: Mapping[str, core_schema.TypedDictField], unknown: Unknown
) -> core_schema.TypedDictSchema:
    """Validate an object that has these keys, and others as `unknown` says."""
    kept = core_schema.nullable_schema(validators.json()) if unknown == "keep" else None
    return core_schema.typed_dict_schema(
        dict(members), extra_behavior=EXTRA_BEHAVIOR[unknown], extras_schema=kept, strict=True
    )


def _object(spec: ObjectField) -> CoreSchema:
    members = {name: member(field) for name, field in spec.fields.items()}
    return object_of(members, spec.unknown)


def field_schema(field: Field) -> json_schemas.Json:
    """Describe a field as it is sent, in JSON Schema."""
    schema = TYPES[field.type].json_schema(field)
    if getattr(field, "lenient", False):
        schema = {"anyOf": [schema, json_schemas.OTHER_SPELLING[field.type]]}
    if field.optional or field.default is not None:
        schema = {"anyOf": [schema, {"type": "null"}]}
    about = {"description": field.about} if field.about else {}
    default = {"default": field.default} if field.default is not None else {}
    return about | schema | default


def _list_schema(spec: ListField) -> json_schemas.Json:
    bounds = {"minItems": spec.min_items, "maxItems": spec.max_items}
    told = {key: bound for key, bound in bounds.items() if bound is not None}
    return {"type": "array", "items": field_schema(spec.items)} | told


def _object_schema(spec: ObjectField) -> json_schemas.Json:
    return json_schemas.object_of(
        {name: field_schema(field) for name, field in spec.fields.items()},
        [name for name, field in spec.fields.items() if field.required],
        closed=spec.unknown == "reject",
    )


def _sql(name: str) -> Callable[[Column], str]:
    return lambda column: name


def _varchar(column: Column) -> str:
    return f"VARCHAR({column.max_length})" if column.max_length else "VARCHAR"


def _decimal_sql(name: str) -> Callable[[Column], str]:
    return lambda column: f"{name}({column.precision or 38},{column.scale or 0})"


TYPES: dict[str, FieldType] = {
    "string": FieldType(validators.string, json_schemas.text, _varchar, _sql("VARCHAR")),
    "integer": FieldType(
        validators.integer,
        json_schemas.bounded("integer"),
        _sql("NUMBER(38,0)"),
        _sql("DECIMAL(38,0)"),
    ),
    "number": FieldType(
        validators.number,
        json_schemas.bounded("number"),
        _sql("FLOAT"),
        _sql("DOUBLE"),
        is_key=False,
    ),
    "decimal": FieldType(
        validators.decimal,
        json_schemas.decimal,
        _decimal_sql("NUMBER"),
        _decimal_sql("DECIMAL"),
        encode=lambda value: format(value, "f"),
    ),
    "boolean": FieldType(
        validators.boolean,
        json_schemas.fixed({"type": "boolean"}),
        _sql("BOOLEAN"),
        _sql("BOOLEAN"),
    ),
    "uuid": FieldType(
        validators.uuid,
        json_schemas.fixed({"type": "string", "format": "uuid"}),
        _sql("VARCHAR(36)"),
        _sql("UUID"),
    ),
    "timestamp": FieldType(
        validators.timestamp,
        json_schemas.moment,
        _sql("TIMESTAMP_TZ"),
        _sql("TIMESTAMPTZ"),
        encode=utc_text,
    ),
    "date": FieldType(
        validators.date,
        json_schemas.fixed({"type": "string", "format": "date"}),
        _sql("DATE"),
        _sql("DATE"),
        encode=date.isoformat,
    ),
    "json": FieldType(
        validators.json,
        json_schemas.fixed({"not": {"type": "null"}}),
        _sql("VARIANT"),
        _sql("JSON"),
        is_key=False,
    ),
    "list": FieldType(_list, _list_schema, _sql("VARIANT"), _sql("JSON"), is_key=False),
    "object": FieldType(_object, _object_schema, _sql("VARIANT"), _sql("JSON"), is_key=False),
}
