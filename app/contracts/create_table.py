"""The SQL that makes a table."""

from collections.abc import Sequence

from app.contracts.table import Column, Table
from app.contracts.types import Dialect, sql_type


def create_table(table: Table, dialect: Dialect) -> str:
    """Write the statements that make a table, with its comments."""
    return _snowflake(table) if dialect == "snowflake" else _duckdb(table)


def _snowflake(table: Table) -> str:
    columns = ",\n".join(
        f"  {_quoted(c.name.upper())} {_typed(c, 'snowflake')} COMMENT {_escaped(c.comment)}"
        for c in table.columns
    )
    keys = ", ".join(_quoted(name.upper()) for name in _clustering(table))
    return (
        f"CREATE TABLE IF NOT EXISTS {_named(table)} (\n{columns}\n)\n"
        f"CLUSTER BY ({keys})\nCOMMENT = {_escaped(table.comment)};"
    )


def _duckdb(table: Table) -> str:
    name = _named(table)
    columns = ",\n".join(f"  {_quoted(c.name)} {_typed(c, 'duckdb')}" for c in table.columns)
    comments = [f"COMMENT ON TABLE {name} IS {_literal(table.comment)};"]
    comments += [
        f"COMMENT ON COLUMN {name}.{_quoted(c.name)} IS {_literal(c.comment)};"
        for c in table.columns
    ]
    return "\n".join([f"CREATE TABLE IF NOT EXISTS {name} (\n{columns}\n);", *comments])


def _clustering(table: Table) -> Sequence[str]:
    return ("day", *(name for name in table.cluster_by if name != "day"))


def _typed(column: Column, dialect: Dialect) -> str:
    return sql_type(column, dialect) + ("" if column.nullable else " NOT NULL")


def _named(table: Table) -> str:
    return ".".join(map(_quoted, table.name.split(".")))


def _quoted(name: str) -> str:
    return f'"{name}"'  # names are letters, digits and underscores; some are words of SQL


def _literal(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _escaped(text: str) -> str:
    return _literal(text.replace("\\", "\\\\"))  # to Snowflake a backslash begins an escape
