"""Summaries in MongoDB: many documents become one, in one transaction of the server."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pymongo import ReadPreference, WriteConcern, timeout
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from app.core.errors import Fatal, Fenced
from app.core.seal import Seal
from app.ledger.document import (
    Document,
    end_from,
    seal_from,
    summary_document,
    summary_from,
    time_text,
)
from app.ledger.mongo_digests import contradictions, on
from app.ledger.mongo_entries import SCAN_SECONDS
from app.ledger.mongo_errors import translating
from app.ledger.pages import by_id
from app.ledger.protocol import EntryKind
from app.ledger.summary import ShelvedSummary, Summary, summary_of
from app.ledger.sums import first_id

PER_PAGE = 100
SEAL, SUMMARY = EntryKind.SEAL.value, EntryKind.SUMMARY.value
NO_TRANSACTIONS = (20, 263)
"""Codes of a server that stands alone, and of one that can not have them in this place."""


class MongoSummaries:
    """`Summaries`; client and database are the whole ledger's."""

    _client: AsyncIOMotorClient[Document]
    _database: AsyncIOMotorDatabase[Document]

    def old_seals(self, event: str, before: datetime) -> AsyncIterator[Seal]:
        query: Document = {
            "kind": SEAL,
            "event": event,
            "_id": {"$lt": first_id(before)},
            "sealed_at": {"$lt": time_text(before)},
        }

        async def page(beyond: str) -> list[Seal]:
            with translating():
                waiting = await self._database["ledger"].distinct("unloaded", {"event": event})
            settled = query | {"row_days": {"$nin": waiting}}
            return [seal_from(stored) for stored in await self._some(settled, beyond)]

        return by_id(page)

    async def summarise(self, seals: Sequence[str], at: datetime) -> Summary:
        ids = sorted(seals)

        async def change(session: AsyncIOMotorClientSession) -> Summary:
            return await self._put_in_place(ids, at, session)

        with translating(), timeout(SCAN_SECONDS):
            async with await self._client.start_session() as session:
                try:
                    made: Summary = await session.with_transaction(
                        change,
                        read_concern=ReadConcern("snapshot"),
                        write_concern=WriteConcern("majority", j=True),
                        read_preference=ReadPreference.PRIMARY,
                    )
                except OperationFailure as error:
                    if error.code in NO_TRANSACTIONS:
                        raise Fatal(
                            "the MongoDB of LEDGER__URL knows no transactions, which a summary of "
                            "old seals needs: make it a replica set (one member will do), or set "
                            "JANITOR__KEEP_SEALS_DAYS=0"
                        ) from error
                    raise
        return made

    async def _put_in_place(
        self, ids: Sequence[str], at: datetime, session: AsyncIOMotorClientSession
    ) -> Summary:
        entries = self._database["ledger"]
        these: Document = {"_id": {"$in": list(ids)}, "kind": SEAL, "unloaded": []}
        found = await entries.find(these, session=session).sort("_id").to_list(None)
        days = {day for stored in found for day in stored["row_days"]}
        waits: Document = {
            "event": {"$in": list({stored["event"] for stored in found})},
            "unloaded": {"$in": list(days)},
        }
        waiting = await entries.find_one(waits, {"_id": 1}, session=session)
        if waiting is not None or len(found) != len(set(ids)):
            raise Fenced(
                "a seal that was to be summarised is gone, or its day waits for a load again"
            )
        summary = summary_of([seal_from(stored) for stored in found], at)
        if problems := summary.problems():
            raise Fatal(f"{len(ids)} seals were not summarised: {'; '.join(problems)}")
        ends = {(r["tp"], r["next"]): end_from(r) for stored in found for r in stored["ranges"]}
        gone = await entries.delete_many(these, session=session)
        if gone.deleted_count != len(found):
            raise Fenced("a seal that was to be summarised was changed meanwhile")
        await entries.insert_one(summary_document(summary, ends), session=session)
        return summary

    def summaries(self, shelf: str) -> AsyncIterator[ShelvedSummary]:
        async def page(beyond: str) -> list[ShelvedSummary]:
            found = await self._some({"kind": SUMMARY} | on(shelf), beyond)
            return [ShelvedSummary(summary_from(one), contradictions(one)) for one in found]

        return by_id(page)

    async def summed(self, seals: Collection[str]) -> set[str]:
        wanted, found = set(seals), set[str]()
        with translating():
            query = {"summed.seal": {"$in": list(wanted)}}
            async for one in self._database["ledger"].find(query, {"summed.seal": 1}):
                found |= {part["seal"] for part in one["summed"]} & wanted
        return found

    async def summarised_days(self, event: str) -> frozenset[date]:
        with translating():
            return await summarised_days(self._database["ledger"], event)

    async def summary_count(self) -> int:
        with translating():
            return int(await self._database["ledger"].count_documents({"kind": SUMMARY}))

    async def _some(self, query: Mapping[str, Any], beyond: str) -> list[Document]:
        with translating():
            found = self._database["ledger"].find({"$and": [query, {"_id": {"$gt": beyond}}]})
            page: list[Document] = await found.sort("_id").limit(PER_PAGE).to_list(None)
            return page


async def summarised_days(entries: AsyncIOMotorCollection[Document], event: str) -> frozenset[date]:
    days: list[Document] = [
        {"$match": {"event": event, "kind": SUMMARY}},
        {"$unwind": "$summed"},
        {"$group": {"_id": "$summed.day"}},
    ]
    return frozenset([date.fromisoformat(one["_id"]) async for one in entries.aggregate(days)])


def summarised_on(event: str, days: Sequence[date]) -> Document:
    """Finds the summaries of seals with rows of these days."""
    return {
        "event": event,
        "days": {"$in": [day.isoformat() for day in days]},
        "kind": SUMMARY,
    }
