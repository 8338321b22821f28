"""Days in MongoDB: what waits, what a load must hold, what was loaded."""

from collections.abc import Sequence
from datetime import date

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import timeout
from pymongo.errors import DuplicateKeyError

from app.core.seal import StoredObject
from app.ledger.document import Document, counts_from, load_document, load_from, object_from
from app.ledger.mongo_entries import SCAN_SECONDS
from app.ledger.mongo_queries import row_objects_of, totals_of
from app.ledger.mongo_reruns import MongoReruns
from app.ledger.mongo_summaries import summarised_days, summarised_on
from app.ledger.protocol import DayLoad, DaySeals, DayTotals, DirtyDay
from app.ledger.reruns import dirty_days

SEALS_PER_CHANGE = 100


class MongoDays:
    """The seals by day, and the last committed load of each day."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._entries = database["ledger"]
        self._loads = database["loads"]
        self._reruns = MongoReruns(database)

    async def dirty(self, event: str) -> list[DirtyDay]:
        waiting: dict[str, tuple[list[str], list[str]]] = {}
        pending = self._entries.find(
            {"event": event, "unloaded": {"$gt": ""}}, {"unloaded": 1, "sealed_at": 1}
        )
        async for seal in pending.sort("_id"):
            for day in seal["unloaded"]:
                seals, times = waiting.setdefault(day, ([], []))
                seals.append(seal["_id"])
                times.append(seal["sealed_at"])
        return dirty_days(
            waiting,
            await self._reruns.waiting(event),
            await summarised_days(self._entries, event),
        )

    async def manifest(self, event: str, days: Sequence[date]) -> list[DaySeals]:
        # By day, the seals in order (a dict keeps it) and their objects.
        found: dict[date, tuple[dict[str, None], list[StoredObject]]] = {
            day: ({}, []) for day in days
        }
        query = row_objects_of(event, [day.isoformat() for day in days])
        with timeout(SCAN_SECONDS):
            async for seal in self._entries.aggregate(query, allowDiskUse=True):
                for stored in map(object_from, seal["objects"]):
                    seals, objects = found[stored.day]
                    seals[seal["_id"]] = None
                    objects.append(stored)
        summed: dict[date, dict[str, int]] = {day: {} for day in days}
        async for summary in self._entries.find(summarised_on(event, days), {"summed": 1}):
            for one in summary["summed"]:
                if (day := date.fromisoformat(one["day"])) in summed:
                    summed[day][one["seal"]] = one["rows"]
        return [
            DaySeals(day, tuple(found[day][0]), tuple(found[day][1]), summed[day]) for day in days
        ]

    async def remember(self, load: DayLoad) -> None:
        """Keep a load and settle what waits of its day, one document at a time.

        In this order, for the process may die between any two steps and loads may cross: a seal
        must never seem loaded when it is not (the other way round costs one more load).
        1. Seals of the day that this load did not name wait again. Normally they wait already;
           not so if this load replaced the day by an older manifest than the one before it. Each
           is marked with our fence as missed, lest a load with a lower one takes it off late.
        2. The load itself, unless one with a higher fence is known.
        3. Seals that it named wait no longer.
        """
        if await self._is_outdated(load):
            return
        day = load.day.isoformat()
        missed = f"missed.{day}"
        of_day = self._entries.find({"event": load.event, "row_days": day}, {"_id": 1})
        named = set(load.seals)
        unnamed = [seal["_id"] async for seal in of_day if seal["_id"] not in named]
        await self._change(
            unnamed, {}, {"$addToSet": {"unloaded": day}, "$max": {missed: load.fence}}
        )
        if await self._keep(load):
            waiting = {"unloaded": day, missed: {"$not": {"$gt": load.fence}}}
            await self._change(load.seals, waiting, {"$pull": {"unloaded": day}})

    async def _change(self, ids: Sequence[str], which: Document, change: Document) -> None:
        """Update these seals in pieces, so that no call grows with the seals of a day."""
        for at in range(0, len(ids), SEALS_PER_CHANGE):
            piece = {"_id": {"$in": list(ids[at : at + SEALS_PER_CHANGE])}}
            await self._entries.update_many(piece | which, change)

    async def _is_outdated(self, load: DayLoad) -> bool:
        known = await self._loads.find_one(_named(load), {"fence": 1})
        return known is not None and known["fence"] > load.fence

    async def _keep(self, load: DayLoad) -> bool:
        not_newer = _named(load) | {"fence": {"$lte": load.fence}}
        change = {"$set": load_document(load)}
        try:
            await self._loads.update_one(not_newer, change, upsert=True)
        except DuplicateKeyError:
            # There is one: with a higher fence, or of somebody who came between look and insert.
            again = await self._loads.update_one(not_newer, change)
            return again.matched_count == 1
        return True

    async def loads(self, event: str, table: str) -> dict[date, DayLoad]:
        loads = [
            load_from(document)
            async for document in self._loads.find({"event": event, "table": table}).sort("day")
        ]
        return {load.day: load for load in loads}

    async def totals(self, event: str) -> list[DayTotals]:
        with timeout(SCAN_SECONDS):
            sums = await self._entries.aggregate(totals_of(event), allowDiskUse=True).to_list(None)
        return [
            DayTotals(
                date.fromisoformat(s["_id"]),
                counts_from(s),
                s["unloaded"],
                s["objects"],
                s["bytes"],
            )
            for s in sums
        ]


def _named(load: DayLoad) -> Document:
    return {"_id": f"{load.event}|{load.table}|{load.day.isoformat()}"}
