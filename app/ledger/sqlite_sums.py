"""Sums over all types in SQLite, each one question."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from sqlite3 import Connection

from app.core.seal import DayCounts, StoredObject
from app.ledger.document import time_text
from app.ledger.sqlite_entries import stored_object
from app.ledger.sqlite_file import SQLiteFile
from app.ledger.sums import (
    BEYOND_ULIDS,
    OPEN_AT_MOST,
    DeadSum,
    LoadRun,
    Slot,
    TypeBalance,
    Waiting,
    first_id,
    slot_of,
)

# `known` hops from one name to the next by the index, where DISTINCT would read all of it.
BALANCES = """
    WITH RECURSIVE known(event) AS (
        SELECT min(event) FROM counts
        UNION ALL
        SELECT (SELECT min(event) FROM counts WHERE event > known.event) FROM known
        WHERE known.event IS NOT NULL
    ), tables(event, name) AS (SELECT key, value FROM json_each(:tables)
    ), counted AS (
        SELECT c.event, sum(staged) AS staged, sum(duplicates) AS duplicates, sum(dead) AS dead,
               sum(filtered) AS filtered, sum(coalesce(c.rows, staged)) AS made
        FROM known k CROSS JOIN counts c ON c.event = k.event AND c.day BETWEEN :first AND :last
        GROUP BY c.event
    ), loaded AS (
        SELECT l.event, sum(l.staged) AS loaded, sum(l.rows) AS standing, max(loaded_at) AS at,
               sum(l.hidden) AS hidden
        FROM known k LEFT JOIN tables t ON t.event = k.event
        CROSS JOIN loads l ON l.event = k.event AND l.day BETWEEN :first AND :last
        WHERE t.name IS NULL OR l.warehouse_table = t.name
        GROUP BY l.event
    ), waits AS (
        SELECT u.event, sum(o.rows) AS waiting
        FROM known k CROSS JOIN unloaded u ON u.event = k.event AND u.day BETWEEN :first AND :last
        CROSS JOIN objects o
          ON o.event = u.event AND o.day = u.day AND o.kind = 'rows' AND o.entry = u.entry
        GROUP BY u.event
    )
    SELECT event, staged, duplicates, dead, filtered, made, coalesce(loaded, 0) AS loaded,
           coalesce(standing, 0) AS standing, coalesce(waiting, 0) AS waiting, at,
           coalesce(hidden, 0) AS hidden
    FROM counted LEFT JOIN loaded USING (event) LEFT JOIN waits USING (event) ORDER BY event
"""
# The plus keeps SQLite to the primary key: ids are in the order of time.
ACTIVITY = """
    SELECT e.event, substr(e.at, 1, 14) || CASE WHEN substr(e.at, 15, 1) < '3' THEN '0' ELSE '3' END
               AS slot,
           count(DISTINCT e.id), sum(staged), sum(duplicates), sum(dead), sum(filtered),
           sum(coalesce(c.rows, staged)), min(e.id || '|' || e.at)
    FROM entries e CROSS JOIN counts c ON c.entry = e.id
    WHERE e.id >= :first AND e.id < :beyond AND +e.kind = 'seal' AND e.at >= :since
    GROUP BY 1, 2 ORDER BY 1, 2
"""
LOADS = """
    SELECT event, warehouse_table, run, min(day), max(day), count(*), sum(staged), sum(rows),
           max(loaded_at), sum(hidden)
    FROM loads GROUP BY 1, 2, 3 ORDER BY 9 DESC, 1 LIMIT ?
"""
DEAD = """
    SELECT e.event, r.reason, sum(r.dead), count(*), max(e.at)
    FROM reasons r CROSS JOIN entries e ON e.id = r.entry
    WHERE r.entry >= ? GROUP BY 1, 2 ORDER BY 1, 2
"""
NEWEST_DEAD = """
    SELECT * FROM objects WHERE event = ? AND kind = 'dead' ORDER BY entry DESC, position LIMIT ?
"""
WAITING = """
    SELECT u.event, count(DISTINCT u.day), min(e.at)
    FROM unloaded u CROSS JOIN entries e ON e.id = u.entry GROUP BY 1 ORDER BY 1
"""


class SQLiteSums:
    """The part of the ledger that adds up; `_file` is the whole one's."""

    _file: SQLiteFile

    async def balances(
        self, tables: Mapping[str, str], first: date, last: date
    ) -> Sequence[TypeBalance]:
        return await self._file.read(lambda db: _balances(db, tables, first, last))

    async def activity(self, since: datetime) -> Sequence[Slot]:
        return await self._file.read(lambda db: _activity(db, since))

    async def recent_loads(self, limit: int) -> Sequence[LoadRun]:
        return await self._file.read(lambda db: _loads(db, limit))

    async def dead_sums(self, since: datetime) -> Sequence[DeadSum]:
        return await self._file.read(lambda db: _dead(db, since))

    async def newest_dead(self, event: str, limit: int) -> Sequence[StoredObject]:
        return await self._file.read(
            lambda db: [stored_object(row) for row in db.execute(NEWEST_DEAD, (event, limit))]
        )

    async def waiting(self) -> Sequence[Waiting]:
        return await self._file.read(
            lambda db: [
                Waiting(event, days, datetime.fromisoformat(since))
                for event, days, since in db.execute(WAITING)
            ]
        )


def _balances(
    db: Connection, tables: Mapping[str, str], first: date, last: date
) -> list[TypeBalance]:
    values = {
        "tables": json.dumps(dict(tables)),
        "first": first.isoformat(),
        "last": last.isoformat(),
    }
    return [
        TypeBalance(
            event=row["event"],
            counts=DayCounts(
                row["staged"], row["duplicates"], row["dead"], row["filtered"], row["made"]
            ),
            loaded=row["loaded"],
            standing=row["standing"],
            waiting=row["waiting"],
            last_load=datetime.fromisoformat(row["at"]) if row["at"] else None,
            hidden=row["hidden"],
        )
        for row in db.execute(BALANCES, values)
    ]


def _activity(db: Connection, since: datetime) -> list[Slot]:
    values = {
        "first": first_id(since - OPEN_AT_MOST),
        "beyond": BEYOND_ULIDS,
        "since": time_text(since),
    }
    return [
        slot_of(event, slot, seals, DayCounts(*counts), oldest)
        for event, slot, seals, *counts, oldest in db.execute(ACTIVITY, values)
    ]


def _loads(db: Connection, limit: int) -> list[LoadRun]:
    return [
        LoadRun(
            event, table, run, date.fromisoformat(first), date.fromisoformat(last), days, staged,
            rows, datetime.fromisoformat(at), hidden,
        )
        for event, table, run, first, last, days, staged, rows, at, hidden in db.execute(
            LOADS, (limit,)
        )
    ]  # fmt: skip


def _dead(db: Connection, since: datetime) -> list[DeadSum]:
    return [
        DeadSum(event, reason, dead, seals, datetime.fromisoformat(last))
        for event, reason, dead, seals, last in db.execute(DEAD, (first_id(since),))
    ]
