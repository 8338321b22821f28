"""DuckDB's SQL for a table: text and parameters, no I/O. `warehouse` is the attached file."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.contracts.table import Column, Table
from app.contracts.types import sql_type
from app.core.errors import Fatal
from sinks.protocol import FOUND_ROWS

CONTROL = "LOAD_CONTROL"
FENCE = "LOAD_FENCE"
FINGERPRINT = "LOAD_FINGERPRINT"
CONTROL_COLUMNS = (
    "table_name VARCHAR NOT NULL, day DATE NOT NULL, run VARCHAR NOT NULL, "
    "fence BIGINT NOT NULL, seals VARCHAR NOT NULL, staged BIGINT NOT NULL, "
    "rows BIGINT NOT NULL, loaded_at TIMESTAMPTZ NOT NULL"
)
FENCE_COLUMNS = "table_name VARCHAR NOT NULL, fence BIGINT NOT NULL, run VARCHAR NOT NULL"
FINGERPRINT_COLUMNS = (
    "table_name VARCHAR NOT NULL, day DATE NOT NULL, run VARCHAR NOT NULL, "
    "topic VARCHAR NOT NULL, partition BIGINT NOT NULL, counted BIGINT NOT NULL, "
    "first_offset BIGINT NOT NULL, last_offset BIGINT NOT NULL, offset_sum HUGEINT NOT NULL, "
    "square_sum HUGEINT NOT NULL, key_sum HUGEINT NOT NULL"
)
RUN_COLUMNS = {"shown": "VARCHAR", "hidden": "BIGINT"}
"""Of LOAD_CONTROL, once a table is loaded whose days are sent in declared runs."""
OWN_TABLES = {CONTROL: CONTROL_COLUMNS, FENCE: FENCE_COLUMNS, FINGERPRINT: FINGERPRINT_COLUMNS}
DECIMAL = re.compile(r"DECIMAL\(([0-9]+),([0-9]+)\)")
# As DuckDB itself names a type of ours, or a wider column that someone made by hand.
ALSO_FITS = {
    "TIMESTAMPTZ": ("TIMESTAMP WITH TIME ZONE",),
    "DECIMAL(38,0)": ("HUGEINT",),
    "UUID": ("VARCHAR",),
    "JSON": ("VARCHAR",),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """One column as it stands in the file."""

    name: str
    type: str
    nullable: bool


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def split(table: Table) -> tuple[str, str]:
    """Cut `SCHEMA.TABLE`."""
    schema, _, name = table.name.partition(".")
    return schema, name


def target(table: Table, name: str | None = None) -> str:
    """The table in the attached file, or another one of its schema."""
    schema, own = split(table)
    return f"warehouse.{quoted(schema)}.{quoted(name or own)}"


def names(columns: Sequence[Column]) -> str:
    return ", ".join(quoted(column.name) for column in columns)


def create(table: Table) -> list[str]:
    """Make the table, with its comments."""
    columns = ", ".join(
        f"{quoted(c.name)} {sql_type(c, 'duckdb')}{'' if c.nullable else ' NOT NULL'}"
        for c in table.columns
    )
    return [
        f"CREATE TABLE {target(table)} ({columns})",
        f"COMMENT ON TABLE {target(table)} IS {literal(table.comment)}",
        *(_comment(table, column) for column in table.columns),
    ]


def change(table: Table, standing: Collection[Standing]) -> list[str]:
    """Add the columns that are missing, make wider what is too narrow, and let go of a NOT NULL
    that no longer holds.

    Raises:
        Fatal: a column's type does not fit.
    """
    known = {column.name.lower(): column for column in standing}
    wanted = {column.name.lower(): column for column in table.columns}
    statements = []
    for name, column in wanted.items():
        kind = sql_type(column, "duckdb")
        if name not in known:
            # Rows that stand already have no value, so even a required column may be empty.
            statements.append(f"ALTER TABLE {target(table)} ADD COLUMN {quoted(name)} {kind}")
            statements.append(_comment(table, column))
        elif _is_wider(kind, known[name].type):
            statements.append(f"ALTER TABLE {target(table)} ALTER {quoted(name)} TYPE {kind}")
        elif known[name].type not in (kind, *ALSO_FITS.get(kind, ())):
            raise Fatal(
                f"DuckDB: {table.name}.{column.name} is {known[name].type}; the contract wants "
                f"{kind}: rename the old column, or give the contract another table"
            )
    for name, found in known.items():
        if not found.nullable and (name not in wanted or wanted[name].nullable):
            statements.append(f"ALTER TABLE {target(table)} ALTER {quoted(name)} DROP NOT NULL")
    return statements


def _is_wider(wanted: str, standing: str) -> bool:
    """Whether one DECIMAL has the places of another, and more digits before them."""
    new, old = DECIMAL.fullmatch(wanted), DECIMAL.fullmatch(standing)
    if new is None or old is None:
        return False
    return new[2] == old[2] and int(new[1]) > int(old[1])


def _comment(table: Table, column: Column) -> str:
    return f"COMMENT ON COLUMN {target(table)}.{quoted(column.name)} IS {literal(column.comment)}"


def stage(table: Table) -> str:
    """Make the staging table: the columns, all nullable, and the number of the object."""
    columns = ", ".join(f"{quoted(c.name)} {sql_type(c, 'duckdb')}" for c in table.columns)
    return f"CREATE TABLE staged ({columns}, _object INTEGER)"


LONGEST_LINE_BYTES = 4 << 20
"""An event has a million bytes at most, its row little more. The buffer is twice this."""


def read_objects(table: Table) -> str:
    """Stage local files, named by the object's number. Parameters: files, columns."""
    return (
        f"INSERT INTO staged SELECT {names(table.columns)}, "
        "CAST(parse_filename(filename) AS INTEGER) FROM read_json(?, columns = ?, "
        "format = 'newline_delimited', compression = 'gzip', filename = true, "
        f"hive_partitioning = false, maximum_object_size = {LONGEST_LINE_BYTES})"
    )


def count_keyless(table: Table) -> str:
    """Count the staged rows that lack a column of the key, by object."""
    lacking = " OR ".join(f"{quoted(name)} IS NULL" for name in table.key)
    return f"SELECT _object, count(*) FROM staged WHERE {lacking} GROUP BY ALL ORDER BY ALL"


def count_lacking(table: Table) -> str:
    """Count the staged rows that lack each of `newly_required`, which are one at least."""
    counts = (f"count(*) - count({quoted(column.name)})" for column in table.newly_required)
    return f"SELECT {', '.join(counts)} FROM staged"


def let_be_empty(table: Table, column: Column) -> str:
    return f"ALTER TABLE {target(table)} ALTER {quoted(column.name)} DROP NOT NULL"


def find_losers(table: Table) -> list[str]:
    """Find the staged rows that give way to another copy of their event: all rows of a copy do, or
    none, however many rows the other has.

    Only hashes of keys are grouped, and only rows of events that have more rows than one copy could
    are ordered: whole rows in a window function need many times the memory.
    """
    key = ", ".join(quoted(name) for name in ("day", *table.event_key))
    index = quoted(table.index) if table.index else "0"
    way = "ASC" if table.keep == "first" else "DESC"
    order = ", ".join(
        f"{quoted(name)} {way}" for name in ("_received_at", "_partition", "_offset", "_topic")
    )
    return [
        f"CREATE TABLE twice AS SELECT hash({key}) AS h FROM staged GROUP BY 1 "
        f"HAVING count(*) > max({index}) + 1",
        f"CREATE TABLE losers AS SELECT id FROM (SELECT rowid AS id, rank() OVER "
        f"(PARTITION BY {key} ORDER BY {order}) AS copy, row_number() OVER "
        f"(PARTITION BY {key}, {index} ORDER BY {order}) AS place FROM staged "
        f"WHERE hash({key}) IN (SELECT h FROM twice)) WHERE copy > 1 OR place > 1",
        "DROP TABLE twice",
    ]


def insert(table: Table) -> str:
    """Let one row per key of a day stand. Parameter: day."""
    columns = names(table.columns)
    return (
        f"INSERT INTO {target(table)} ({columns}) SELECT {columns} FROM staged "
        "WHERE day = ? AND rowid NOT IN (SELECT id FROM losers)"
    )


def select(table: Table, *, of_day: bool) -> str:
    """Read rows by ascending key; instants as naive UTC, which needs no time zone package."""
    return _select(table, "WHERE day = ? " if of_day else "")


def find(table: Table, names: Collection[str]) -> str:
    """Read rows by the values of these columns. Parameters: the values, as text."""
    types = {column.name: sql_type(column, "duckdb") for column in table.columns}
    where = " AND ".join(f"{quoted(name)} = CAST(? AS {types[name]})" for name in names)
    return _select(table, f"WHERE {where} ") + f" LIMIT {FOUND_ROWS}"


def _select(table: Table, where: str) -> str:
    columns = ", ".join(
        f"{quoted(c.name)} AT TIME ZONE 'UTC'" if c.type == "timestamp" else quoted(c.name)
        for c in table.columns
    )
    order = ", ".join(quoted(name) for name in (*table.key, "day"))
    return f"SELECT {columns} FROM {target(table)} {where}ORDER BY {order}"
