"""Summaries in SQLite: the rows of many seals become those of one entry, in one transaction."""

import json
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import date, datetime
from functools import partial
from sqlite3 import Connection, Row

from app.core.errors import Fatal, Fenced
from app.core.seal import Seal
from app.ledger.document import time_text
from app.ledger.pages import by_id
from app.ledger.protocol import Cursor, EntryKind
from app.ledger.sqlite_digests import contradictions, end_of
from app.ledger.sqlite_entries import (
    add_counts,
    add_entry,
    add_link,
    by_entry,
    counts_of,
    range_of,
    seals_of,
)
from app.ledger.sqlite_file import SQLiteFile
from app.ledger.summary import ShelvedSummary, Summary, summary_of
from app.ledger.sums import first_id

PER_PAGE = 100
OF_SEALS = (
    ("links", "entry"),
    ("counts", "entry"),
    ("reasons", "entry"),
    ("objects", "entry"),
    ("entries", "id"),
)
THESE = "IN (SELECT value FROM json_each(?))"


class SQLiteSummaries:
    """`Summaries`, each method one transaction, each page of a walk its own."""

    _file: SQLiteFile

    def old_seals(self, event: str, before: datetime) -> AsyncIterator[Seal]:
        return by_id(
            lambda beyond: self._file.read(
                partial(_page_of_old, event=event, before=before, beyond=beyond)
            )
        )

    async def summarise(self, seals: Sequence[str], at: datetime) -> Summary:
        return await self._file.write(lambda db: _summarise(db, seals, at))

    def summaries(self, shelf: str) -> AsyncIterator[ShelvedSummary]:
        end = end_of(shelf)
        return by_id(lambda beyond: self._file.read(lambda db: _page(db, max(shelf, beyond), end)))

    async def summed(self, seals: Collection[str]) -> set[str]:
        these = json.dumps(list(seals))
        query = f"SELECT DISTINCT seal FROM summed WHERE seal {THESE}"
        return await self._file.read(
            lambda db: {row["seal"] for row in db.execute(query, (these,))}
        )

    async def summarised_days(self, event: str) -> frozenset[date]:
        return await self._file.read(lambda db: summarised_days(db, event))

    async def summary_count(self) -> int:
        return await self._file.read(
            lambda db: int(db.execute("SELECT count(*) FROM summaries").fetchone()[0])
        )


def _page_of_old(db: Connection, event: str, before: datetime, beyond: str) -> list[Seal]:
    rows = db.execute(
        """SELECT * FROM entries
           WHERE kind = ? AND event = ? AND id > ? AND id < ? AND at < ?
             AND NOT EXISTS (SELECT 1 FROM objects o JOIN unloaded u USING (event, day)
                             WHERE o.entry = entries.id AND o.kind = 'rows')
           ORDER BY id LIMIT ?""",
        (EntryKind.SEAL.value, event, beyond, first_id(before), time_text(before), PER_PAGE),
    )
    return seals_of(db, rows.fetchall())


def _summarise(db: Connection, ids: Sequence[str], at: datetime) -> Summary:
    these = json.dumps(list(ids))
    entries = db.execute(
        f"SELECT * FROM entries WHERE kind = ? AND id {THESE}", (EntryKind.SEAL.value, these)
    ).fetchall()
    waits = db.execute(
        f"""SELECT 1 FROM objects o JOIN unloaded u USING (event, day)
            WHERE o.entry {THESE} AND o.kind = 'rows'""",
        (these,),
    ).fetchone()
    if waits or len(entries) != len(set(ids)):
        raise Fenced("a seal that was to be summarised is gone, or its day waits for a load again")
    summary = summary_of(seals_of(db, entries), at)
    if problems := summary.problems():
        raise Fatal(f"{len(ids)} seals were not summarised: {'; '.join(problems)}")
    links = db.execute(f"SELECT * FROM links WHERE entry {THESE}", (these,))
    ends = {
        (link["tp"], link["next"]): Cursor(
            link["next"], link["end_changelog"], link["end_topic_id"]
        )
        for link in links
    }
    for table, column in OF_SEALS:
        db.execute(f"DELETE FROM {table} WHERE {column} {THESE}", (these,))
    _append(db, summary, ends)
    return summary


def _append(db: Connection, summary: Summary, ends: dict[tuple[str, int], Cursor]) -> None:
    id, event, kind = summary.id, summary.event, EntryKind.SUMMARY
    add_entry(db, id, kind, event, time_text(summary.sealed_to))
    for position, r in enumerate(summary.ranges):
        add_link(db, id, kind, event, r, ends[r.tp, r.next], slot=r.first, position=position)
    add_counts(db, event, id, summary.days, summary.dead_by_reason)
    db.execute(
        "INSERT INTO summaries VALUES (?, ?, ?, ?)",
        (id, summary.seals, time_text(summary.sealed_from), time_text(summary.made_at)),
    )
    db.executemany(
        "INSERT INTO summed VALUES (?, ?, ?, ?, ?)",
        [
            (event, day.isoformat(), seal, id, rows)
            for day, of_day in summary.rows.items()
            for seal, rows in of_day.items()
        ],
    )


def summarised_rows(db: Connection, event: str, day: date) -> dict[str, int]:
    """Rows of a day in seals that were summarised, by seal."""
    query = "SELECT seal, rows FROM summed WHERE event = ? AND day = ? ORDER BY seal"
    return {row["seal"]: row["rows"] for row in db.execute(query, (event, day.isoformat()))}


def summarised_days(db: Connection, event: str) -> frozenset[date]:
    found = db.execute("SELECT DISTINCT day FROM summed WHERE event = ?", (event,))
    return frozenset(date.fromisoformat(row["day"]) for row in found)


def _summaries_of(db: Connection, entries: Sequence[Row]) -> list[Summary]:
    """`entries` with the columns of `summaries` beside their own."""
    ids = json.dumps([entry["id"] for entry in entries])
    ranges, counts, reasons, rows = (
        by_entry(db, f"SELECT * FROM {table} WHERE entry {THESE} ORDER BY {order}", ids)
        for table, order in (("links", "position"), ("counts", "day"), ("reasons", "reason"),
                             ("summed", "day, seal"))
    )  # fmt: skip
    return [
        Summary(
            id=entry["id"],
            event=entry["event"],
            seals=entry["seals"],
            sealed_from=datetime.fromisoformat(entry["sealed_from"]),
            sealed_to=datetime.fromisoformat(entry["at"]),
            made_at=datetime.fromisoformat(entry["made_at"]),
            ranges=tuple(range_of(row) for row in ranges[entry["id"]]),
            days={date.fromisoformat(c["day"]): counts_of(c) for c in counts[entry["id"]]},
            dead_by_reason={row["reason"]: row["dead"] for row in reasons[entry["id"]]},
            rows=_by_day(rows[entry["id"]]),
        )
        for entry in entries
    ]


def _by_day(rows: Sequence[Row]) -> dict[date, dict[str, int]]:
    found: dict[date, dict[str, int]] = {}
    for row in rows:
        found.setdefault(date.fromisoformat(row["day"]), {})[row["seal"]] = row["rows"]
    return found


def _page(db: Connection, beyond: str, end: str) -> list[ShelvedSummary]:
    entries = db.execute(
        """SELECT e.*, s.* FROM summaries s JOIN entries e USING (id)
           WHERE id > ? AND id < ? ORDER BY id LIMIT ?""",
        (beyond, end, PER_PAGE),
    ).fetchall()
    wrong = contradictions(db, json.dumps([entry["id"] for entry in entries]))
    return [
        ShelvedSummary(summary, tuple(wrong.get(summary.id, ())))
        for summary in _summaries_of(db, entries)
    ]


def find_summary(db: Connection, id: str) -> Summary:
    """One that there is."""
    query = "SELECT e.*, s.* FROM summaries s JOIN entries e USING (id) WHERE id = ?"
    return _summaries_of(db, db.execute(query, (id,)).fetchall())[0]
