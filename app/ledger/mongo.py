"""The ledger of production: MongoDB, written by majority and journaled, read by majority."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import date

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ReadPreference, ReturnDocument, WriteConcern, timeout
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from app.core.disposal import Disposal
from app.core.errors import Fatal, Transient
from app.core.seal import Seal
from app.ledger.chain import (
    after,
    after_incident,
    refuse_unfit_disposal,
    refuse_unfit_incident,
    refuse_unfit_seal,
)
from app.ledger.document import (
    Document,
    entry_from,
    incident_document,
    incident_from,
    range_from,
    seal_document,
    seal_from,
    start_document,
)
from app.ledger.mongo_days import MongoDays
from app.ledger.mongo_digests import contradictions, on
from app.ledger.mongo_disposals import MongoDisposals
from app.ledger.mongo_entries import MongoEntries
from app.ledger.mongo_errors import translating
from app.ledger.mongo_identity import identity
from app.ledger.mongo_operations import MongoOperations
from app.ledger.mongo_queries import INDEXES
from app.ledger.mongo_reruns import MongoReruns, RerunsOfLedger
from app.ledger.mongo_summaries import MongoSummaries
from app.ledger.mongo_sums import MongoSums
from app.ledger.options import LedgerOptions
from app.ledger.pages import by_id
from app.ledger.protocol import (
    Acknowledgement,
    ChainStart,
    Cursor,
    DayLoad,
    DaySeals,
    DayTotals,
    DirtyDay,
    EntryKind,
    Incident,
    Link,
    Shelved,
)
from app.ledger.summary import Summary

SEALS_PER_PAGE = 100
CLOSE_SECONDS = 2.0
VERSION = 4
"""As of the SQLite ledger, and with the same steps: see FORMATS.md."""


class MongoLedger(MongoOperations, MongoSums, MongoSummaries, RerunsOfLedger):
    """A `Ledger` in collections of one database, `ledger` before all."""

    def __init__(self, client: AsyncIOMotorClient[Document], database: str) -> None:
        self._client = client
        # Set here, so that no option of the URL can weaken what an acknowledged entry means.
        self._database = client.get_database(
            database,
            read_preference=ReadPreference.PRIMARY,
            write_concern=WriteConcern(w="majority", j=True),
            read_concern=ReadConcern("majority"),
        )
        self._entries = MongoEntries(self._database)
        self._days = MongoDays(self._database)
        self._disposals = MongoDisposals(self._database)
        self._reruns = MongoReruns(self._database)
        self._counters = self._database["counters"]
        self._prepare_operations()
        self._is_prepared = False

    @classmethod
    def at(cls, options: LedgerOptions) -> "MongoLedger":
        """The server of `mongodb://…`; the first `ping` creates the missing indexes.

        Raises:
            Fatal: the URL can not be read.
        """
        with translating():
            return cls(_client(options), options.database)

    async def record(self, seal: Seal) -> None:
        refuse_unfit_seal(seal)
        with translating():
            begun = await self._entries.ends_for(seal.ranges)
            ends = {r.tp: after(begun[r.tp], r) for r in seal.ranges}
            await self._entries.append(
                seal_document(seal, ends),
                lambda stored: stored["kind"] == EntryKind.SEAL and seal_from(stored) == seal,
            )

    async def start_chains(self, starts: Collection[ChainStart]) -> Mapping[str, Cursor]:
        tps = {start.tp for start in starts}
        begun = await self.cursors(tps)
        missing = {start.tp: start_document(start) for start in starts if start.tp not in begun}
        if not missing:
            return begun
        with translating():
            await self._entries.append_starts(list(missing.values()))
        begun = await self.cursors(tps)
        if tps - set(begun):
            # Somebody was first, and a majority does not have it yet.
            raise Transient("a chain's start is not durable yet; try again")
        return begun

    async def record_incident(self, incident: Incident) -> None:
        refuse_unfit_incident(incident)
        r = incident.range
        with translating():
            begun = await self._entries.ends_for([r])
            await self._entries.append(
                incident_document(incident, after_incident(begun[r.tp], incident)),
                lambda stored: (
                    stored["kind"] == EntryKind.INCIDENT and incident_from(stored) == incident
                ),
            )

    async def cursors(self, tps: Collection[str]) -> Mapping[str, Cursor]:
        with translating():
            return await self._entries.cursors(tps)

    async def starts(self, tps: Collection[str]) -> Mapping[str, int]:
        with translating():
            return await self._entries.starts(tps)

    async def chain(self, tp: str) -> AsyncIterator[Link]:
        with translating():
            async for link in self._entries.chain(tp):
                yield link

    async def entry_at(self, tp: str, offset: int) -> Seal | Incident | Summary | None:
        with translating():
            found = await self._entries.entry_at(tp, offset)
        return None if found is None else entry_from(found)

    async def partitions(self) -> Mapping[str, Sequence[str]]:
        with translating():
            return await self._entries.partitions()

    def seals(self, event: str | None = None, *, day: date | None = None) -> AsyncIterator[Seal]:
        query: Document = {"kind": EntryKind.SEAL.value}
        query |= {} if event is None else {"event": event}
        query |= {} if day is None else {"days": day.isoformat()}

        async def page(beyond: str) -> list[Seal]:
            return [seal_from(entry) for entry in await self._page(query, beyond)]

        return by_id(page)

    async def digests(self) -> Mapping[str, str]:
        with translating():
            return await self._entries.digests()

    async def links(self, shelf: str) -> AsyncIterator[tuple[str, Link]]:
        beyond = ""
        while page := await self._page(on(shelf), beyond):
            for entry in page:
                for r in entry["ranges"]:
                    yield (
                        entry["event"],
                        Link(EntryKind(entry["kind"]), entry["_id"], range_from(r)),
                    )
            beyond = page[-1]["_id"]

    async def hints(self) -> Mapping[str, int] | None:
        with translating():
            return await self._entries.hints()

    def shelved(self, shelf: str) -> AsyncIterator[Shelved]:
        query: Document = {"kind": EntryKind.SEAL.value} | on(shelf)

        async def page(beyond: str) -> list[Shelved]:
            entries = await self._page(query, beyond)
            return [Shelved(seal_from(entry), contradictions(entry)) for entry in entries]

        return by_id(page)

    def incidents(self, event: str | None = None) -> AsyncIterator[Incident]:
        query: Document = {"kind": EntryKind.INCIDENT.value}
        query |= {} if event is None else {"event": event}

        async def page(beyond: str) -> list[Incident]:
            return [incident_from(entry) for entry in await self._page(query, beyond)]

        return by_id(page)

    async def acknowledge(self, given: Acknowledgement) -> Acknowledgement | None:
        with translating():
            return await self._entries.acknowledge(given)

    async def acknowledged(self) -> Mapping[str, Acknowledgement]:
        with translating():
            return await self._entries.acknowledged()

    async def record_disposal(self, disposal: Disposal) -> None:
        refuse_unfit_disposal(disposal)
        with translating():
            await self._disposals.append(disposal)

    def disposals(self, event: str | None = None) -> AsyncIterator[Disposal]:
        async def page(beyond: str) -> list[Disposal]:
            with translating():
                return await self._disposals.page(event, beyond, SEALS_PER_PAGE)

        return by_id(page)

    async def dirty(self, event: str) -> Sequence[DirtyDay]:
        with translating():
            return await self._days.dirty(event)

    async def manifest(self, event: str, days: Iterable[date]) -> Sequence[DaySeals]:
        with translating():
            return await self._days.manifest(event, list(days))

    async def record_load(self, loads: Sequence[DayLoad]) -> None:
        with translating():
            for load in loads:
                await self._days.remember(load)

    async def loads(self, event: str, table: str) -> Mapping[date, DayLoad]:
        with translating():
            return await self._days.loads(event, table)

    async def totals(self, event: str) -> Sequence[DayTotals]:
        with translating():
            return await self._days.totals(event)

    async def next_fence(self, name: str) -> int:
        with translating():
            return await self._count(name, {"$inc": {"value": 1}})

    async def ping(self) -> None:
        with translating():
            if self._is_prepared:
                await self._client.admin.command("ping")
            else:
                await self._refuse_newer()
                await self._entries.collection.create_indexes(list(INDEXES))
                self._is_prepared = True

    async def _refuse_newer(self) -> None:
        """The format is written down, and an older one raised: what that has not is read as nothing
        (`filtered`), or as what it was then (`rows`), so there is nothing else to change."""
        if (version := await self._count("format", {"$max": {"value": VERSION}})) > VERSION:
            raise Fatal(
                f"the ledger {self._database.name} has format {version}, this program writes "
                f"{VERSION}: run the version of Forebay that made it, or name another database"
            )

    async def _count(self, name: str, change: Document) -> int:
        """Change a counter, which is 0 before; return what it is then."""
        # Of two upserts at once each may insert, and one finds nothing then: so it is made first.
        with contextlib.suppress(DuplicateKeyError):
            await self._counters.update_one(
                {"_id": name}, {"$setOnInsert": {"value": 0}}, upsert=True
            )
        counter = await self._counters.find_one_and_update(
            {"_id": name}, change, return_document=ReturnDocument.AFTER
        )
        if counter is None:
            raise Transient(f"the ledger's counter {name} is not to be seen yet; try again")
        return int(counter["value"])

    async def close(self) -> None:
        # It tells the server, and waits for its answer in the thread that called.
        with timeout(CLOSE_SECONDS):
            await asyncio.to_thread(self._client.close)

    async def _page(self, query: Document, beyond: str) -> list[Document]:
        with translating():
            found = self._entries.collection.find({"$and": [query, {"_id": {"$gt": beyond}}]})
            page: list[Document] = await found.sort("_id").limit(SEALS_PER_PAGE).to_list(None)
            return page


def _client(options: LedgerOptions) -> AsyncIOMotorClient[Document]:
    milliseconds = int(options.timeout_seconds * 1000)
    try:
        return AsyncIOMotorClient(
            options.url,
            appname="forebay",
            timeoutMS=milliseconds,
            serverSelectionTimeoutMS=milliseconds,
            **identity(options),
        )
    except ValueError as error:
        raise Fatal(f"the ledger's URL can not be read: correct LEDGER__URL ({error})") from error
