"""Snowflake's SQL for a table: text, no I/O.

Names are quoted and in capitals, so that `SELECT order_id FROM raw.order_placed` finds them.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.contracts.table import Column, Table
from app.contracts.types import SEMI_STRUCTURED, sql_type
from app.core.errors import Fatal
from sinks.protocol import FOUND_ROWS

CONTROL = "LOAD_CONTROL"
FENCE = "LOAD_FENCE"
FINGERPRINT = "LOAD_FINGERPRINT"
CONTROL_COLUMNS = (
    "TABLE_NAME VARCHAR NOT NULL, DAY DATE NOT NULL, RUN VARCHAR NOT NULL, "
    "FENCE NUMBER(38,0) NOT NULL, SEALS VARCHAR NOT NULL, STAGED NUMBER(38,0) NOT NULL, "
    '"ROWS" NUMBER(38,0) NOT NULL, LOADED_AT TIMESTAMP_TZ NOT NULL'
)
FENCE_COLUMNS = (
    "TABLE_NAME VARCHAR NOT NULL, FENCE NUMBER(38,0) NOT NULL, RUN VARCHAR, LOCKED_BY VARCHAR"
)
FINGERPRINT_COLUMNS = (
    "TABLE_NAME VARCHAR NOT NULL, DAY DATE NOT NULL, RUN VARCHAR NOT NULL, "
    "TOPIC VARCHAR NOT NULL, PARTITION_NUMBER NUMBER(38,0) NOT NULL, "
    "COUNTED NUMBER(38,0) NOT NULL, FIRST_OFFSET NUMBER(38,0) NOT NULL, "
    "LAST_OFFSET NUMBER(38,0) NOT NULL, OFFSET_SUM NUMBER(38,0) NOT NULL, "
    "SQUARE_SUM NUMBER(38,0) NOT NULL, KEY_SUM NUMBER(38,0) NOT NULL"
)
RUN_COLUMNS = {"SHOWN": "VARCHAR", "HIDDEN": "NUMBER(38,0)"}
"""Of LOAD_CONTROL, once a table is loaded whose days are sent in declared runs."""
OWN_TABLES = {CONTROL: CONTROL_COLUMNS, FENCE: FENCE_COLUMNS, FINGERPRINT: FINGERPRINT_COLUMNS}
LONGEST_TEXT = 16_777_216
SQL_TYPE = re.compile(r"^(\w+)(?:\((\d+)(?:,(\d+))?\))?$")


@dataclass(frozen=True, slots=True)
class Standing:
    """One column as INFORMATION_SCHEMA.COLUMNS shows it."""

    name: str
    type: str
    nullable: bool
    length: int | None
    precision: int | None
    scale: int | None

    def __str__(self) -> str:
        if self.type == "TEXT":
            return f"VARCHAR({self.length})" if self.length else "VARCHAR"
        return f"NUMBER({self.precision},{self.scale})" if self.type == "NUMBER" else self.type

    def holds(self, wanted: str) -> bool:
        """Whether values of an SQL type of ours fit."""
        parts = SQL_TYPE.match(wanted)
        assert parts is not None
        name, first, second = parts.groups()
        if name == "VARCHAR":
            length = self.length or LONGEST_TEXT
            return self.type == "TEXT" and length >= int(first or LONGEST_TEXT)
        if name == "NUMBER":
            same_scale = self.type == "NUMBER" and self.scale == int(second)
            return same_scale and (self.precision or 0) >= int(first)
        return self.type == name

    def can_be_made(self, wanted: str) -> bool:
        """Whether Snowflake makes the column wider in place, which touches no row."""
        parts = SQL_TYPE.match(wanted)
        assert parts is not None
        name, _, scale = parts.groups()
        if name == "VARCHAR":
            return self.type == "TEXT"
        return name == self.type == "NUMBER" and self.scale == int(scale)


def quoted(name: str) -> str:
    return '"' + name.upper().replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string constant: Snowflake reads a backslash in one as an escape."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def field(name: str) -> str:
    """A field of the row in a staged object, whose names are as the contract has them."""
    return '$1:"' + name.replace('"', '""') + '"'


def split(table: Table) -> tuple[str, str]:
    """Cut `SCHEMA.TABLE`, in capitals."""
    schema, _, name = table.name.upper().partition(".")
    return schema, name


def target(table: Table) -> str:
    return ".".join(quoted(part) for part in split(table))


def names(columns: Sequence[Column]) -> str:
    return ", ".join(quoted(column.name) for column in columns)


def dates(days: Iterable[date]) -> str:
    return ", ".join(f"'{day.isoformat()}'::DATE" for day in days)


def create(table: Table) -> str:
    """Make the table. Clustering begins with the day, because days are replaced."""
    columns = ", ".join(
        f"{quoted(c.name)} {sql_type(c, 'snowflake')}{'' if c.nullable else ' NOT NULL'} "
        f"COMMENT {literal(c.comment)}"
        for c in table.columns
    )
    by = list(dict.fromkeys(["day", *table.cluster_by])) if table.cluster_by else []
    cluster = f" CLUSTER BY ({', '.join(map(quoted, by))})" if by else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {target(table)} ({columns}){cluster} "
        f"COMMENT = {literal(table.comment)}"
    )


def change(table: Table, standing: Collection[Standing]) -> list[str]:
    """Add the columns that are missing, make wider what is too narrow, and let go of a NOT NULL
    that no longer holds.

    Raises:
        Fatal: a column's type does not fit.
    """
    known = {column.name: column for column in standing}
    wanted = {column.name.upper(): column for column in table.columns}
    statements = []
    for name, column in wanted.items():
        kind = sql_type(column, "snowflake")
        if name not in known:
            # Rows that stand already have no value, so even a required column may be empty.
            statements.append(
                f"ALTER TABLE {target(table)} ADD COLUMN IF NOT EXISTS {quoted(name)} {kind} "
                f"COMMENT {literal(column.comment)}"
            )
        elif known[name].holds(kind):
            continue
        elif known[name].can_be_made(kind):
            statements.append(
                f"ALTER TABLE {target(table)} ALTER COLUMN {quoted(name)} SET DATA TYPE {kind}"
            )
        else:
            raise Fatal(
                f"Snowflake: {table.name}.{name} is {known[name]}; the contract wants {kind}: "
                "give the field another name, or the contract another table"
            )
    for name, found in known.items():
        if not found.nullable and (name not in wanted or wanted[name].nullable):
            statements.append(
                f"ALTER TABLE {target(table)} ALTER COLUMN {quoted(name)} DROP NOT NULL"
            )
    return statements


def create_stage(stage: str, url: str, integration: str) -> str:
    return (
        f"CREATE STAGE IF NOT EXISTS {stage} URL = {literal(url)} "
        f"STORAGE_INTEGRATION = {quoted(integration)}"
    )


def create_staging(table: Table, staging: str) -> str:
    """Make the staging table: the columns, all nullable, and the object's name."""
    columns = ", ".join(f"{quoted(c.name)} {_staged(c)}" for c in table.columns)
    return f'CREATE TEMPORARY TABLE {staging} ({columns}, "_FILE" VARCHAR)'


def copy(table: Table, staging: str, stage: str, keys: Sequence[str]) -> str:
    """Stage these objects, all or nothing. FORCE: load history must not skip a repeated load;
    NULL_IF: by default the text \\N would become NULL."""
    values = ", ".join(f"{field(c.name)}{_cast(c)}" for c in table.columns)
    files = ", ".join(literal(key) for key in keys)
    return (
        f'COPY INTO {staging} ({names(table.columns)}, "_FILE") '
        f"FROM (SELECT {values}, METADATA$FILENAME FROM @{stage}) FILES = ({files}) "
        "FILE_FORMAT = (TYPE = JSON COMPRESSION = GZIP NULL_IF = ()) "
        "ON_ERROR = ABORT_STATEMENT FORCE = TRUE"
    )


def _cast(column: Column) -> str:
    return "" if column.type in SEMI_STRUCTURED else f"::{_staged(column)}"


def _staged(column: Column) -> str:
    """Text is staged whole: a cast to a length would cut it in silence, and a former contract may
    have allowed more than this one. What is too long for the table, that refuses."""
    kind = sql_type(column, "snowflake")
    return "VARCHAR" if kind.startswith("VARCHAR") else kind


def count_keyless(table: Table, staging: str) -> str:
    """Count the staged rows that lack a column of the key, by file."""
    lacking = " OR ".join(f"{quoted(name)} IS NULL" for name in table.key)
    return f'SELECT "_FILE", COUNT(*) FROM {staging} WHERE {lacking} GROUP BY 1 ORDER BY 1'


def count_lacking(table: Table, staging: str) -> str:
    """Count the staged rows that lack each of `newly_required`, which are one at least."""
    counts = (f"COUNT(*) - COUNT({_value(column)})" for column in table.newly_required)
    return f"SELECT {', '.join(counts)} FROM {staging}"


def let_be_empty(table: Table, column: Column) -> str:
    return f"ALTER TABLE {target(table)} ALTER COLUMN {quoted(column.name)} DROP NOT NULL"


def _value(column: Column) -> str:
    # A JSON null would be a value that IS NULL does not find.
    name = quoted(column.name)
    return f"STRIP_NULL_VALUE({name})" if column.type in SEMI_STRUCTURED else name


def insert(table: Table, staging: str) -> str:
    """Let one row per key and day stand."""
    values = ", ".join(map(_value, table.columns))
    way = "ASC" if table.keep == "first" else "DESC"
    order = ", ".join(
        f"{quoted(name)} {way}" for name in ("_received_at", "_partition", "_offset", "_topic")
    )
    stands = f"ROW_NUMBER() OVER (PARTITION BY {_of_a_day(table.key)} ORDER BY {order}) = 1"
    if table.index:  # all rows of an event are of one copy, however many rows another has
        event = _of_a_day(table.event_key)
        stands += f" AND RANK() OVER (PARTITION BY {event} ORDER BY {order}) = 1"
    return (
        f"INSERT INTO {target(table)} ({names(table.columns)}) SELECT {values} FROM {staging} "
        f"QUALIFY {stands}"
    )


def _of_a_day(key: Sequence[str]) -> str:
    return ", ".join(quoted(name) for name in dict.fromkeys(("day", *key)))


def select(table: Table, day: date | None) -> str:
    """Read rows by ascending key."""
    return _select(table, "" if day is None else f"WHERE {quoted('day')} = {dates([day])} ")


def find(table: Table, key: Mapping[str, str]) -> str:
    """Read rows by the values of these columns, as text."""
    types = {column.name: sql_type(column, "snowflake") for column in table.columns}
    where = " AND ".join(
        f"{quoted(name)} = CAST({literal(text)} AS {types[name]})" for name, text in key.items()
    )
    return _select(table, f"WHERE {where} ") + f" LIMIT {FOUND_ROWS}"


def _select(table: Table, where: str) -> str:
    order = ", ".join(quoted(name) for name in (*table.key, "day"))
    return f"SELECT {names(table.columns)} FROM {target(table)} {where}ORDER BY {order}"
