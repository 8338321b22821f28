"""What stands in the database, and what a table still lacks. All DDL is here."""

from typing import Any

from app.contracts.table import Table
from app.core.errors import Fatal
from sinks.snowflake import sql
from sinks.snowflake.options import SnowflakeOptions


def stage_name(options: SnowflakeOptions) -> str:
    return f"{sql.quoted(options.schema_name)}.{sql.quoted(options.stage)}"


def control_table(options: SnowflakeOptions, name: str) -> str:
    """LOAD_CONTROL or LOAD_FENCE."""
    return f"{sql.quoted(options.schema_name)}.{sql.quoted(name)}"


def missing(cursor: Any, options: SnowflakeOptions, bucket_url: str, table: Table) -> list[str]:
    """The statements that make the database fit the table, in order.

    Raises:
        Fatal: a column's type does not fit, or the stage has to be made by someone else.
    """
    own, name = sql.split(table)
    control = options.schema_name.upper()
    standing = {schema for (schema,) in _rows(cursor, _schemas([own, control]))}
    # Last the one with the control tables: a new schema becomes the session's current one.
    statements = [
        f"CREATE SCHEMA IF NOT EXISTS {sql.quoted(schema)}"
        for schema in dict.fromkeys([own, control])
        if schema not in standing
    ]
    columns = _columns(cursor, own, name)
    statements += sql.change(table, columns) if columns else [sql.create(table)]
    for part, definition in sql.OWN_TABLES.items():
        if not _columns(cursor, control, part):
            place = control_table(options, part)
            statements.append(f"CREATE TABLE IF NOT EXISTS {place} ({definition})")
    if table.runs:
        known = {column.name for column in _columns(cursor, control, sql.CONTROL)}
        statements += [
            f"ALTER TABLE {control_table(options, sql.CONTROL)} ADD COLUMN IF NOT EXISTS "
            f"{name} {kind}"
            for name, kind in sql.RUN_COLUMNS.items()
            if name not in known
        ]
    if control not in standing or not _stage_stands(cursor, options, bucket_url):
        statements.append(_make_stage(options, bucket_url))
    return statements


def _stage_stands(cursor: Any, options: SnowflakeOptions, bucket_url: str) -> bool:
    place, name = sql.quoted(options.schema_name), options.stage.upper()
    # LIKE takes a pattern, and a name may have a _ in it: only the one of exactly this name counts.
    stages = _rows(cursor, f"SHOW STAGES LIKE {sql.literal(name)} IN SCHEMA {place}")
    columns = [described[0].lower() for described in cursor.description]
    urls = [
        str(row[columns.index("url")] or "") for row in stages if row[columns.index("name")] == name
    ]
    for url in urls:
        if url.rstrip("/") != bucket_url.rstrip("/"):
            raise Fatal(
                f"Snowflake: the stage {stage_name(options)} is over {url}, but S3__BUCKET and "
                f"S3__PREFIX say {bucket_url}: correct one of them, or SNOWFLAKE__STAGE"
            )
    return bool(urls)


def _make_stage(options: SnowflakeOptions, bucket_url: str) -> str:
    statement = sql.create_stage(
        stage_name(options), bucket_url, options.storage_integration or "<its integration>"
    )
    if options.storage_integration:
        return statement
    raise Fatal(
        "Snowflake: there is no stage over the bucket. Set SNOWFLAKE__STORAGE_INTEGRATION, or "
        f"have the platform team run: {statement}"
    )


def _schemas(names: list[str]) -> str:
    wanted = ", ".join(sql.literal(name) for name in names)
    return f"SELECT SCHEMA_NAME FROM INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME IN ({wanted})"


def _columns(cursor: Any, schema: str, name: str) -> list[sql.Standing]:
    rows = _rows(
        cursor,
        "SELECT COLUMN_NAME, DATA_TYPE, IS_NULLABLE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, "
        "NUMERIC_SCALE FROM INFORMATION_SCHEMA.COLUMNS "
        f"WHERE TABLE_SCHEMA = {sql.literal(schema)} AND TABLE_NAME = {sql.literal(name)}",
    )
    return [
        sql.Standing(column, kind, nullable == "YES", length, precision, scale)
        for column, kind, nullable, length, precision, scale in rows
    ]


def _rows(cursor: Any, statement: str) -> list[tuple[Any, ...]]:
    return list(cursor.execute(statement).fetchall())
