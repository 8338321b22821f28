"""What people and tools read of a contract: SQL, OpenAPI, a page of the catalogue."""

import json
from collections.abc import Sequence

from app.contracts.model import Contract
from app.contracts.openapi import openapi
from app.contracts.table import Column, Table
from app.contracts.types import Dialect, sql_type

__all__ = ["create_table", "openapi", "page"]


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


def page(contract: Contract) -> str:
    """Write the catalogue page of an event type, in Markdown."""
    return "\n\n".join(
        [
            f"# {contract.event} (v{contract.version})",
            _cell(contract.summary),
            _facts(contract),
            "## As sent\n\n" + _sent(contract),
            "## In the warehouse\n\n" + _landed(contract.table),
            "## Examples\n\n" + _examples(contract),
        ]
    )


def _facts(contract: Contract) -> str:
    day, dedupe = contract.day, contract.dedupe
    late = "however late" if day.late_days == "any" else f"up to {day.late_days} days late"
    facts = {
        "Sent by": f"{contract.app}; POST it to `/v1/events/{contract.event}`",
        "Owners": f"{contract.owners.team}, {contract.owners.chat}",
        "Topic": f"`{contract.topic}`, {contract.partitions} partitions, "
        f"key `{contract.kafka.key}`, kept {contract.kafka.retention_days} days",
        "Table": f"`{contract.table.name}`, brought up to date every {contract.load.every}",
        "One and the same": f"by {_code(dedupe.by)}; the {dedupe.keep} copy stands",
        "Day": f"of `{day.source}` in {day.timezone}; {late}, {day.early_minutes} minutes early",
    }
    return "\n".join(f"* **{name}**: {_cell(fact)}" for name, fact in facts.items())


def _sent(contract: Contract) -> str:
    rows = [
        (
            f"`{name}`",
            field.type + (", optional" if field.optional else ""),
            {"keep": "as sent", "hash": "hashed", "drop": "dropped"}[field.pii or "keep"],
            field.about,
        )
        for name, field in contract.fields.items()
    ]
    return _grid(("field", "type", "personal data", "meaning"), rows)


def _landed(table: Table) -> str:
    rows = [
        (
            f"`{c.name}`",
            sql_type(c, "snowflake"),
            sql_type(c, "duckdb"),
            "yes" if c.nullable else "",
            c.comment,
        )
        for c in table.columns
    ]
    return _grid(("column", "Snowflake", "DuckDB", "may be null", "meaning"), rows)


def _examples(contract: Contract) -> str:
    parts = []
    for example in contract.examples:
        given = json.dumps(example.given, indent=2, ensure_ascii=False)
        if example.rejected is None:
            outcome = f"lands: `{json.dumps(example.row, ensure_ascii=False)}`"
        else:
            field = f", field `{example.rejected.field}`" if example.rejected.field else ""
            outcome = f"is rejected: {example.rejected.reason}{field}"
        parts.append(f"**{_cell(example.name)}** {outcome}\n\n```json\n{given}\n```")
    return "\n\n".join(parts)


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
