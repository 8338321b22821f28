"""Declared runs in MongoDB: a collection beside that of the entries."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from app.core.errors import Fenced, Transient
from app.core.reruns import Counted, DeclaredRun
from app.ledger.document import Document, time_text
from app.ledger.mongo_errors import translating
from app.ledger.reruns import refuse_unfit_run, run_document, run_from

INDEXES = (
    IndexModel([("event", ASCENDING), ("day", ASCENDING), ("_id", ASCENDING)], name="by_day"),
    IndexModel([("event", ASCENDING), ("waits", ASCENDING)], name="waiting"),
)
OPEN: Document = {"closed_at": None, "abandoned_at": None}
UNSETTLED: Document = {"seals": None, "abandoned_at": None}
CLOSED: Document = {"seals": None, "closed_at": {"$ne": None}}


class MongoReruns:
    """The collection `declared_runs`. Each change names the state it changes, and so comes once."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._collection = database["declared_runs"]

    async def open(self, run: DeclaredRun) -> None:
        """Insert it, unless it is there; an unanswered call may be repeated."""
        await self._collection.create_indexes(list(INDEXES))  # here, for most never get this far
        try:
            await self._collection.insert_one(run_document(run))
        except DuplicateKeyError as error:
            known = await self.find(run.id)
            if known is None:  # the primary has it, a majority does not yet
                raise Transient(f"{run.id} is not durable yet; try again") from error
            if (known.event, known.opened_at) != (run.event, run.opened_at):
                raise Fenced(f"another run has the id {run.id}") from error

    async def close(self, id: str, expected: int, at: datetime) -> DeclaredRun | None:
        said = {"expected": expected, "closed_at": time_text(at), "waits": True}
        await self._collection.update_one({"_id": id} | OPEN, {"$set": said})
        return await self.find(id)

    async def abandon(self, id: str, at: datetime) -> DeclaredRun | None:
        said = {"abandoned_at": time_text(at), "waits": False}
        await self._collection.update_one({"_id": id} | UNSETTLED, {"$set": said})
        return await self.find(id)

    async def count(self, found: Collection[Counted]) -> None:
        for one in found:
            which: Document = {"_id": one.id} | CLOSED
            said: Document = {"counted": one.rows, "waits": False}
            if one.seals is None:
                which |= UNSETTLED
            else:
                said["seals"] = sorted(one.seals)
            await self._collection.update_one(which, {"$set": said})

    async def find(self, id: str) -> DeclaredRun | None:
        document = await self._collection.find_one({"_id": id})
        return None if document is None else run_from(document)

    async def find_all(self, event: str, days: Collection[date] | None) -> list[DeclaredRun]:
        """By id; of these days, or of all."""
        query: dict[str, Any] = {"event": event}
        if days is not None:
            query["day"] = {"$in": [day.isoformat() for day in days]}
        return [run_from(found) async for found in self._collection.find(query).sort("_id")]

    async def waiting(self, event: str) -> dict[date, datetime]:
        """Days of runs that no load has looked at since they were closed; when the first was."""
        found: dict[date, datetime] = {}
        async for document in self._collection.find({"event": event, "waits": True}).sort("_id"):
            run = run_from(document)
            assert run.closed_at is not None
            found[run.day] = min(run.closed_at, found.get(run.day, run.closed_at))
        return found


class RerunsOfLedger:
    """What a `Ledger` has of declared runs."""

    _reruns: MongoReruns

    async def open_rerun(self, run: DeclaredRun) -> None:
        refuse_unfit_run(run)
        with translating():
            await self._reruns.open(run)

    async def close_rerun(self, id: str, expected: int, at: datetime) -> DeclaredRun | None:
        with translating():
            return await self._reruns.close(id, expected, at)

    async def abandon_rerun(self, id: str, at: datetime) -> DeclaredRun | None:
        with translating():
            return await self._reruns.abandon(id, at)

    async def count_reruns(self, found: Collection[Counted]) -> None:
        with translating():
            await self._reruns.count(found)

    async def rerun(self, id: str) -> DeclaredRun | None:
        with translating():
            return await self._reruns.find(id)

    async def reruns(
        self, event: str, days: Collection[date] | None = None
    ) -> Sequence[DeclaredRun]:
        with translating():
            return await self._reruns.find_all(event, days)
