"""Digests of shelves: what is added, removed or changed by hand is seen, on its own shelf."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pymongo
import pytest

from app.core.seal import DayCounts
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import EntryKind, Ledger, Link, Shelved
from tests.ledger.examples import (
    MONDAY,
    OTHER_TP,
    TP,
    TUESDAY,
    incident,
    load,
    seal,
    span,
    start,
)

FIRST, SECOND, THIRD = "01AAA1", "01AAA2", "01BBB1"
STARTS, EARLY, LATE = "event", "01AAA", "01BBB"


async def fill(ledger: Ledger) -> None:
    """Two seals on one shelf and one on another, over two partitions and two days."""
    await ledger.start_chains([start(TP), start(OTHER_TP)])
    days = {MONDAY: DayCounts(staged=6, duplicates=1), TUESDAY: DayCounts(staged=2, dead=3)}
    await ledger.record(seal(span(0, 7), span(0, 5, OTHER_TP), id=FIRST, days=days))
    await ledger.record(seal(span(7, 9), id=SECOND))
    await ledger.record(seal(span(9, 12), span(5, 6, OTHER_TP), id=THIRD))


async def test_an_entry_changes_the_digest_of_its_own_shelf_only(ledger: Ledger) -> None:
    assert dict(await ledger.digests()) == {}
    await fill(ledger)
    before = await ledger.digests()
    assert set(before) == {STARTS, EARLY, LATE}
    await ledger.record(seal(span(12, 13), id="01BBB2"))
    after = await ledger.digests()
    assert {shelf for shelf in after if after[shelf] != before[shelf]} == {LATE}


async def test_looking_and_loading_change_no_digest(ledger: Ledger, other: Ledger) -> None:
    await fill(ledger)
    before = await ledger.digests()
    await ledger.cursors([TP])
    await ledger.record_load([load(MONDAY, 1, [FIRST, SECOND])])
    await ledger.record_load([load(MONDAY, 2, [FIRST])])
    assert await other.digests() == before


async def test_a_shelf_holds_its_own_links_and_seals(ledger: Ledger) -> None:
    await fill(ledger)
    lost = incident(12, 20)
    await ledger.record_incident(lost)
    links = [found async for found in ledger.links(EARLY)]
    assert links == [
        ("order_placed", Link(EntryKind.SEAL, FIRST, span(0, 7))),
        ("order_placed", Link(EntryKind.SEAL, FIRST, span(0, 5, OTHER_TP))),
        ("order_placed", Link(EntryKind.SEAL, SECOND, span(7, 9))),
    ]
    assert [found.id async for found in ledger.shelved(EARLY)] == [FIRST, SECOND]
    assert [found async for found in ledger.shelved(LATE)] == [
        Shelved(found) async for found in ledger.seals() if found.id == THIRD
    ]
    assert {link.kind async for _, link in ledger.links(STARTS)} == {EntryKind.START}
    (of_incident,) = [link async for _, link in ledger.links(lost.id[:5])]
    assert (of_incident.kind, of_incident.range) == (EntryKind.INCIDENT, lost.range)
    assert [found async for found in ledger.shelved("01CCC")] == []


async def test_shelves_are_walked_page_by_page(ledger: Ledger) -> None:
    await ledger.start_chains([start(TP)])
    for number in range(120):
        await ledger.record(seal(span(number, number + 1), id=f"01AAA{number:04}"))
    assert [found.id async for found in ledger.shelved(EARLY)] == [
        f"01AAA{number:04}" for number in range(120)
    ]
    assert [link.range.first async for _, link in ledger.links(EARLY)] == list(range(120))


Change = Callable[[Any], Any]
SQLITE = {
    "an entry is removed": "DELETE FROM entries WHERE id = '01AAA1'",
    "a link is removed": "DELETE FROM links WHERE entry = '01AAA1' AND slot = 0",
    "an object is removed": "DELETE FROM objects WHERE entry = '01AAA1' AND position = 1",
    "a count is shifted": "UPDATE counts SET staged = staged + 1 WHERE entry = '01AAA1'",
    "something is said to be filtered": "UPDATE counts SET filtered = 1 WHERE entry = '01AAA2'",
    "rows are shifted": "UPDATE counts SET rows = staged + 1 WHERE entry = '01AAA1'",
    "records are shifted": "UPDATE links SET records = records - 1 WHERE entry = '01AAA2'",
    "a checksum is changed": "UPDATE objects SET sha256 = '5ahx' WHERE entry = '01AAA2'",
    "a key is changed": "UPDATE objects SET key = replace(key, 'r', 's') WHERE entry = '01AAA2'",
    "one is taken from a seal to another": (
        "UPDATE counts SET staged = staged + iif(entry = '01AAA1', -1, 1)"
        " WHERE entry LIKE '01AAA%' AND day = '2026-03-02'"
    ),
}
ONE = {"_id": FIRST}
MONGO: dict[str, Change] = {
    "an entry is removed": lambda entries: entries.delete_one(ONE),
    "a range is removed": lambda entries: entries.update_one(ONE, {"$pop": {"ranges": 1}}),
    "a link is removed": lambda entries: entries.update_one(ONE, {"$pop": {"chain": 1}}),
    "an object is removed": lambda entries: entries.update_one(ONE, {"$pop": {"objects": -1}}),
    "a count is shifted": lambda entries: entries.update_one(
        ONE, {"$inc": {"counts.days.0.duplicates": 1}}
    ),
    "something is said to be filtered": lambda entries: entries.update_one(
        ONE, {"$inc": {"counts.days.0.filtered": 1}}
    ),
    "rows are shifted": lambda entries: entries.update_one(
        ONE, {"$inc": {"counts.days.0.rows": 7}}
    ),
    "a count is taken to another day": lambda entries: entries.update_one(
        ONE, {"$inc": {"counts.days.0.staged": -1, "counts.days.1.staged": 1}}
    ),
    "records are shifted": lambda entries: entries.update_one(
        ONE, {"$inc": {"ranges.1.records": 1}}
    ),
    "an object's bytes are shifted": lambda entries: entries.update_one(
        ONE, {"$inc": {"objects.0.bytes": 1}}
    ),
    "a total is shifted": lambda entries: entries.update_one(ONE, {"$inc": {"counts.staged": 1}}),
    "a day is taken away": lambda entries: entries.update_one(ONE, {"$pop": {"row_days": 1}}),
    "a key is cut": lambda entries: entries.update_one(ONE, {"$set": {"objects.0.key": "short"}}),
    "one is taken from a seal to another": lambda entries: (
        entries.update_one(ONE, {"$inc": {"counts.days.0.staged": -1}}),
        entries.update_one({"_id": SECOND}, {"$inc": {"counts.days.0.staged": 1}}),
    ),
}


@pytest.mark.parametrize("statement", SQLITE.values(), ids=SQLITE)
async def test_what_is_changed_by_hand_in_sqlite_changes_its_shelf(
    sqlite_options: LedgerOptions, statement: str
) -> None:
    ledger = await open_ledger(sqlite_options)
    await fill(ledger)
    before = await ledger.digests()
    with sqlite3.connect(sqlite_options.url.removeprefix("sqlite:///")) as db:
        assert db.execute(statement).rowcount > 0
    db.close()
    after = await ledger.digests()
    await ledger.close()
    assert {shelf for shelf in before if after.get(shelf) != before[shelf]} == {EARLY}


@pytest.mark.parametrize("change", MONGO.values(), ids=MONGO)
async def test_what_is_changed_by_hand_in_mongo_changes_its_shelf(
    mongo_options: LedgerOptions, change: Change
) -> None:
    ledger = await open_ledger(mongo_options)
    await fill(ledger)
    before = await ledger.digests()
    with pymongo.MongoClient[dict[str, Any]](mongo_options.url) as client:
        change(client[mongo_options.database]["ledger"])
    after = await ledger.digests()
    await ledger.close()
    assert {shelf for shelf in before if after.get(shelf) != before[shelf]} == {EARLY}


async def test_what_mongo_holds_twice_must_agree(mongo_options: LedgerOptions) -> None:
    ledger = await open_ledger(mongo_options)
    await fill(ledger)
    await ledger.record_load([load(MONDAY, 1, [FIRST])])
    assert [found.problems async for found in ledger.shelved(EARLY)] == [(), ()]
    with pymongo.MongoClient[dict[str, Any]](mongo_options.url) as client:
        entries = client[mongo_options.database]["ledger"]
        entries.update_one(ONE, {"$inc": {"counts.received": 1}, "$pop": {"row_days": 1}})
        entries.update_one({"_id": SECOND}, {"$set": {"chain": ["x@0"]}})
    assert [found.problems async for found in ledger.shelved(EARLY)] == [
        tuple(f"its {name} are not what the rest of it says" for name in ("counts", "row_days")),
        ("its chain are not what the rest of it says",),
    ]
    await ledger.close()


@pytest.mark.parametrize("table", ["links", "counts", "objects"])
async def test_what_sqlite_holds_twice_must_agree(
    sqlite_options: LedgerOptions, table: str
) -> None:
    ledger = await open_ledger(sqlite_options)
    await fill(ledger)
    assert [found.problems async for found in ledger.shelved(EARLY)] == [(), ()]
    with sqlite3.connect(sqlite_options.url.removeprefix("sqlite:///")) as db:
        db.execute(f"UPDATE {table} SET event = 'other' WHERE entry = '{SECOND}'")
    db.close()
    assert [found.problems async for found in ledger.shelved(EARLY)] == [
        (), (f"its {table} are of another event or kind",),
    ]  # fmt: skip
    await ledger.close()


async def test_hints_are_told_where_they_are_kept(ledger: Ledger) -> None:
    await fill(ledger)
    assert await ledger.hints() in (None, {TP: 12, OTHER_TP: 6})
