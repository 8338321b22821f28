"""Sums over all types: each says the same as the ledger's other methods, added up."""

from datetime import UTC, date, datetime, timedelta

from app.core.seal import DayCounts, ObjectKind, Seal
from app.ledger.protocol import Ledger
from app.ledger.sums import DeadSum, LoadRun, Slot, TypeBalance, Waiting
from tests.ledger.examples import (
    EVENT,
    MONDAY,
    NOON,
    OTHER_TP,
    TABLE,
    TUESDAY,
    load,
    new_id,
    seal,
    span,
    start,
)

OTHER = "job_viewed"
OTHER_TABLE = "RAW.JOB_VIEWED"
TABLES = {EVENT: TABLE, OTHER: OTHER_TABLE}


async def filled(ledger: Ledger) -> list[Seal]:
    """Two seals of one type, over two days, and one of another; of Monday one seal is loaded."""
    await ledger.start_chains([start(), start(OTHER_TP, event=OTHER)])
    counts = DayCounts(staged=3, duplicates=2, dead=1, filtered=1, rows=5)
    seals = [
        seal(span(0, 9), days={MONDAY: counts, TUESDAY: DayCounts(staged=2)}),
        seal(span(9, 13), days={MONDAY: DayCounts(staged=4)}, sealed_at=NOON + timedelta(hours=1)),
        seal(span(0, 6, OTHER_TP), days={TUESDAY: DayCounts(staged=4, dead=2)}, event=OTHER),
    ]
    for one in seals:
        await ledger.record(one)
    await ledger.record_load([load(MONDAY, 1, [seals[0].id], rows=5)])
    return seals


async def test_balances_add_up_the_days_of_each_type(ledger: Ledger) -> None:
    await filled(ledger)
    loaded_at = NOON + timedelta(minutes=1)
    monday = TypeBalance(EVENT, DayCounts(7, 2, 1, 1, 9), 5, 5, 4, loaded_at)
    assert await ledger.balances(TABLES, MONDAY, MONDAY) == [monday]
    assert monday.residual == monday.collapsed == 0
    assert await ledger.balances(TABLES, MONDAY, TUESDAY) == [
        TypeBalance(OTHER, DayCounts(4, 0, 2, 0, 4), 0, 0, 4, None),
        TypeBalance(EVENT, DayCounts(9, 2, 1, 1, 11), 5, 5, 6, loaded_at),
    ]
    day = timedelta(days=1)
    assert await ledger.balances(TABLES, MONDAY - day, MONDAY - day) == []


async def test_only_the_table_of_today_counts_as_loaded(ledger: Ledger) -> None:
    await filled(ledger)
    moved = {EVENT: "RAW.ANOTHER"}
    (found,) = await ledger.balances(moved, MONDAY, MONDAY)
    assert (found.loaded, found.waiting, found.residual) == (0, 4, 5)
    (found,) = await ledger.balances({}, MONDAY, MONDAY)
    assert (found.loaded, found.residual) == (5, 0)


async def test_activity_is_by_half_hour_with_the_seal_that_was_open_longest(
    ledger: Ledger,
) -> None:
    await ledger.start_chains([start(), start(OTHER_TP, event=OTHER)])
    noon = datetime(2026, 3, 3, 12, tzinfo=UTC)

    async def sealed(first: int, after: float, open_minutes: float) -> None:
        at = noon + timedelta(minutes=after)
        opened = at - timedelta(minutes=open_minutes)
        days = {MONDAY: DayCounts(staged=1), TUESDAY: DayCounts(dead=1)}
        await ledger.record(
            seal(span(first, first + 2), days=days, id=new_id(opened), sealed_at=at)
        )

    await sealed(0, -31, 1)
    await sealed(2, 29.9, 5)
    await sealed(4, 28, 10)
    await sealed(6, 30, 1)
    both = DayCounts(staged=1, dead=1)
    found = await ledger.activity(noon - timedelta(minutes=30))

    def after(minutes: int) -> datetime:
        return noon + timedelta(minutes=minutes)

    assert found == [
        Slot(EVENT, noon, 2, both + both, after(18), after(28)),
        Slot(EVENT, after(30), 1, both, after(29), after(30)),
    ]
    assert len(await ledger.activity(noon - timedelta(hours=2))) == 3
    assert await ledger.activity(noon + timedelta(hours=1)) == []


async def test_recent_loads_are_runs_with_the_days_that_stand_the_newest_first(
    ledger: Ledger,
) -> None:
    await filled(ledger)
    await ledger.record_load([load(MONDAY, 2, [], rows=3), load(TUESDAY, 2, [], rows=4)])
    await ledger.record_load([load(TUESDAY, 3, [], rows=6)])

    def run(number: int, day: date, rows: int) -> LoadRun:
        at = NOON + timedelta(minutes=number)
        return LoadRun(EVENT, TABLE, f"run-{number}", day, day, 1, rows, rows, at)

    newest, older = run(3, TUESDAY, 6), run(2, MONDAY, 3)
    assert await ledger.recent_loads(10) == [newest, older]
    assert await ledger.recent_loads(1) == [newest]
    assert newest.began_at is None


async def test_dead_sums_count_by_type_and_reason(ledger: Ledger) -> None:
    await filled(ledger)
    assert await ledger.dead_sums(NOON) == [
        DeadSum(OTHER, "schema", 2, 1, NOON),
        DeadSum(EVENT, "schema", 1, 1, NOON),
    ]
    assert await ledger.dead_sums(datetime.now(UTC) + timedelta(days=1)) == []


async def test_the_newest_dead_letters_come_first(ledger: Ledger) -> None:
    await ledger.start_chains([start(), start(OTHER_TP, event=OTHER)])
    seals = [
        seal(span(n * 4, n * 4 + 4), days={TUESDAY: DayCounts(dead=2), MONDAY: DayCounts(1, 0, 1)},
             id=new_id(NOON + timedelta(hours=n)))
        for n in range(3)
    ]  # fmt: skip
    for one in seals:
        await ledger.record(one)
    await ledger.record(seal(span(0, 1, OTHER_TP), days={MONDAY: DayCounts(dead=1)}, event=OTHER))
    dead = [
        stored
        for one in reversed(seals)
        for stored in one.objects
        if stored.kind is ObjectKind.DEAD
    ]
    assert await ledger.newest_dead(EVENT, 10) == dead
    assert await ledger.newest_dead(EVENT, 3) == dead[:3]
    assert await ledger.newest_dead("unheard_of", 3) == []


async def test_what_waits_is_told_by_type_with_its_oldest_seal(ledger: Ledger) -> None:
    assert await ledger.waiting() == []
    seals = await filled(ledger)
    assert await ledger.waiting() == [Waiting(OTHER, 1, NOON), Waiting(EVENT, 2, NOON)]
    await ledger.record_load([load(TUESDAY, 4, [seals[0].id])])
    assert await ledger.waiting() == [
        Waiting(OTHER, 1, NOON),
        Waiting(EVENT, 1, NOON + timedelta(hours=1)),
    ]
