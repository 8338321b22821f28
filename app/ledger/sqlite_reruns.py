"""Declared runs in SQLite."""

import json
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from functools import partial
from sqlite3 import Connection

from app.core.errors import Fenced
from app.core.reruns import Counted, DeclaredRun
from app.ledger.reruns import (
    abandoned,
    closed,
    counted,
    refuse_unfit_run,
    run_document,
    run_from,
)
from app.ledger.sqlite_file import SQLiteFile

Change = Callable[[DeclaredRun], DeclaredRun]


class SQLiteReruns:
    """`DeclaredRuns`, each method one transaction."""

    _file: SQLiteFile

    async def open_rerun(self, run: DeclaredRun) -> None:
        refuse_unfit_run(run)
        await self._file.write(lambda db: _open(db, run))

    async def close_rerun(self, id: str, expected: int, at: datetime) -> DeclaredRun | None:
        how = partial(closed, expected=expected, at=at)
        return await self._file.write(lambda db: _change(db, id, how))

    async def abandon_rerun(self, id: str, at: datetime) -> DeclaredRun | None:
        return await self._file.write(lambda db: _change(db, id, partial(abandoned, at=at)))

    async def count_reruns(self, found: Collection[Counted]) -> None:
        await self._file.write(lambda db: _count(db, found))

    async def rerun(self, id: str) -> DeclaredRun | None:
        return await self._file.read(lambda db: _find(db, id))

    async def reruns(
        self, event: str, days: Collection[date] | None = None
    ) -> Sequence[DeclaredRun]:
        return await self._file.read(lambda db: _find_all(db, event, days))


def waiting(db: Connection, event: str) -> dict[date, datetime]:
    """The days of runs that no load has looked at since they were closed; when the first was."""
    found: dict[date, datetime] = {}
    query = "SELECT document FROM declared_runs WHERE event = ? AND waits ORDER BY id"
    for row in db.execute(query, (event,)):
        run = run_from(json.loads(row["document"]))
        assert run.closed_at is not None
        found[run.day] = min(run.closed_at, found.get(run.day, run.closed_at))
    return found


def _open(db: Connection, run: DeclaredRun) -> None:
    known = _find(db, run.id)
    if known is None:
        _keep(db, run)
    elif (known.event, known.opened_at) != (run.event, run.opened_at):
        raise Fenced(f"another run has the id {run.id}")


def _change(db: Connection, id: str, how: Change) -> DeclaredRun | None:
    """What is kept of the run afterwards; None: there is no such run."""
    known = _find(db, id)
    if known is None:
        return None
    changed = how(known)
    if changed != known:
        _keep(db, changed)
    return changed


def _count(db: Connection, found: Collection[Counted]) -> None:
    for one in found:
        _change(db, one.id, partial(counted, found=one))


def _find(db: Connection, id: str) -> DeclaredRun | None:
    row = db.execute("SELECT document FROM declared_runs WHERE id = ?", (id,)).fetchone()
    return None if row is None else run_from(json.loads(row["document"]))


def _find_all(db: Connection, event: str, days: Collection[date] | None) -> list[DeclaredRun]:
    """By id; of these days, or of all."""
    query, values = "SELECT document FROM declared_runs WHERE event = ?", [event]
    if days is not None:
        query += " AND day IN (SELECT value FROM json_each(?))"
        values.append(json.dumps([day.isoformat() for day in days]))
    rows = db.execute(f"{query} ORDER BY id", values)
    return [run_from(json.loads(row["document"])) for row in rows]


def _keep(db: Connection, run: DeclaredRun) -> None:
    document = run_document(run)
    db.execute(
        "INSERT OR REPLACE INTO declared_runs VALUES (?, ?, ?, ?, ?)",
        (run.id, run.event, document["day"], run.waits, json.dumps(document)),
    )
