"""Old seals become one entry: what they counted stays, and nobody can come after them twice."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.core.errors import Fenced
from app.core.reruns import DeclaredRun
from app.core.seal import DayCounts, Range, Seal
from app.ledger import mongo_summaries, sqlite_summaries
from app.ledger.protocol import EntryKind, Ledger
from app.ledger.summary import Summary
from tests.ledger.examples import (
    EVENT,
    MONDAY,
    NOON,
    OTHER_TP,
    TABLE,
    TP,
    TUESDAY,
    incident,
    load,
    new_id,
    seal,
    span,
    start,
)

WEDNESDAY = date(2026, 3, 4)
LATER = datetime(2026, 9, 1, tzinfo=UTC)
ALL_DAYS = (date(2026, 1, 1), date(2026, 12, 31))


def old(number: int, *ranges: Range, days: dict[date, DayCounts] | None = None) -> Seal:
    at = NOON + timedelta(minutes=number)
    return seal(*ranges, id=new_id(at), sealed_at=at, days=days)


async def three_old_seals(ledger: Ledger) -> list[Seal]:
    """Of two partitions and two days, with offsets lost in between; loaded, and one more is not."""
    await ledger.start_chains([start(TP), start(OTHER_TP)])
    mixed = {MONDAY: DayCounts(staged=6, duplicates=1), TUESDAY: DayCounts(staged=2, dead=3)}
    seals = [
        old(1, span(0, 7, changelog=11), span(0, 5, OTHER_TP), days=mixed),
        old(2, span(7, 9)),
        old(3, span(19, 22, changelog=15), span(5, 6, OTHER_TP)),
    ]
    for one in seals[:2]:
        await ledger.record(one)
    await ledger.record_incident(incident(9, 19))
    await ledger.record(seals[2])
    for fence, day in enumerate((MONDAY, TUESDAY), 1):
        (manifest,) = await ledger.manifest(EVENT, [day])
        await ledger.record_load([load(day, fence, manifest.seals, rows=manifest.rows)])
    await ledger.record(old(4, span(22, 24), days={WEDNESDAY: DayCounts(staged=2)}))
    return seals


def ids(seals: Sequence[Seal]) -> list[str]:
    return [one.id for one in seals]


async def known(ledger: Ledger) -> dict[str, Any]:
    """All that must be the same before and after."""
    totals = await ledger.totals(EVENT)
    return {
        "counts": {t.day: (t.counts, t.unloaded) for t in totals},
        "balances": await ledger.balances({EVENT: TABLE}, *ALL_DAYS),
        "cursors": await ledger.cursors([TP, OTHER_TP]),
        "starts": await ledger.starts([TP, OTHER_TP]),
        "loads": await ledger.loads(EVENT, TABLE),
        "dirty": await ledger.dirty(EVENT),
        "partitions": await ledger.partitions(),
        "waiting": await ledger.waiting(),
        "incidents": [lost async for lost in ledger.incidents()],
    }


async def test_a_summary_counts_what_its_seals_counted_and_covers_what_they_covered(
    ledger: Ledger, other: Ledger
) -> None:
    seals = await three_old_seals(ledger)
    before = await known(ledger)
    made = await ledger.summarise(ids(seals), LATER)
    assert await known(other) == before
    assert made == Summary(
        id=f"{seals[2].id}.summary",
        event=EVENT,
        seals=3,
        sealed_from=seals[0].sealed_at,
        sealed_to=seals[2].sealed_at,
        made_at=LATER,
        ranges=(
            Range(TP, 0, 9, 9, 11),
            Range(TP, 19, 22, 3, 15),
            Range(OTHER_TP, 0, 6, 6, -1),
        ),
        days={
            MONDAY: DayCounts(staged=12, duplicates=1),
            TUESDAY: DayCounts(staged=2, dead=3),
        },
        dead_by_reason={"schema": 3},
        rows={
            MONDAY: {seals[0].id: 6, seals[1].id: 2, seals[2].id: 4},
            TUESDAY: {seals[0].id: 2},
        },
    )
    assert made.problems() == []
    found = [one async for one in other.summaries(made.id[:5])]
    assert [(one.summary, one.problems) for one in found] == [(made, ())]
    assert [link.kind async for link in ledger.chain(TP)] == [
        EntryKind.START, EntryKind.SUMMARY, EntryKind.INCIDENT, EntryKind.SUMMARY, EntryKind.SEAL,
    ]  # fmt: skip
    assert [one.id async for one in ledger.seals()] == [before["dirty"][0].seals[0]]
    assert await ledger.named(ids(seals)) == set()
    assert await ledger.summary_count() == 1


async def test_a_day_with_summarised_rows_says_so(ledger: Ledger) -> None:
    seals = await three_old_seals(ledger)
    made = await ledger.summarise(ids(seals[:2]), LATER)
    monday, tuesday = await ledger.manifest(EVENT, [MONDAY, TUESDAY])
    assert monday.summarised == made.rows[MONDAY]
    assert tuesday.summarised == made.rows[TUESDAY]
    assert (seals[2].id in monday.seals, tuesday.seals) == (True, ())
    (elsewhere,) = await ledger.manifest("another_type", [MONDAY])
    assert elsewhere.summarised == {}


async def test_an_offset_of_a_summary_is_found_in_it(ledger: Ledger) -> None:
    seals = await three_old_seals(ledger)
    made = await ledger.summarise(ids(seals), LATER)
    assert [await ledger.entry_at(TP, at) for at in (0, 8, 19, 21)] == [made] * 4
    assert await ledger.entry_at(OTHER_TP, 6) is None
    assert [type(await ledger.entry_at(TP, at)).__name__ for at in (9, 22)] == ["Incident", "Seal"]


async def test_nobody_can_write_where_a_summary_is_and_the_chain_goes_on_behind_it(
    ledger: Ledger, other: Ledger
) -> None:
    seals = await three_old_seals(ledger)
    await ledger.summarise(ids(seals), LATER)
    for late in (
        seals[0],
        seals[1],
        seal(span(7, 9)),
        seal(span(0, 3)),
        seal(span(5, 6, OTHER_TP)),
    ):
        with pytest.raises(Fenced):
            await other.record(late)
    await other.record(seal(span(24, 25), span(6, 8, OTHER_TP)))
    assert (await ledger.cursors([TP]))[TP].next == 25


async def test_a_seal_that_waits_for_a_load_or_is_gone_is_not_summarised(ledger: Ledger) -> None:
    seals = await three_old_seals(ledger)
    before, shelves = await known(ledger), await ledger.digests()
    (waits,) = (await ledger.dirty(EVENT))[0].seals
    for wrong in ([*ids(seals), waits], [*ids(seals), new_id(NOON)]):
        with pytest.raises(Fenced):
            await ledger.summarise(wrong, LATER)
    assert await known(ledger) == before
    assert await ledger.digests() == shelves
    await ledger.summarise(ids(seals), LATER)
    with pytest.raises(Fenced):
        await ledger.summarise(ids(seals), LATER)


async def test_no_seal_is_summarised_of_a_day_that_waits_for_another_one(ledger: Ledger) -> None:
    seals = await three_old_seals(ledger)
    await ledger.record(old(5, span(24, 25), days={TUESDAY: DayCounts(staged=1)}))
    before = await known(ledger)
    with pytest.raises(Fenced, match="day waits"):
        await ledger.summarise(ids(seals), LATER)
    assert await known(ledger) == before
    # Of the three only the first has rows of that day.
    assert [one.id async for one in ledger.old_seals(EVENT, LATER)] == ids(seals[1:])


async def test_what_comes_for_a_summarised_day_after_all_waits_for_no_load(ledger: Ledger) -> None:
    seals = await three_old_seals(ledger)
    assert await ledger.summarised_days(EVENT) == frozenset()
    await ledger.summarise(ids(seals[:1]), LATER)
    assert await ledger.summarised_days(EVENT) == {MONDAY, TUESDAY}
    assert await ledger.summarised_days("another_type") == frozenset()
    assert await ledger.summed([*ids(seals), new_id(NOON)]) == {seals[0].id}
    await ledger.record(old(5, span(24, 25), days={TUESDAY: DayCounts(staged=1)}))
    await ledger.open_rerun(DeclaredRun(f"{MONDAY}.{new_id(NOON)}", EVENT, NOON))
    (run,) = await ledger.reruns(EVENT)
    await ledger.close_rerun(run.id, 1, NOON)
    assert [one.day for one in await ledger.dirty(EVENT)] == [WEDNESDAY]
    totals = {one.day: one.unloaded for one in await ledger.totals(EVENT)}
    assert totals == {MONDAY: 0, TUESDAY: 1, WEDNESDAY: 2}


async def test_of_two_who_summarise_the_same_seals_one_does(ledger: Ledger, other: Ledger) -> None:
    seals = await three_old_seals(ledger)
    before = await known(ledger)
    done = await asyncio.gather(
        *(one.summarise(ids(seals), LATER) for one in (ledger, other)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["Fenced", "Summary"]
    assert await known(ledger) == before
    assert await ledger.summary_count() == 1


async def test_what_breaks_in_the_middle_has_changed_nothing(
    ledger: Ledger, other: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seals are removed by then, and the summary is not written yet."""
    seals = await three_old_seals(ledger)
    before, shelves = await known(ledger), await ledger.digests()

    def broken(*_: object) -> None:
        raise RuntimeError("the process dies here")

    with monkeypatch.context() as patch:
        patch.setattr(mongo_summaries, "summary_document", broken)
        patch.setattr(sqlite_summaries, "_append", broken)
        with pytest.raises(RuntimeError, match="dies here"):
            await ledger.summarise(ids(seals), LATER)
    assert await known(other) == before
    assert await other.digests() == shelves
    await other.summarise(ids(seals), LATER)
    assert await known(ledger) == before


async def test_old_seals_are_those_before_a_moment_that_no_load_waits_for(ledger: Ledger) -> None:
    seals = await three_old_seals(ledger)

    async def before(moment: datetime, event: str = EVENT) -> list[str]:
        return [one.id async for one in ledger.old_seals(event, moment)]

    assert await before(LATER) == ids(seals)
    assert await before(seals[2].sealed_at) == ids(seals[:2])
    assert await before(LATER, "another_type") == []
    await ledger.summarise(ids(seals[:1]), LATER)
    assert await before(LATER) == ids(seals[1:])


async def test_summaries_change_the_digests_of_their_own_shelves(ledger: Ledger) -> None:
    seals = await three_old_seals(ledger)
    month_later = old(30 * 24 * 60, span(24, 25), days={WEDNESDAY: DayCounts(staged=1)})
    await ledger.record(month_later)  # so on another shelf
    before = await ledger.digests()
    made = await ledger.summarise(ids(seals), LATER)
    after = await ledger.digests()
    assert {shelf for shelf in before if before[shelf] != after[shelf]} == {made.id[:5]}
