"""The part of the Mongo ledger that is about running Forebay."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime

from motor.motor_asyncio import AsyncIOMotorDatabase

from app.core.job_run import JobOutcome, JobRun
from app.core.pause import Activity, Pause
from app.ledger.document import Document
from app.ledger.mongo_errors import translating
from app.ledger.mongo_job_runs import MongoJobRuns, query_for
from app.ledger.mongo_pauses import MongoPauses
from app.ledger.pages import newest_first

RUNS_PER_PAGE = 200


class MongoOperations:
    """`Operations`, in collections of their own."""

    _database: AsyncIOMotorDatabase[Document]

    def _prepare_operations(self) -> None:
        self._job_runs = MongoJobRuns(self._database)
        self._pauses = MongoPauses(self._database)

    async def record_job_run(self, run: JobRun) -> None:
        with translating():
            await self._job_runs.append(run)

    def job_runs(
        self,
        *,
        job: str | None = None,
        event: str | None = None,
        outcome: JobOutcome | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
    ) -> AsyncIterator[JobRun]:
        query = query_for(job, event, outcome, since, before)

        async def page(beyond: str | None) -> Sequence[JobRun]:
            with translating():
                return await self._job_runs.page(query, beyond, RUNS_PER_PAGE)

        return newest_first(page)

    async def forget_job_runs(self, before: datetime) -> int:
        with translating():
            return await self._job_runs.forget(before)

    async def record_tick(self, job: str, tick: datetime) -> None:
        with translating():
            await self._job_runs.keep_tick(job, tick)

    async def ticks(self) -> Mapping[str, datetime]:
        with translating():
            return await self._job_runs.ticks()

    async def pause(self, pause: Pause) -> Pause:
        with translating():
            return await self._pauses.keep(pause)

    async def resume(self, event: str, what: Activity) -> Pause | None:
        with translating():
            return await self._pauses.end(event, what)

    async def pauses(self) -> Sequence[Pause]:
        with translating():
            return await self._pauses.find()

    async def named(self, seals: Collection[str]) -> Collection[str]:
        query = {"_id": {"$in": list(seals)}}
        with translating():
            found = self._database["ledger"].find(query, {"objects.key": 1})
            return {stored["key"] async for entry in found for stored in entry.get("objects", ())}
