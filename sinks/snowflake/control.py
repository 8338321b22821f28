"""LOAD_CONTROL and LOAD_FENCE: what the last load left.

LOAD_CONTROL has one row per table and loaded day; LOAD_FENCE one per table, which is also the
lock: whoever updates it first goes first.
"""

import json
from collections.abc import Collection, Mapping
from datetime import UTC, date
from typing import Any

from app.contracts.table import Table
from app.core.errors import Fatal, Fenced
from sinks.protocol import LoadedDay
from sinks.snowflake import sql
from sinks.snowflake.options import SnowflakeOptions
from sinks.snowflake.schema import control_table


def read_control(
    cursor: Any, options: SnowflakeOptions, table: Table, days: Collection[date]
) -> Mapping[date, LoadedDay]:
    """Read the rows of these days."""
    if not days:
        return {}
    # All columns: those of declared runs are there only where a table has such.
    rows = cursor.execute(
        f"SELECT * FROM {control_table(options, sql.CONTROL)} "
        f"WHERE TABLE_NAME = ? AND DAY IN ({sql.dates(days)})",
        (table.name,),
    ).fetchall()
    names = [described[0].upper() for described in cursor.description]
    found = (dict(zip(names, row, strict=True)) for row in rows)
    return {
        row["DAY"]: LoadedDay(
            day=row["DAY"],
            run=row["RUN"],
            fence=int(row["FENCE"]),
            seals=tuple(json.loads(row["SEALS"])),
            staged=int(row["STAGED"]),
            rows=int(row["ROWS"]),
            loaded_at=row["LOADED_AT"].astimezone(UTC),
            shown=row.get("SHOWN") or "",
            hidden=int(row.get("HIDDEN") or 0),
        )
        for row in found
    }


def write_control(
    cursor: Any, options: SnowflakeOptions, table: Table, loaded: Collection[LoadedDay]
) -> None:
    """Replace the rows of these days, in two statements: the lock is held meanwhile."""
    control = control_table(options, sql.CONTROL)
    cursor.execute(
        f"DELETE FROM {control} WHERE TABLE_NAME = ? "
        f"AND DAY IN ({sql.dates(day.day for day in loaded)})",
        (table.name,),
    )
    names = 'TABLE_NAME, DAY, RUN, FENCE, SEALS, STAGED, "ROWS", LOADED_AT'
    one = (
        "SELECT ?, CAST(? AS DATE), ?, CAST(? AS NUMBER(38,0)), ?, CAST(? AS NUMBER(38,0)), "
        "CAST(? AS NUMBER(38,0)), CAST(? AS TIMESTAMP_TZ)"
    )
    if table.runs:
        names += ", SHOWN, HIDDEN"
        one += ", ?, CAST(? AS NUMBER(38,0))"
    values: list[object] = []
    for day in loaded:
        values += [table.name, day.day.isoformat(), day.run, day.fence, json.dumps(day.seals)]
        values += [day.staged, day.rows, day.loaded_at.isoformat(timespec="microseconds")]
        values += [day.shown, day.hidden] if table.runs else []
    rows = " UNION ALL ".join([one] * len(loaded))
    cursor.execute(f"INSERT INTO {control} ({names}) {rows}", values)


def make_fence(cursor: Any, options: SnowflakeOptions, table: Table) -> None:
    """See that there is a row to lock. Two made at once do no harm: each is updated and read."""
    fences = control_table(options, sql.FENCE)
    cursor.execute(
        f"INSERT INTO {fences} (TABLE_NAME, FENCE) SELECT ?, 0 "
        f"WHERE NOT EXISTS (SELECT 1 FROM {fences} WHERE TABLE_NAME = ?)",
        (table.name, table.name),
    )


def take_fence(
    cursor: Any, options: SnowflakeOptions, table: Table, *, run: str, fence: int
) -> None:
    """Lock the table's row, and then move its fence up to ours.

    Raises:
        Fenced: a higher one has been here.
    """
    fences = control_table(options, sql.FENCE)
    cursor.execute(f"UPDATE {fences} SET LOCKED_BY = ? WHERE TABLE_NAME = ?", (run, table.name))
    if not cursor.rowcount:
        raise Fatal(f"Snowflake: {fences} has lost its row of {table.name}")
    # A statement of its own: it sees what was committed while the first one waited.
    found = cursor.execute(
        f"SELECT FENCE, RUN FROM {fences} WHERE TABLE_NAME = ? ORDER BY FENCE DESC LIMIT 1",
        (table.name,),
    ).fetchone()
    if int(found[0]) > fence:
        raise Fenced(
            f"{table.name}: run {run} has fence {fence}, "
            f"but run {found[1]} has loaded with fence {found[0]}"
        )
    cursor.execute(
        f"UPDATE {fences} SET FENCE = ?, RUN = ? WHERE TABLE_NAME = ?", (fence, run, table.name)
    )
