"""The embedded ledger: one SQLite file in WAL mode, shared by the processes of one machine."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from sqlite3 import Connection

from app.core.disposal import Disposal
from app.core.seal import Seal
from app.ledger import sqlite_acknowledgements as acknowledgements_of
from app.ledger import sqlite_days as days_of
from app.ledger import sqlite_digests as digests_of
from app.ledger import sqlite_disposals as disposals_of
from app.ledger import sqlite_entries as entries_of
from app.ledger.chain import (
    refuse_unfit_disposal,
    refuse_unfit_incident,
    refuse_unfit_seal,
)
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
from app.ledger.sqlite_file import SQLiteFile
from app.ledger.sqlite_operations import SQLiteOperations
from app.ledger.sqlite_reruns import SQLiteReruns
from app.ledger.sqlite_summaries import SQLiteSummaries, find_summary
from app.ledger.sqlite_sums import SQLiteSums
from app.ledger.summary import Summary

SEALS_PER_PAGE = 100
LINKS_PER_PAGE = 1_000


class SQLiteLedger(SQLiteOperations, SQLiteReruns, SQLiteSums, SQLiteSummaries):
    """A `Ledger` whose every method is one transaction.

    Walks go page by page, each page its own transaction: a long walk neither holds memory nor
    keeps SQLite from tidying its log.
    """

    def __init__(self, file: SQLiteFile) -> None:
        self._file = file

    @classmethod
    def at(cls, options: LedgerOptions) -> "SQLiteLedger":
        """The file of `sqlite:///path`; the first call opens or creates it."""
        path = Path(options.url.removeprefix("sqlite:///"))
        return cls(SQLiteFile(path, options.timeout_seconds))

    async def record(self, seal: Seal) -> None:
        refuse_unfit_seal(seal)
        await self._file.write(lambda db: entries_of.append_seal(db, seal))

    async def start_chains(self, starts: Collection[ChainStart]) -> Mapping[str, Cursor]:
        tps = [start.tp for start in starts]
        begun = await self.cursors(tps)
        missing = [start for start in starts if start.tp not in begun]
        if not missing:
            return begun

        def begin(db: Connection) -> Mapping[str, Cursor]:
            for start in missing:
                entries_of.append_start(db, start)
            return entries_of.find_cursors(db, tps)

        return await self._file.write(begin)

    async def record_incident(self, incident: Incident) -> None:
        refuse_unfit_incident(incident)
        await self._file.write(lambda db: entries_of.append_incident(db, incident))

    async def cursors(self, tps: Collection[str]) -> Mapping[str, Cursor]:
        return await self._file.read(lambda db: entries_of.find_cursors(db, tps))

    async def starts(self, tps: Collection[str]) -> Mapping[str, int]:
        return await self._file.read(lambda db: entries_of.find_starts(db, tps))

    async def chain(self, tp: str) -> AsyncIterator[Link]:
        beyond = entries_of.START_SLOT - 1
        while page := await self._file.read(
            partial(entries_of.page_of_chain, tp=tp, beyond=beyond, limit=LINKS_PER_PAGE)
        ):
            for _, link in page:
                yield link
            beyond = page[-1][0]

    async def entry_at(self, tp: str, offset: int) -> Seal | Incident | Summary | None:
        return await self._file.read(lambda db: _entry_at(db, tp, offset))

    async def partitions(self) -> Mapping[str, Sequence[str]]:
        return await self._file.read(entries_of.find_partitions)

    def seals(self, event: str | None = None, *, day: date | None = None) -> AsyncIterator[Seal]:
        return by_id(
            lambda beyond: self._file.read(
                lambda db: entries_of.page_of_seals(db, event, day, beyond, SEALS_PER_PAGE)
            )
        )

    async def digests(self) -> Mapping[str, str]:
        return await self._file.read(digests_of.shelf_digests)

    async def links(self, shelf: str) -> AsyncIterator[tuple[str, Link]]:
        beyond = ("", -1)
        while page := await self._file.read(
            partial(digests_of.page_of_links, shelf=shelf, beyond=beyond, limit=LINKS_PER_PAGE)
        ):
            for _, event, link in page:
                yield event, link
            beyond = page[-1][0]

    async def hints(self) -> Mapping[str, int] | None:
        return None

    def shelved(self, shelf: str) -> AsyncIterator[Shelved]:
        end = digests_of.end_of(shelf)
        return by_id(
            lambda beyond: self._file.read(
                lambda db: digests_of.page_of_shelf(db, max(shelf, beyond), end, SEALS_PER_PAGE)
            )
        )

    def incidents(self, event: str | None = None) -> AsyncIterator[Incident]:
        return by_id(
            lambda beyond: self._file.read(
                lambda db: entries_of.page_of_incidents(db, event, beyond, SEALS_PER_PAGE)
            )
        )

    async def acknowledge(self, given: Acknowledgement) -> Acknowledgement | None:
        return await self._file.write(lambda db: acknowledgements_of.acknowledge(db, given))

    async def acknowledged(self) -> Mapping[str, Acknowledgement]:
        return await self._file.read(acknowledgements_of.find)

    async def record_disposal(self, disposal: Disposal) -> None:
        refuse_unfit_disposal(disposal)
        await self._file.write(lambda db: disposals_of.append(db, disposal))

    def disposals(self, event: str | None = None) -> AsyncIterator[Disposal]:
        return by_id(
            lambda beyond: self._file.read(
                lambda db: disposals_of.page(db, event, beyond, SEALS_PER_PAGE)
            )
        )

    async def dirty(self, event: str) -> Sequence[DirtyDay]:
        return await self._file.read(lambda db: days_of.find_dirty(db, event))

    async def manifest(self, event: str, days: Iterable[date]) -> Sequence[DaySeals]:
        return await self._file.read(lambda db: days_of.find_manifest(db, event, days))

    async def record_load(self, loads: Sequence[DayLoad]) -> None:
        await self._file.write(lambda db: days_of.remember_loads(db, loads))

    async def loads(self, event: str, table: str) -> Mapping[date, DayLoad]:
        return await self._file.read(lambda db: days_of.find_loads(db, event, table))

    async def totals(self, event: str) -> Sequence[DayTotals]:
        return await self._file.read(lambda db: days_of.find_totals(db, event))

    async def next_fence(self, name: str) -> int:
        return await self._file.write(lambda db: days_of.count_up(db, name))

    async def ping(self) -> None:
        await self._file.read(lambda db: db.execute("SELECT 1 FROM entries LIMIT 1").fetchone())

    async def close(self) -> None:
        await self._file.close()


def _entry_at(db: Connection, tp: str, offset: int) -> Seal | Incident | Summary | None:
    if (found := entries_of.find_entry_at(db, tp, offset)) is None:
        return None
    kind, entry = found
    if kind is EntryKind.SUMMARY:
        return find_summary(db, entry["id"])
    return (entries_of.seals_of if kind is EntryKind.SEAL else entries_of.incidents_of)(
        db, [entry]
    )[0]
