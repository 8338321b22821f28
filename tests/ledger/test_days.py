"""Days: what waits for a load is a set, known exactly, whatever order things are recorded in."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta

from app.core.seal import DayCounts, ObjectKind, Seal
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import DayTotals, DirtyDay, Ledger
from tests.ledger.examples import (
    EVENT,
    MONDAY,
    NOON,
    OTHER_TP,
    TABLE,
    TP,
    TUESDAY,
    load,
    new_id,
    seal,
    span,
    start,
)


async def dirty_days(ledger: Ledger) -> dict[date, tuple[str, ...]]:
    return {day.day: day.seals for day in await ledger.dirty(EVENT)}


async def recorded(ledger: Ledger, n: int) -> list[Seal]:
    """`n` seals of Monday, one record each."""
    await ledger.start_chains([start()])
    seals = [seal(span(i, i + 1)) for i in range(n)]
    for s in seals:
        await ledger.record(s)
    return seals


async def test_a_day_with_new_seals_is_dirty_oldest_day_first(ledger: Ledger) -> None:
    await ledger.start_chains([start(), start(OTHER_TP, event="job_viewed")])
    both = seal(
        span(0, 5), days={TUESDAY: DayCounts(staged=2), MONDAY: DayCounts(staged=2, dead=1)}
    )
    older = seal(span(5, 6), sealed_at=NOON - timedelta(minutes=1))
    await ledger.record(both)
    await ledger.record(older)
    await ledger.record(seal(span(0, 1, OTHER_TP), event="job_viewed"))
    assert await ledger.dirty(EVENT) == [
        DirtyDay(MONDAY, (both.id, older.id), older.sealed_at),
        DirtyDay(TUESDAY, (both.id,), NOON),
    ]
    assert await ledger.dirty("unheard_of") == []


async def test_a_day_with_only_duplicates_and_dead_letters_is_not_dirty(ledger: Ledger) -> None:
    await ledger.start_chains([start()])
    await ledger.record(seal(span(0, 5), days={MONDAY: DayCounts(duplicates=2, dead=3)}))
    assert await ledger.dirty(EVENT) == []


async def test_a_load_cleans_exactly_the_seals_it_names(ledger: Ledger, other: Ledger) -> None:
    one, two, three = await recorded(ledger, 3)
    await ledger.record_load([load(MONDAY, 1, [one.id, three.id])])
    assert await dirty_days(other) == {MONDAY: (two.id,)}
    await ledger.record_load([load(MONDAY, 2, [one.id, two.id, three.id])])
    assert await dirty_days(other) == {}


async def test_a_load_of_one_day_leaves_the_other_days_of_a_seal_dirty(ledger: Ledger) -> None:
    await ledger.start_chains([start()])
    both = seal(span(0, 4), days={MONDAY: DayCounts(staged=2), TUESDAY: DayCounts(staged=2)})
    await ledger.record(both)
    await ledger.record_load([load(MONDAY, 1, [both.id])])
    assert await dirty_days(ledger) == {TUESDAY: (both.id,)}


async def test_a_seal_with_an_older_id_recorded_after_a_load_is_dirty(ledger: Ledger) -> None:
    (newer,) = await recorded(ledger, 1)
    await ledger.record_load([load(MONDAY, 1, [newer.id])])
    older = seal(span(1, 2), id=new_id(NOON - timedelta(days=300)))
    assert older.id < newer.id
    await ledger.record(older)
    assert await dirty_days(ledger) == {MONDAY: (older.id,)}


async def test_recording_a_seal_again_does_not_make_its_day_dirty_again(ledger: Ledger) -> None:
    (one,) = await recorded(ledger, 1)
    await ledger.record_load([load(MONDAY, 1, [one.id])])
    await ledger.record(one)
    assert await dirty_days(ledger) == {}


async def test_recording_a_load_again_changes_nothing(ledger: Ledger, other: Ledger) -> None:
    one, two = await recorded(ledger, 2)
    first = load(MONDAY, 1, [one.id])
    await ledger.record_load([first])
    await other.record_load([first])
    assert await dirty_days(ledger) == {MONDAY: (two.id,)}
    assert await ledger.loads(EVENT, TABLE) == {MONDAY: first}


async def test_a_load_with_a_lower_fence_is_ignored(ledger: Ledger, other: Ledger) -> None:
    one, two = await recorded(ledger, 2)
    winner = load(MONDAY, 7, [one.id])
    await ledger.record_load([winner])
    await other.record_load([load(MONDAY, 6, [one.id, two.id])])
    await other.record_load([load(MONDAY, 6, [])])
    assert await ledger.loads(EVENT, TABLE) == {MONDAY: winner}
    assert await dirty_days(ledger) == {MONDAY: (two.id,)}


async def test_seals_that_a_later_load_missed_are_dirty_again(ledger: Ledger) -> None:
    # A late scheduler with the higher fence replaced the day by the manifest it read before.
    one, two = await recorded(ledger, 2)
    await ledger.record_load([load(MONDAY, 1, [one.id, two.id])])
    await ledger.record_load([load(MONDAY, 2, [one.id])])
    assert await dirty_days(ledger) == {MONDAY: (two.id,)}
    await ledger.record_load([load(MONDAY, 3, [one.id, two.id])])
    assert await dirty_days(ledger) == {}


async def test_loads_recorded_at_once_leave_what_the_highest_fence_missed(
    ledger: Ledger, other: Ledger
) -> None:
    seals = await recorded(ledger, 6)
    ids = [s.id for s in seals]
    for turn in range(10):
        base = 10 * turn
        loads = [load(MONDAY, base + n, ids[: 6 - n]) for n in range(1, 6)]
        await asyncio.gather(
            *((ledger, other)[n % 2].record_load([one]) for n, one in enumerate(loads))
        )
        known = (await ledger.loads(EVENT, TABLE))[MONDAY]
        assert known == loads[-1]
        waiting = dict(await dirty_days(ledger)).get(MONDAY, ())
        assert set(waiting) >= set(ids) - set(known.seals)
        await ledger.record_load([load(MONDAY, base + 9, ids)])
        assert await dirty_days(ledger) == {}


async def test_a_day_may_be_loaded_as_empty(ledger: Ledger) -> None:
    (one,) = await recorded(ledger, 1)
    loads = [load(TUESDAY, 1, [], rows=0), load(MONDAY, 1, [one.id])]
    await ledger.record_load(loads)
    assert await ledger.loads(EVENT, TABLE) == {MONDAY: loads[1], TUESDAY: loads[0]}
    assert await ledger.loads(EVENT, "RAW.ANOTHER") == {}
    assert await dirty_days(ledger) == {}


async def test_a_manifest_names_every_row_object_of_each_day_and_nothing_else(
    ledger: Ledger,
) -> None:
    await ledger.start_chains([start(), start(OTHER_TP, event="job_viewed")])
    days = {MONDAY: DayCounts(staged=2, dead=1), TUESDAY: DayCounts(staged=3)}
    one, two = seal(span(0, 6), days=days), seal(span(6, 9))
    await ledger.record(one)
    await ledger.record(replace(two, version=2))
    await ledger.record(seal(span(0, 1, OTHER_TP), event="job_viewed"))
    wednesday = TUESDAY + timedelta(days=1)
    tuesday, monday, empty = await ledger.manifest(EVENT, iter([TUESDAY, MONDAY, wednesday]))
    assert (tuesday.day, tuesday.seals, tuesday.rows) == (TUESDAY, (one.id,), 3)
    assert (monday.day, monday.seals, monday.rows) == (MONDAY, (one.id, two.id), 5)
    rows_of_monday = [
        o for s in (one, two) for o in s.objects if o.kind is ObjectKind.ROWS and o.day == MONDAY
    ]
    assert list(monday.objects) == rows_of_monday
    assert (empty.day, empty.seals, empty.objects) == (wednesday, (), ())


async def test_totals_add_up_all_seals_of_a_day_and_what_waits(ledger: Ledger) -> None:
    await ledger.start_chains([start(), start(OTHER_TP, event="job_viewed")])
    days = {MONDAY: DayCounts(staged=2, duplicates=1, dead=1), TUESDAY: DayCounts(staged=3)}
    one, two = seal(span(0, 7), days=days), seal(span(7, 11))
    await ledger.record(one)
    await ledger.record(two)
    await ledger.record(seal(span(0, 1, OTHER_TP), event="job_viewed"))
    await ledger.record_load([load(MONDAY, 1, [one.id])])
    assert await ledger.totals(EVENT) == [
        DayTotals(MONDAY, DayCounts(6, 1, 1), unloaded=4, objects=3, bytes=70),
        DayTotals(TUESDAY, DayCounts(3, 0, 0), unloaded=3, objects=1, bytes=30),
    ]
    assert await ledger.totals("unheard_of") == []


async def test_totals_count_what_was_filtered_and_rows_apart_from_events(ledger: Ledger) -> None:
    """Of a type that explodes a list rows wait for a load, and not events."""
    await ledger.start_chains([start()])
    exploded = DayCounts(staged=2, filtered=3, rows=7)
    one, two = seal(span(0, 5), days={MONDAY: exploded}), seal(span(5, 9))
    empty = seal(span(9, 10), days={MONDAY: DayCounts(staged=1, rows=0)})
    for made in (one, two, empty):
        await ledger.record(made)
    await ledger.record_load([load(MONDAY, 1, [two.id])])
    assert await ledger.totals(EVENT) == [
        DayTotals(MONDAY, DayCounts(7, 0, 0, 3, 11), unloaded=7, objects=2, bytes=110)
    ]
    assert await dirty_days(ledger) == {MONDAY: (one.id,)}
    assert [day.rows for day in await ledger.manifest(EVENT, [MONDAY])] == [11]


async def test_everything_stands_after_closing_and_opening_again(options: LedgerOptions) -> None:
    ledger = await open_ledger(options)
    one, two = await recorded(ledger, 2)
    done = load(MONDAY, await ledger.next_fence("load"), [one.id])
    await ledger.record_load([done])
    await ledger.close()
    again = await open_ledger(options)
    try:
        assert [s async for s in again.seals()] == [one, two]
        assert (await again.cursors([TP]))[TP].next == 2
        assert await again.loads(EVENT, TABLE) == {MONDAY: done}
        assert await dirty_days(again) == {MONDAY: (two.id,)}
        assert await again.next_fence("load") == 2
    finally:
        await again.close()
