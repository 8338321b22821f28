"""Disposals of dead letters in MongoDB: a collection beside that of the entries."""

from datetime import datetime

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from app.core.disposal import Disposal, Fate, packed, unpacked
from app.core.errors import Fenced, Transient
from app.ledger.document import Document, time_text

INDEXES = (IndexModel([("event", ASCENDING), ("_id", ASCENDING)], name="disposals"),)


class MongoDisposals:
    """The collection `disposals`: inserted once, never changed."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._collection = database["disposals"]

    async def append(self, disposal: Disposal) -> None:
        """Insert it, unless it is there; an unanswered call may be repeated."""
        await self._collection.create_indexes(list(INDEXES))  # here, for roles never get this far
        try:
            await self._collection.insert_one(_document(disposal))
        except DuplicateKeyError as error:
            stored = await self._collection.find_one({"_id": disposal.id})
            if stored is None:  # the primary has it, a majority does not yet
                raise Transient(f"{disposal.id} is not durable yet; try again") from error
            if _disposal(stored) != disposal:
                raise Fenced(f"another disposal is recorded as {disposal.id}") from error

    async def page(self, event: str | None, beyond: str, limit: int) -> list[Disposal]:
        """The next ones by id, of one event or of all."""
        query: Document = {"_id": {"$gt": beyond}} | ({} if event is None else {"event": event})
        found = self._collection.find(query).sort("_id").limit(limit)
        return [_disposal(document) async for document in found]


def _document(disposal: Disposal) -> Document:
    return {
        "_id": disposal.id,
        "event": disposal.event,
        "fate": disposal.fate.value,
        "why": disposal.why,
        "at": time_text(disposal.at),
        # A list, for the names of partitions have dots.
        "letters": [
            {"tp": tp, "offsets": packed(offsets)} for tp, offsets in disposal.letters.items()
        ],
    }


def _disposal(document: Document) -> Disposal:
    return Disposal(
        id=document["_id"],
        event=document["event"],
        fate=Fate(document["fate"]),
        why=document["why"],
        at=datetime.fromisoformat(document["at"]),
        letters={one["tp"]: unpacked(one["offsets"]) for one in document["letters"]},
    )
