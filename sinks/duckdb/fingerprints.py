"""LOAD_FINGERPRINT: what the rows of each day and partition left of themselves when loaded.

It has one row per table, day and partition, computed by DuckDB and written in the transaction of
the load. It counts only as long as LOAD_CONTROL names the same run.
"""

from collections.abc import Collection
from datetime import date

import duckdb

from app.contracts.table import Table
from sinks.duckdb.schema import has
from sinks.duckdb.sql import CONTROL, FINGERPRINT, quoted, target
from sinks.fingerprints import LOADED, PLACES_PER_PAGE, STANDING, day_prints, split_partition
from sinks.protocol import DayPrints, Place

LEFT = "first_offset, last_offset, offset_sum, square_sum, key_sum"


def read_prints(
    connection: duckdb.DuckDBPyConnection, table: Table, days: Collection[date]
) -> dict[date, DayPrints]:
    """Read both in one statement, so that no load comes between."""
    statement = (
        f"SELECT '{STANDING}', day, '', _topic, _partition, {_numbers(table)} "
        f"FROM {target(table)} WHERE day IN (SELECT unnest($days)) GROUP BY ALL"
    )
    parameters: dict[str, object] = {"days": list(days)}
    if has(connection, table, FINGERPRINT):
        parameters["name"] = table.name
        statement += (
            f" UNION ALL SELECT '{LOADED}', day, run, topic, partition, counted, {LEFT} "
            f"FROM {target(table, FINGERPRINT)} JOIN {target(table, CONTROL)} "
            "USING (table_name, day, run) "
            "WHERE table_name = $name AND day IN (SELECT unnest($days))"
        )
    return day_prints(connection.execute(statement, parameters).fetchall())


def write_prints(
    connection: duckdb.DuckDBPyConnection, table: Table, days: Collection[date], run: str
) -> None:
    """Replace the fingerprints of these days by those of the rows that stand."""
    prints = target(table, FINGERPRINT)
    connection.execute(
        f"DELETE FROM {prints} WHERE table_name = ? AND day IN (SELECT unnest(?))",
        [table.name, list(days)],
    )
    connection.execute(
        f"INSERT INTO {prints} SELECT $name, day, $run, _topic, _partition, {_numbers(table)} "
        f"FROM {target(table)} WHERE day IN (SELECT unnest($days)) GROUP BY ALL",
        {"name": table.name, "run": run, "days": list(days)},
    )


def read_places(
    connection: duckdb.DuckDBPyConnection, table: Table, day: date, tp: str, beyond: Place
) -> list[tuple[Place, int]]:
    topic, partition = split_partition(tp)
    index = quoted(table.index) if table.index else "0"
    rows = connection.execute(
        f"SELECT _offset, {index}, count(*) FROM {target(table)} WHERE day = $day "
        "AND _topic = $topic AND _partition = $partition "
        f"AND (_offset > $offset OR (_offset = $offset AND {index} > $index)) "
        f"GROUP BY 1, 2 ORDER BY 1, 2 LIMIT {PLACES_PER_PAGE}",
        {"day": day, "topic": topic, "partition": partition, "offset": beyond[0],
         "index": beyond[1]},
    ).fetchall()  # fmt: skip
    return [((int(offset), int(index)), copies) for offset, index, copies in rows]


def _numbers(table: Table) -> str:
    """In the order of `Fingerprint`. HUGEINT: squares outgrow 64 bits."""
    # Casts of instants to text obey the session's time zone, which we set.
    key = " || '|' || ".join(f"COALESCE({quoted(name)}::VARCHAR, '')" for name in table.key)
    squares = "_offset::HUGEINT * _offset"
    if table.index:
        squares += f" + {quoted(table.index)}::HUGEINT * {quoted(table.index)}"
    return (
        "count(*), min(_offset), max(_offset), sum(_offset::HUGEINT), "
        f"sum({squares}), sum(md5_number_lower({key})::HUGEINT)"
    )
