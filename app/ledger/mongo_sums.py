"""Sums over all types in MongoDB, each added up by the server."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase

from app.core.seal import COUNTED, ObjectKind, StoredObject
from app.ledger.document import Document, counts_from, object_from, time_text
from app.ledger.mongo_errors import translating
from app.ledger.protocol import EntryKind
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

Stage = dict[str, Any]
SEAL = EntryKind.SEAL.value
COUNTING = (SEAL, EntryKind.SUMMARY.value)
NONE = (0, 0, 0, "")
SUMS = {name: {"$sum": f"${name}"} for name in COUNTED}


def counted(where: str) -> Stage:
    """What is counted there, with what goes without saying."""
    return {
        "staged": f"{where}.staged",
        "duplicates": f"{where}.duplicates",
        "dead": f"{where}.dead",
        "filtered": {"$ifNull": [f"{where}.filtered", 0]},
        "rows": {"$ifNull": [f"{where}.rows", f"{where}.staged"]},
    }


def balances_of(events: Sequence[str], first: str, last: str) -> list[Stage]:
    """By type. A seal may be of days before and after, and of none in between; summaries count."""
    within = {"$gte": first, "$lte": last}
    day = "$counts.days"
    rows = {"$ifNull": [f"{day}.rows", f"{day}.staged"]}
    waits = {"$cond": [{"$in": [f"{day}.day", "$unloaded"]}, rows, 0]}
    return [
        {"$match": {"event": {"$in": list(events)}, "days": within, "kind": {"$in": COUNTING}}},
        {"$unwind": day},
        {"$match": {"counts.days.day": within}},
        {"$project": {"event": 1, **counted(day), "waiting": waits}},
        {"$group": {"_id": "$event", **SUMS, "waiting": {"$sum": "$waiting"}}},
        {"$sort": {"_id": 1}},
    ]


def loaded_in(first: str, last: str) -> list[Stage]:
    return [
        {"$match": {"day": {"$gte": first, "$lte": last}}},
        {
            "$group": {
                "_id": {"event": "$event", "table": "$table"},
                "staged": {"$sum": "$staged"},
                "rows": {"$sum": "$rows"},
                "hidden": {"$sum": "$hidden"},
                "at": {"$max": "$loaded_at"},
            }
        },
    ]


def activity_since(since: datetime) -> list[Stage]:
    half = {"$cond": [{"$lt": [{"$substrBytes": ["$sealed_at", 14, 1]}, "3"]}, "0", "3"]}
    slot = {"$concat": [{"$substrBytes": ["$sealed_at", 0, 14]}, half]}
    first = first_id(since - OPEN_AT_MOST)
    oldest = {"$concat": ["$_id", "|", "$sealed_at"]}
    return [
        {
            "$match": {
                "_id": {"$gte": first, "$lt": BEYOND_ULIDS},
                "kind": SEAL,
                "sealed_at": {"$gte": time_text(since)},
            }
        },
        {"$project": {"event": 1, "slot": slot, "oldest": oldest, **counted("$counts")}},
        {
            "$group": {
                "_id": {"event": "$event", "slot": "$slot"},
                **SUMS,
                "seals": {"$sum": 1},
                "oldest": {"$min": "$oldest"},
            }
        },
        {"$sort": {"_id": 1}},
    ]


def recent_loads(limit: int) -> list[Stage]:
    return [
        {
            "$group": {
                "_id": {"event": "$event", "table": "$table", "run": "$run"},
                "first": {"$min": "$day"},
                "last": {"$max": "$day"},
                "days": {"$sum": 1},
                "staged": {"$sum": "$staged"},
                "rows": {"$sum": "$rows"},
                "hidden": {"$sum": "$hidden"},
                "at": {"$max": "$loaded_at"},
            }
        },
        {"$sort": {"at": -1, "_id.event": 1}},
        {"$limit": limit},
    ]


def dead_since(since: datetime) -> list[Stage]:
    return [
        {"$match": {"_id": {"$gte": first_id(since)}, "kind": SEAL, "counts.dead": {"$gt": 0}}},
        {
            "$project": {
                "event": 1,
                "sealed_at": 1,
                "reasons": {"$objectToArray": "$counts.dead_by_reason"},
            }
        },
        {"$unwind": "$reasons"},
        {
            "$group": {
                "_id": {"event": "$event", "reason": "$reasons.k"},
                "dead": {"$sum": "$reasons.v"},
                "seals": {"$sum": 1},
                "last": {"$max": "$sealed_at"},
            }
        },
        {"$sort": {"_id": 1}},
    ]


WAITING: list[Stage] = [
    {"$match": {"kind": SEAL, "unloaded": {"$gt": ""}}},
    {"$project": {"event": 1, "sealed_at": 1, "unloaded": 1}},
    {"$unwind": "$unloaded"},
    {
        "$group": {
            "_id": "$event",
            "days": {"$addToSet": "$unloaded"},
            "since": {"$min": "$sealed_at"},
        }
    },
    {"$sort": {"_id": 1}},
]


class MongoSums:
    """The part of the ledger that adds up; `_database` is the whole one's."""

    _database: AsyncIOMotorDatabase[Document]

    async def balances(
        self, tables: Mapping[str, str], first: date, last: date
    ) -> Sequence[TypeBalance]:
        span = (first.isoformat(), last.isoformat())
        with translating():
            events = await self._database["ledger"].distinct("event", {"kind": {"$in": COUNTING}})
        sums = await self._sums("ledger", balances_of(events, *span))
        loaded: dict[str, tuple[int, int, int, str]] = {}
        for one in await self._sums("loads", loaded_in(*span)):
            event, table = one["_id"]["event"], one["_id"]["table"]
            if tables.get(event, table) == table:
                staged, rows, hidden, at = loaded.get(event, NONE)
                loaded[event] = (
                    staged + one["staged"],
                    rows + one["rows"],
                    hidden + one["hidden"],
                    max(at, one["at"]),
                )
        found = []
        for one in sums:
            staged, rows, hidden, at = loaded.get(one["_id"], NONE)
            last_load = datetime.fromisoformat(at) if at else None
            counts, waiting = counts_from(one), one["waiting"]
            found.append(TypeBalance(one["_id"], counts, staged, rows, waiting, last_load, hidden))
        return found

    async def activity(self, since: datetime) -> Sequence[Slot]:
        return [
            slot_of(
                one["_id"]["event"], one["_id"]["slot"], one["seals"], counts_from(one),
                one["oldest"],
            )
            for one in await self._sums("ledger", activity_since(since))
        ]  # fmt: skip

    async def recent_loads(self, limit: int) -> Sequence[LoadRun]:
        return [
            LoadRun(
                **one["_id"],
                first=date.fromisoformat(one["first"]),
                last=date.fromisoformat(one["last"]),
                days=one["days"],
                staged=one["staged"],
                rows=one["rows"],
                loaded_at=datetime.fromisoformat(one["at"]),
                hidden=one["hidden"],
            )
            for one in await self._sums("loads", recent_loads(limit))
        ]

    async def dead_sums(self, since: datetime) -> Sequence[DeadSum]:
        return [
            DeadSum(
                **one["_id"],
                dead=one["dead"],
                seals=one["seals"],
                last=datetime.fromisoformat(one["last"]),
            )
            for one in await self._sums("ledger", dead_since(since))
        ]

    async def newest_dead(self, event: str, limit: int) -> Sequence[StoredObject]:
        query: Document = {"kind": SEAL, "event": event, "counts.dead": {"$gt": 0}}
        with translating():
            found = self._database["ledger"].find(query, {"objects": 1})
            seals = await found.sort("_id", -1).limit(limit).to_list(None)
        objects = (object_from(stored) for seal in seals for stored in seal["objects"])
        return [stored for stored in objects if stored.kind is ObjectKind.DEAD][:limit]

    async def waiting(self) -> Sequence[Waiting]:
        return [
            Waiting(one["_id"], len(one["days"]), datetime.fromisoformat(one["since"]))
            for one in await self._sums("ledger", WAITING)
        ]

    async def _sums(self, collection: str, stages: list[Stage]) -> list[Document]:
        with translating():
            found = self._database[collection].aggregate(stages, allowDiskUse=True)
            sums: list[Document] = await found.to_list(None)
        return sums
