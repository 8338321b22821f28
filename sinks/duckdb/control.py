"""LOAD_CONTROL and LOAD_FENCE: what the last load left, in the schema of the table it loaded.

LOAD_CONTROL has one row per table and loaded day; LOAD_FENCE one per table.
"""

import json
from collections.abc import Collection
from datetime import UTC, date

import duckdb

from app.contracts.table import Table
from app.core.errors import Fenced
from sinks.duckdb.sql import CONTROL, FENCE, target
from sinks.protocol import LoadedDay

Connection = duckdb.DuckDBPyConnection


def read_control(
    connection: Connection, table: Table, days: Collection[date]
) -> dict[date, LoadedDay]:
    """Read the rows of these days."""
    # All columns: those of declared runs are there only where a table has such.
    rows = connection.execute(
        "SELECT * EXCLUDE (table_name) REPLACE (loaded_at AT TIME ZONE 'UTC' AS loaded_at) "
        f"FROM {target(table, CONTROL)} WHERE table_name = ? AND day IN (SELECT unnest(?))",
        [table.name, list(days)],
    ).fetchall()
    return {
        row[0]: LoadedDay(
            day=row[0],
            run=row[1],
            fence=row[2],
            seals=tuple(json.loads(row[3])),
            staged=row[4],
            rows=row[5],
            loaded_at=row[6].replace(tzinfo=UTC),
            shown=(row[7] if len(row) > 7 else None) or "",
            hidden=(row[8] if len(row) > 8 else None) or 0,
        )
        for row in rows
    }


def write_control(connection: Connection, table: Table, loaded: Collection[LoadedDay]) -> None:
    """Replace the rows of these days."""
    control = target(table, CONTROL)
    for day in loaded:
        connection.execute(
            f"DELETE FROM {control} WHERE table_name = ? AND day = ?", [table.name, day.day]
        )
        values: dict[str, object] = {
            "table_name": table.name,
            "day": day.day,
            "run": day.run,
            "fence": day.fence,
            "seals": json.dumps(day.seals),
            "staged": day.staged,
            "rows": day.rows,
            "loaded_at": day.loaded_at,
        }
        if table.runs:
            values |= {"shown": day.shown, "hidden": day.hidden}
        connection.execute(
            f"INSERT INTO {control} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
            list(values.values()),
        )


def take_fence(connection: Connection, table: Table, *, run: str, fence: int) -> None:
    """Move the table's fence up to ours.

    Raises:
        Fenced: a higher one has been here.
    """
    fences = target(table, FENCE)
    found = connection.execute(
        f"SELECT fence, run FROM {fences} WHERE table_name = ?", [table.name]
    ).fetchone()
    if found is not None and found[0] > fence:
        raise Fenced(
            f"{table.name}: run {run} has fence {fence}, "
            f"but run {found[1]} has loaded with fence {found[0]}"
        )
    connection.execute(f"DELETE FROM {fences} WHERE table_name = ?", [table.name])
    connection.execute(f"INSERT INTO {fences} VALUES (?, ?, ?)", [table.name, fence, run])
