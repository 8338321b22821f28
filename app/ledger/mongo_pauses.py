"""Pauses in MongoDB: a collection beside that of the entries, one document for each pause."""

import contextlib
from datetime import datetime

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.errors import DuplicateKeyError

from app.core.errors import Transient
from app.core.pause import Activity, Pause, PausedBy
from app.ledger.document import Document, time_text


class MongoPauses:
    """The collection `pauses`."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._collection = database["pauses"]

    async def keep(self, pause: Pause) -> Pause:
        """The first one stays."""
        said = {
            "event": pause.event,
            "what": pause.what.value,
            "why": pause.why,
            "by": pause.by.value,
            "at": time_text(pause.at),
        }
        named = _named(pause.event, pause.what)
        with contextlib.suppress(DuplicateKeyError):  # somebody was faster
            await self._collection.update_one(named, {"$setOnInsert": said}, upsert=True)
        kept = await self._collection.find_one(named)
        if kept is None:
            raise Transient(f"{pause.event} was resumed, or is not durable yet; try again")
        return _pause(kept)

    async def end(self, event: str, what: Activity) -> Pause | None:
        ended = await self._collection.find_one_and_delete(_named(event, what))
        return None if ended is None else _pause(ended)

    async def find(self) -> list[Pause]:
        found = self._collection.find().sort([("event", 1), ("what", 1)])
        return [_pause(document) async for document in found]


def _named(event: str, what: Activity) -> Document:
    return {"_id": f"{event}|{what.value}"}


def _pause(document: Document) -> Pause:
    return Pause(
        event=document["event"],
        what=Activity(document["what"]),
        why=document["why"],
        by=PausedBy(document["by"]),
        at=datetime.fromisoformat(document["at"]),
    )
