"""The part of the SQLite ledger that is about running Forebay."""

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from sqlite3 import Connection
from typing import Any

from app.core.job_run import JobOutcome, JobRun
from app.core.pause import Activity, Pause
from app.ledger import sqlite_job_runs as job_runs_of
from app.ledger import sqlite_pauses as pauses_of
from app.ledger.document import time_text
from app.ledger.pages import newest_first
from app.ledger.sqlite_file import SQLiteFile

RUNS_PER_PAGE = 200


class SQLiteOperations:
    """`Operations`, each method one transaction."""

    _file: SQLiteFile

    async def record_job_run(self, run: JobRun) -> None:
        await self._file.write(lambda db: job_runs_of.append(db, run))

    def job_runs(
        self,
        *,
        job: str | None = None,
        event: str | None = None,
        outcome: JobOutcome | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
    ) -> AsyncIterator[JobRun]:
        wanted: dict[str, Any] = {"job": job, "event": event, "outcome": outcome}
        wanted |= {"since": since and time_text(since), "before": before and time_text(before)}

        async def page(beyond: str | None) -> Sequence[JobRun]:
            these = wanted | {"beyond": beyond}
            return await self._file.read(
                partial(job_runs_of.page, wanted=these, limit=RUNS_PER_PAGE)
            )

        return newest_first(page)

    async def forget_job_runs(self, before: datetime) -> int:
        return await self._file.write(lambda db: job_runs_of.forget(db, before))

    async def record_tick(self, job: str, tick: datetime) -> None:
        await self._file.write(lambda db: job_runs_of.keep_tick(db, job, tick))

    async def ticks(self) -> Mapping[str, datetime]:
        return await self._file.read(job_runs_of.find_ticks)

    async def pause(self, pause: Pause) -> Pause:
        return await self._file.write(lambda db: pauses_of.keep(db, pause))

    async def resume(self, event: str, what: Activity) -> Pause | None:
        return await self._file.write(lambda db: pauses_of.end(db, event, what))

    async def pauses(self) -> Sequence[Pause]:
        return await self._file.read(pauses_of.find)

    async def named(self, seals: Collection[str]) -> Collection[str]:
        ids = json.dumps(list(seals))
        return await self._file.read(lambda db: _keys(db, ids))


def _keys(db: Connection, ids: str) -> set[str]:
    named = "SELECT key FROM objects WHERE entry IN (SELECT value FROM json_each(?))"
    return {row["key"] for row in db.execute(named, (ids,))}
