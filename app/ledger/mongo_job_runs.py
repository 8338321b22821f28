"""Runs of jobs and ticks of schedules in MongoDB: collections beside that of the entries."""

from datetime import datetime

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import ASCENDING, DESCENDING, IndexModel

from app.core.job_run import JobOutcome, JobRun
from app.ledger.document import Document, time_text

INDEXES = tuple(
    IndexModel([(field, ASCENDING), ("_id", ASCENDING)], name=field)
    for field in ("job", "event", "outcome")
)


class MongoJobRuns:
    """The collection `job_runs`, inserted once, never changed; and `ticks`, one per job."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._runs, self._ticks = database["job_runs"], database["ticks"]
        self._is_prepared = False

    async def append(self, run: JobRun) -> None:
        """Insert it, unless it is there; an unanswered call may be repeated."""
        if not self._is_prepared:
            await self._runs.create_indexes(list(INDEXES))
            self._is_prepared = True
        document = _document(run)
        await self._runs.update_one(
            {"_id": document.pop("_id")}, {"$setOnInsert": document}, upsert=True
        )

    async def page(self, query: Document, beyond: str | None, limit: int) -> list[JobRun]:
        """The last ones by id that fit, before `beyond`."""
        before: Document = {} if beyond is None else {"_id": {"$lt": beyond}}
        found = self._runs.find({**query, **before}).sort("_id", DESCENDING).limit(limit)
        return [_run(document) async for document in found]

    async def forget(self, before: datetime) -> int:
        done = await self._runs.delete_many({"started_at": {"$lt": time_text(before)}})
        return int(done.deleted_count)

    async def keep_tick(self, job: str, tick: datetime) -> None:
        await self._ticks.update_one({"_id": job}, {"$set": {"tick": time_text(tick)}}, upsert=True)

    async def ticks(self) -> dict[str, datetime]:
        return {
            known["_id"]: datetime.fromisoformat(known["tick"])
            async for known in self._ticks.find()
        }


def query_for(
    job: str | None,
    event: str | None,
    outcome: JobOutcome | None,
    since: datetime | None,
    before: datetime | None,
) -> Document:
    """What runs must be to fit; None: whatever."""
    wanted = {"job": job, "event": event, "outcome": outcome and outcome.value}
    query: Document = {name: value for name, value in wanted.items() if value is not None}
    bounds = {"$gte": since, "$lt": before}
    started = {name: time_text(moment) for name, moment in bounds.items() if moment is not None}
    return query | ({"started_at": started} if started else {})


def _document(run: JobRun) -> Document:
    return {
        "_id": run.id,
        "job": run.job,
        "event": run.event,
        "started_at": time_text(run.started_at),
        "ended_at": time_text(run.ended_at),
        "outcome": run.outcome.value,
        "tries": run.tries,
        "instance": run.instance,
        "did": dict(run.did),
        "error": run.error,
        "why": run.why,
        "tick": None if run.tick is None else time_text(run.tick),
    }


def _run(document: Document) -> JobRun:
    return JobRun(
        id=document["_id"],
        job=document["job"],
        event=document["event"],
        started_at=datetime.fromisoformat(document["started_at"]),
        ended_at=datetime.fromisoformat(document["ended_at"]),
        outcome=JobOutcome(document["outcome"]),
        tries=document["tries"],
        instance=document["instance"],
        did=dict(document["did"]),
        error=document["error"],
        why=document["why"],
        tick=None if document["tick"] is None else datetime.fromisoformat(document["tick"]),
    )
