"""What was done about dead letters: kept durably, beside the seals that never change."""

import sqlite3
from collections import Counter
from datetime import timedelta

import pytest

from app.core.disposal import MAX_LETTERS, Disposal, Fate
from app.core.errors import Fatal, Fenced
from app.core.seal import DayCounts
from app.ledger.disposed import Disposed
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Ledger
from app.ledger.sqlite_schema import VERSION
from tests.ledger.examples import EVENT, MONDAY, NOON, OTHER_TP, TP, new_id, seal, span, start

WHY = "the shop sent no currency on Monday"


def disposal(
    *offsets: int,
    fate: Fate = Fate.REPLAYED,
    id: str = "",
    event: str = EVENT,
    tp: str = TP,
    **more: tuple[int, ...],
) -> Disposal:
    return Disposal(id or new_id(), event, fate, WHY, NOON, {tp: offsets, **more})


async def all_of(ledger: Ledger, event: str | None = None) -> list[Disposal]:
    return [found async for found in ledger.disposals(event)]


async def test_a_disposal_is_read_back_as_it_was_recorded_by_every_reader(
    ledger: Ledger, other: Ledger
) -> None:
    assert await all_of(other) == []
    many = tuple(range(0, 3 * MAX_LETTERS - 30, 3))
    letters = {TP: many, OTHER_TP: (7, 8, 9), "events.order_placed.v1~8f14e45f+2/0": (10**12,)}
    said = Disposal(new_id(), EVENT, Fate.DROPPED, WHY, NOON, letters)
    await ledger.record_disposal(said)
    assert await all_of(other) == [said]


async def test_seals_and_digests_stay_as_they_were(ledger: Ledger, other: Ledger) -> None:
    await ledger.start_chains([start(TP)])
    recorded = seal(span(0, 5), days={MONDAY: DayCounts(staged=3, dead=2)})
    await ledger.record(recorded)
    before = await ledger.digests()
    await ledger.record_disposal(disposal(0, 4))
    assert await other.digests() == before
    assert [found async for found in other.seals()] == [recorded]
    assert await other.partitions() == {EVENT: [TP]}


async def test_recording_the_same_disposal_again_changes_nothing(
    ledger: Ledger, other: Ledger
) -> None:
    said = disposal(1, 2)
    await ledger.record_disposal(said)
    await other.record_disposal(said)
    assert await all_of(ledger) == [said]


async def test_another_disposal_of_the_same_id_is_refused(ledger: Ledger, other: Ledger) -> None:
    said = disposal(1, 2)
    await ledger.record_disposal(said)
    with pytest.raises(Fenced, match=said.id):
        await other.record_disposal(disposal(1, 3, id=said.id))
    assert await all_of(ledger) == [said]


async def test_an_unfit_disposal_is_refused_naming_why(ledger: Ledger) -> None:
    with pytest.raises(Fatal, match="not ascending"):
        await ledger.record_disposal(disposal(2, 1))
    with pytest.raises(Fatal, match="1 to 5000"):
        await ledger.record_disposal(disposal(*range(MAX_LETTERS + 1)))
    assert await all_of(ledger) == []


async def test_disposals_are_walked_page_by_page_in_order_of_their_ids_of_one_event_or_all(
    ledger: Ledger,
) -> None:
    ids = sorted(new_id(NOON + timedelta(seconds=n)) for n in range(230))
    said = [disposal(n, id=id, event=EVENT if n % 2 else "page_seen") for n, id in enumerate(ids)]
    for one in reversed(said):
        await ledger.record_disposal(one)
    assert await all_of(ledger) == said
    assert await all_of(ledger, EVENT) == said[1::2]
    assert await all_of(ledger, "nobody") == []


async def test_a_letter_that_was_named_twice_counts_once_and_as_replayed_if_it_was_sent(
    ledger: Ledger,
) -> None:
    await ledger.record_disposal(disposal(1, 2, 3))
    await ledger.record_disposal(disposal(2, 3, 4, fate=Fate.DROPPED))
    await ledger.record_disposal(disposal(4, tp=OTHER_TP))
    await ledger.record_disposal(disposal(5, 6, fate=Fate.DROPPED))
    await ledger.record_disposal(disposal(6))
    await ledger.record_disposal(disposal(1, event="page_seen", tp="events.page_seen.v1/0"))
    with Disposed() as disposed:
        await disposed.read(ledger)
        assert disposed.counts() == {
            EVENT: Counter({Fate.REPLAYED: 5, Fate.DROPPED: 2}),
            "page_seen": Counter({Fate.REPLAYED: 1}),
        }
        fates = [disposed.fate(TP, offset) for offset in range(1, 8)]
        replayed, dropped = Fate.REPLAYED, Fate.DROPPED
        assert fates == [replayed, replayed, replayed, dropped, dropped, replayed, None]
        assert disposed.fate(OTHER_TP, 4) is Fate.REPLAYED
        assert disposed.fate("events.nobody.v1/0", 4) is None
        spans = [
            (TP, 0, 100),
            (TP, 2, 5),
            (TP, 7, 9),
            (OTHER_TP, 4, 5),
            ("events.nobody.v1/0", 0, 9),
        ]
        assert [disposed.count_in(*span) for span in spans] == [6, 3, 0, 1, 0]
    with Disposed() as of_one:
        await of_one.read(ledger, "page_seen")
        assert of_one.fate(TP, 1) is None


async def test_a_file_of_an_older_version_takes_disposals(sqlite_options: LedgerOptions) -> None:
    ledger = await open_ledger(sqlite_options)
    await ledger.start_chains([start(TP)])
    assert await all_of(ledger) == []
    said = disposal(1)
    await ledger.record_disposal(said)
    assert await all_of(ledger) == [said]
    await ledger.close()
    with sqlite3.connect(sqlite_options.url.removeprefix("sqlite:///")) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)  # no new format for it
    db.close()
