"""What stands in the file, and what a table still lacks."""

import duckdb

from app.contracts.table import Table
from sinks.duckdb import sql


def stands(connection: duckdb.DuckDBPyConnection, table: Table) -> bool:
    """Whether the table has been prepared."""
    return bool(_columns(connection, *sql.split(table)))


def has(connection: duckdb.DuckDBPyConnection, table: Table, name: str) -> bool:
    """Whether the table's schema has another table of this name."""
    return bool(_columns(connection, sql.split(table)[0], name))


def missing(connection: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    """The statements that make the file fit the table: schema, table, columns, control tables.

    Raises:
        Fatal: a column's type does not fit.
    """
    schema, name = sql.split(table)
    statements = []
    schemas = connection.execute(
        "SELECT 1 FROM duckdb_schemas() "
        "WHERE database_name = 'warehouse' AND lower(schema_name) = lower(?)",
        [schema],
    )
    if schemas.fetchone() is None:
        statements.append(f"CREATE SCHEMA warehouse.{sql.quoted(schema)}")
    standing = _columns(connection, schema, name)
    statements += sql.change(table, standing) if standing else sql.create(table)
    for control, columns in sql.OWN_TABLES.items():
        if not _columns(connection, schema, control):
            statements.append(f"CREATE TABLE {sql.target(table, control)} ({columns})")
    if table.runs:
        known = {column.name for column in _columns(connection, schema, sql.CONTROL)}
        statements += [
            f"ALTER TABLE {sql.target(table, sql.CONTROL)} ADD COLUMN {name} {kind}"
            for name, kind in sql.RUN_COLUMNS.items()
            if name not in known
        ]
    return statements


def _columns(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> list[sql.Standing]:
    rows = connection.execute(
        "SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE "
        "database_name = 'warehouse' "
        "AND lower(schema_name) = lower(?) AND lower(table_name) = lower(?)",
        [schema, name],
    ).fetchall()
    return [sql.Standing(*row) for row in rows]
