"""Entries and chains in MongoDB: appending is one insert, and each link can be taken once."""

import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from motor.motor_asyncio import AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import UpdateOne, timeout
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern

from app.core.errors import Fatal, Fenced, Transient
from app.core.seal import Range
from app.core.versions import event_of_partition
from app.ledger.chain import end_link, start_link
from app.ledger.document import Document, end_from, range_from, time_text
from app.ledger.mongo_digests import digest_of, digests
from app.ledger.mongo_errors import translated
from app.ledger.mongo_queries import chain_of, last_of
from app.ledger.protocol import Acknowledgement, Cursor, EntryKind, Link

# One sort over a partition's whole chain may take longer than any other call.
SCAN_SECONDS = 600
LINKS_PER_PAGE = 1_000
DUPLICATE_KEY = 11000
WIDTHS = (10_000, 1_000_000)  # offsets

Entries: TypeAlias = AsyncIOMotorCollection[Document]


class MongoEntries:
    """The collection of entries, and the hints that spare a reader the way along a chain."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self.collection = database["ledger"]
        self._on_primary = self.collection.with_options(read_concern=ReadConcern("local"))
        self._hints = database["cursors"]
        self._acknowledgements = database["acknowledgements"]

    async def ends_for(self, ranges: Iterable[Range]) -> dict[str, Cursor]:
        """Find the end that each range continues, by partition.

        Looking before inserting is safe: an entry is never changed or removed, so an end that was
        seen stays true, and of two writers who saw the same end the unique index stops one. It is
        read as the primary has it, majority or not: just after an election what a majority is
        known to have lags behind, and should that end be lost, our insert is lost with it,
        unacknowledged.

        Raises:
            Fenced: a range starts where no entry ends.
        """
        wanted = {r.link: r for r in ranges}
        ends = await self._ending(wanted, self._on_primary)
        for link, r in wanted.items():
            if r.tp not in ends:
                raise Fenced(f"{link} does not continue its chain; nothing was recorded")
        return ends

    async def append(self, document: Document, is_same: Callable[[Document], bool]) -> None:
        """Insert an entry; `is_same` tells whether the one stored under its id is this one.

        Raises:
            Fenced: a link is taken by another entry, or the id is.
            Transient: it is not known whether it was inserted; append the same again.
        """
        try:
            await self.collection.insert_one(document)
        except DuplicateKeyError as error:
            if not await self._is_stored(document, is_same):
                raise await self._taken(document) from error
        except PyMongoError as error:
            failure = translated(error)
            # The answer may be lost and the entry there: look before anything else is tried.
            if isinstance(failure, Fatal) or not await self._is_stored(document, is_same):
                raise failure from error
        await self._move_hints([document])

    async def append_starts(self, documents: Sequence[Document]) -> None:
        """Insert the starts whose chains have not begun meanwhile."""
        try:
            await self.collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            details = error.details or {}
            failures = [*details["writeErrors"], *details["writeConcernErrors"]]
            if any(failure["code"] != DUPLICATE_KEY for failure in failures):
                raise
        await self._move_hints(documents)

    async def cursors(self, tps: Collection[str]) -> dict[str, Cursor]:
        """Start from the hints, then follow the chains until no entry takes the next link.

        A hint that is missing, behind or wrong costs look-ups and changes nothing.
        """
        hints = {
            f"{hint['_id']}@{hint['next']}"
            async for hint in self._hints.find({"_id": {"$in": list(tps)}})
        }
        ends = await self._ending(hints, self.collection)
        for tp in set(tps) - set(ends):
            async for last in self.collection.aggregate(last_of(tp)):
                ends[tp] = end_from(last["ranges"])
        ahead = ends
        while ahead:
            steps = await self._taking({end_link(tp, end) for tp, end in ahead.items()})
            ahead = {tp: end for tp, end in steps.items() if _is_beyond(end, ends[tp])}
            ends |= ahead
        return ends

    async def starts(self, tps: Collection[str]) -> dict[str, int]:
        """By partition; the id of a start is its link."""
        found = self.collection.find({"_id": {"$in": [start_link(tp) for tp in tps]}})
        return {r["tp"]: r["first"] async for start in found for r in start["ranges"]}

    async def entry_at(self, tp: str, offset: int) -> Document | None:
        """The whole document.

        The index knows where ranges begin, not where they end: so it is asked for those that begin
        a little before, then for more, and a long chain is not read from its start.
        """
        for width in (*WIDTHS, offset + 1):
            holding = {"tp": tp, "first": {"$lte": offset, "$gt": offset - width}}
            query = {"ranges": {"$elemMatch": {**holding, "next": {"$gt": offset}}}}
            if (found := await self.collection.find_one(query)) is not None:
                return found
        return None

    async def chain(self, tp: str) -> AsyncIterator[Link]:
        """Walk a partition's entries in order, sorted by the server: a hole does not end it."""
        with timeout(SCAN_SECONDS):
            cursor = self.collection.aggregate(chain_of(tp), allowDiskUse=True)
            page = await cursor.to_list(LINKS_PER_PAGE)
        while page:
            for entry in page:
                yield Link(EntryKind(entry["kind"]), entry["_id"], range_from(entry["ranges"]))
            page = await cursor.to_list(LINKS_PER_PAGE)

    async def partitions(self) -> dict[str, list[str]]:
        """By event; a hint without a start names a chain whose start someone removed."""
        found = {
            (start["event"], start["ranges"][0]["tp"])
            async for start in self.collection.find({"kind": EntryKind.START.value})
        }
        found |= {(hint["event"], hint["_id"]) async for hint in self._hints.find()}
        partitions: dict[str, list[str]] = {}
        for event, tp in sorted(found):
            partitions.setdefault(event, []).append(tp)
        return partitions

    async def digests(self) -> dict[str, str]:
        """By shelf, in one pass of the server over all entries."""
        with timeout(SCAN_SECONDS):
            sums = await self.collection.aggregate(digests(), allowDiskUse=True).to_list(None)
        return {found["_id"]: digest_of(found) for found in sums}

    async def acknowledge(self, given: Acknowledgement) -> Acknowledgement | None:
        """Keep the first one of an incident, the last one of a partition."""
        said = {"why": given.why, "at": time_text(given.at)}
        if await self._has({"_id": given.incident, "kind": EntryKind.INCIDENT.value}):
            change = {"$setOnInsert": said}
        elif await self._has(_start_for(given.incident)):
            change = {"$set": said}
        else:
            return None
        with contextlib.suppress(DuplicateKeyError):  # somebody was faster
            await self._acknowledgements.update_one({"_id": given.incident}, change, upsert=True)
        return (await self.acknowledged())[given.incident]

    async def _has(self, query: Document) -> bool:
        return await self.collection.find_one(query, {"_id": 1}) is not None

    async def acknowledged(self) -> dict[str, Acknowledgement]:
        return {
            kept["_id"]: Acknowledgement(
                kept["_id"], kept["why"], datetime.fromisoformat(kept["at"])
            )
            async for kept in self._acknowledgements.find()
        }

    async def hints(self) -> dict[str, int]:
        return {hint["_id"]: hint["next"] async for hint in self._hints.find()}

    async def _ending(self, links: Collection[str], where: Entries) -> dict[str, Cursor]:
        """The ends of the entries that these links would continue, by partition."""
        return {
            r["tp"]: end_from(r)
            async for r in _ranges(where, "ends", links)
            if f"{r['tp']}@{r['next']}" in links
        }

    async def _taking(self, links: Collection[str]) -> dict[str, Cursor]:
        """The ends of the entries that took these links, by partition."""
        return {
            r["tp"]: end_from(r)
            async for r in _ranges(self.collection, "chain", links)
            if f"{r['tp']}@{r['first']}" in links
        }

    async def _is_stored(self, document: Document, is_same: Callable[[Document], bool]) -> bool:
        stored = await self.collection.find_one({"_id": document["_id"]})
        if stored is not None and not is_same(stored):
            raise Fenced(f"another entry is recorded as {document['_id']}")
        return stored is not None

    async def _taken(self, document: Document) -> Fenced | Transient:
        taken = {"chain": {"$in": document["chain"]}}
        async for other in self.collection.find(taken, {"chain": 1}):
            links = sorted(set(other["chain"]) & set(document["chain"]))
            return Fenced(f"{other['_id']} has taken {', '.join(links)}; nothing was recorded")
        # The primary holds it, a majority does not yet: it may be our own, or be rolled back.
        return Transient(f"an entry in the way of {document['_id']} is not durable yet; try again")

    async def _move_hints(self, documents: Sequence[Document]) -> None:
        moves = [
            UpdateOne(
                {"_id": r["tp"]},
                {"$max": {"next": r["next"]}, "$setOnInsert": {"event": document["event"]}},
                upsert=True,
            )
            for document in documents
            for r in document["ranges"]
        ]
        # The entry is recorded; a hint that stays behind only makes the next chase longer.
        with contextlib.suppress(PyMongoError):
            await self._hints.bulk_write(moves, ordered=False)


def _is_beyond(end: Cursor, other: Cursor) -> bool:
    return end.next > other.next or (end.ended and not other.ended)


async def _ranges(where: Entries, field: str, links: Collection[str]) -> AsyncIterator[Document]:
    query: Mapping[str, Any] = {field: {"$in": list(links)}}
    async for entry in where.find(query, {"ranges": 1}):
        for r in entry["ranges"]:
            yield r


def _start_for(partition: str) -> Document:
    """The start of its chain, or of any chain of the event whose topic it is in."""
    named = [{"_id": start_link(partition)}, {"event": event_of_partition(partition)}]
    return {"kind": EntryKind.START.value, "$or": named}
