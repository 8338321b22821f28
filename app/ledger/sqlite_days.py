"""Days in SQLite: what waits, what a load must hold, what was loaded. Functions of a connection."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from sqlite3 import Connection

from app.core.seal import DayCounts
from app.ledger import sqlite_reruns as reruns_of
from app.ledger.document import time_text
from app.ledger.protocol import DayLoad, DaySeals, DayTotals, DirtyDay
from app.ledger.reruns import dirty_days
from app.ledger.sqlite_entries import stored_object
from app.ledger.sqlite_summaries import summarised_days, summarised_rows


def find_dirty(db: Connection, event: str) -> list[DirtyDay]:
    waiting: dict[str, tuple[list[str], list[str]]] = {}
    for day, seal, sealed_at in db.execute(
        """SELECT u.day, u.entry, e.at FROM unloaded u JOIN entries e ON e.id = u.entry
           WHERE u.event = ? ORDER BY u.day, u.entry""",
        (event,),
    ):
        seals, times = waiting.setdefault(day, ([], []))
        seals.append(seal)
        times.append(sealed_at)
    return dirty_days(waiting, reruns_of.waiting(db, event), summarised_days(db, event))


def find_manifest(db: Connection, event: str, days: Iterable[date]) -> list[DaySeals]:
    return [_day_seals(db, event, day) for day in days]


def _day_seals(db: Connection, event: str, day: date) -> DaySeals:
    rows = db.execute(
        """SELECT * FROM objects WHERE event = ? AND day = ? AND kind = 'rows'
           ORDER BY entry, position""",
        (event, day.isoformat()),
    ).fetchall()
    seals = dict.fromkeys(row["entry"] for row in rows)
    objects = tuple(stored_object(row) for row in rows)
    return DaySeals(day, tuple(seals), objects, summarised_rows(db, event, day))


def remember_loads(db: Connection, loads: Sequence[DayLoad]) -> None:
    """After this, what waits of each day is exactly what its last committed load did not name.

    That may be more than before: a scheduler that was late with a higher fence may have replaced
    the day by an older manifest than the one before it.
    """
    for load in loads:
        if _remember(db, load):
            scope = (load.event, load.day.isoformat())
            db.execute("DELETE FROM unloaded WHERE event = ? AND day = ?", scope)
            db.execute(
                """INSERT INTO unloaded
                   SELECT DISTINCT event, day, entry FROM objects
                   WHERE event = ? AND day = ? AND kind = 'rows'
                     AND entry NOT IN (SELECT value FROM json_each(?))""",
                (*scope, json.dumps(load.seals)),
            )


def _remember(db: Connection, load: DayLoad) -> bool:
    """Keep this load, unless one with a higher fence is known."""
    done = db.execute(
        """INSERT INTO loads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (event, warehouse_table, day) DO UPDATE
           SET run = excluded.run, fence = excluded.fence, seals = excluded.seals,
               staged = excluded.staged, rows = excluded.rows, loaded_at = excluded.loaded_at,
               shown = excluded.shown, hidden = excluded.hidden
           WHERE excluded.fence >= loads.fence""",
        (load.event, load.table, load.day.isoformat(), load.run, load.fence,
         json.dumps(load.seals), load.staged, load.rows, time_text(load.loaded_at),
         load.shown, load.hidden),
    )  # fmt: skip
    return done.rowcount == 1


def find_loads(db: Connection, event: str, table: str) -> dict[date, DayLoad]:
    rows = db.execute(
        "SELECT * FROM loads WHERE event = ? AND warehouse_table = ? ORDER BY day", (event, table)
    )
    loads = (
        DayLoad(
            event=row["event"],
            table=row["warehouse_table"],
            day=date.fromisoformat(row["day"]),
            run=row["run"],
            fence=row["fence"],
            seals=tuple(json.loads(row["seals"])),
            staged=row["staged"],
            rows=row["rows"],
            loaded_at=datetime.fromisoformat(row["loaded_at"]),
            shown=row["shown"],
            hidden=row["hidden"],
        )
        for row in rows
    )
    return {load.day: load for load in loads}


def find_totals(db: Connection, event: str) -> list[DayTotals]:
    rows = db.execute(
        """
        WITH counted AS (
            SELECT day, sum(staged) AS staged, sum(duplicates) AS duplicates, sum(dead) AS dead,
                   sum(filtered) AS filtered, sum(coalesce(rows, staged)) AS made
            FROM counts WHERE event = :event GROUP BY day
        ), stored AS (
            SELECT day, count(*) AS objects, sum(bytes) AS bytes
            FROM objects WHERE event = :event GROUP BY day
        ), waiting AS (
            SELECT u.day, sum(o.rows) AS unloaded
            FROM unloaded u
            JOIN objects o ON o.entry = u.entry AND o.day = u.day AND o.kind = 'rows'
            WHERE u.event = :event GROUP BY u.day
        )
        SELECT day, staged, duplicates, dead, filtered, made, coalesce(unloaded, 0),
               coalesce(objects, 0), coalesce(bytes, 0)
        FROM counted LEFT JOIN stored USING (day) LEFT JOIN waiting USING (day) ORDER BY day
        """,
        {"event": event},
    )
    return [
        DayTotals(date.fromisoformat(day), DayCounts(*counts), *rest)
        for day, *counts, unloaded, objects, size in rows
        for rest in [(unloaded, objects, size)]
    ]


def count_up(db: Connection, name: str) -> int:
    (value,) = db.execute(
        """INSERT INTO fences VALUES (?, 1)
           ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value""",
        (name,),
    ).fetchone()
    return int(value)
