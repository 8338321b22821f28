"""LOAD_FINGERPRINT: what the rows of each day and partition left of themselves when loaded.

It has one row per table, day and partition, computed by Snowflake and written in the transaction
of the load. It counts only as long as LOAD_CONTROL names the same run.
"""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from app.contracts.table import Table
from sinks.fingerprints import LOADED, PLACES_PER_PAGE, STANDING, day_prints, split_partition
from sinks.protocol import DayPrints, Place
from sinks.snowflake import sql
from sinks.snowflake.errors import DOES_NOT_EXIST, number_of
from sinks.snowflake.options import SnowflakeOptions
from sinks.snowflake.schema import control_table

PLACE = '"DAY", "_TOPIC", "_PARTITION"'
NUMBERS = ("COUNTED", "FIRST_OFFSET", "LAST_OFFSET", "OFFSET_SUM", "SQUARE_SUM", "KEY_SUM")


def read_prints(
    cursor: Any, options: SnowflakeOptions, table: Table, days: Collection[date]
) -> dict[date, DayPrints]:
    """Read both in one statement, so that no load comes between."""
    from snowflake.connector.errors import ProgrammingError

    standing, loaded = _standing(table, days), _loaded(options, days)
    try:
        rows = cursor.execute(f"{standing} UNION ALL {loaded}", (table.name,)).fetchall()
    except ProgrammingError as error:
        if number_of(error) != DOES_NOT_EXIST:
            raise
        rows = cursor.execute(standing).fetchall()  # no load of this version has been here yet
    return day_prints(rows)


def write_prints(
    cursor: Any, options: SnowflakeOptions, table: Table, days: Collection[date], run: str
) -> None:
    """Replace the fingerprints of these days by those of the rows that stand."""
    prints, of_days = control_table(options, sql.FINGERPRINT), sql.dates(days)
    cursor.execute(
        f"DELETE FROM {prints} WHERE TABLE_NAME = ? AND DAY IN ({of_days})", (table.name,)
    )
    columns = ", ".join(("TABLE_NAME", "RUN", "DAY", "TOPIC", "PARTITION_NUMBER", *NUMBERS))
    names = f"{sql.literal(table.name)}, {sql.literal(run)}"
    cursor.execute(
        f"INSERT INTO {prints} ({columns}) "
        f"SELECT {names}, {PLACE}, {', '.join(_numbers(table))} "
        f'FROM {sql.target(table)} WHERE "DAY" IN ({of_days}) GROUP BY {PLACE}'
    )


def read_places(
    cursor: Any, table: Table, day: date, tp: str, beyond: Place
) -> list[tuple[Place, int]]:
    topic, partition = split_partition(tp)
    index = sql.quoted(table.index) if table.index else "0"
    rows = cursor.execute(
        f'SELECT "_OFFSET", {index}, COUNT(*) FROM {sql.target(table)} '
        f'WHERE "DAY" = {sql.dates([day])} AND "_TOPIC" = {sql.literal(topic)} '
        f'AND "_PARTITION" = {partition} AND ("_OFFSET" > {beyond[0]} '
        f'OR ("_OFFSET" = {beyond[0]} AND {index} > {beyond[1]})) '
        f"GROUP BY 1, 2 ORDER BY 1, 2 LIMIT {PLACES_PER_PAGE}"
    ).fetchall()
    return [((int(offset), int(index)), int(copies)) for offset, index, copies in rows]


def _standing(table: Table, days: Collection[date]) -> str:
    place = '"DAY", \'\', "_TOPIC", "_PARTITION"'
    return (
        f"SELECT '{STANDING}', {place}, {_told(_numbers(table))} "
        f'FROM {sql.target(table)} WHERE "DAY" IN ({sql.dates(days)}) GROUP BY {PLACE}'
    )


def _loaded(options: SnowflakeOptions, days: Collection[date]) -> str:
    prints = control_table(options, sql.FINGERPRINT)
    control = control_table(options, sql.CONTROL)
    numbers = _told(f"F.{name}" for name in NUMBERS)
    return (
        f"SELECT '{LOADED}', F.DAY, F.RUN, F.TOPIC, F.PARTITION_NUMBER, {numbers} "
        f"FROM {prints} AS F JOIN {control} AS C "
        "ON C.TABLE_NAME = F.TABLE_NAME AND C.DAY = F.DAY AND C.RUN = F.RUN "
        f"WHERE F.TABLE_NAME = ? AND F.DAY IN ({sql.dates(days)})"
    )


def _told(numbers: Iterable[str]) -> str:
    """As text, so that no digit is lost on the way."""
    return ", ".join(f"CAST({number} AS VARCHAR)" for number in numbers)


def _numbers(table: Table) -> list[str]:
    """In the order of `Fingerprint`. NUMBER(38,0): squares outgrow 64 bits."""
    types = {column.name: column.type for column in table.columns}
    key = " || '|' || ".join(_text(name, types[name]) for name in table.key)
    squares = 'CAST("_OFFSET" AS NUMBER(38,0)) * "_OFFSET"'
    if table.index:
        index = sql.quoted(table.index)
        squares += f" + CAST({index} AS NUMBER(38,0)) * {index}"
    return [
        "COUNT(*)",
        'MIN("_OFFSET")',
        'MAX("_OFFSET")',
        'SUM(CAST("_OFFSET" AS NUMBER(38,0)))',
        f"SUM(CAST({squares} AS NUMBER(38,0)))",
        f"SUM(CAST(MD5_NUMBER_LOWER64({key}) AS NUMBER(38,0)))",
    ]


def _text(name: str, kind: str) -> str:
    """A key's column as text that no setting of the session or the account changes."""
    column = sql.quoted(name)
    match kind:
        case "timestamp":
            text = f"DATE_PART(EPOCH_MICROSECOND, {column})::VARCHAR"
        case "date":
            text = f"TO_CHAR({column}, 'YYYY-MM-DD')"
        case _:
            text = f"{column}::VARCHAR"
    return f"COALESCE({text}, '')"
