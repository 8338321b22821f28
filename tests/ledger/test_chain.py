"""The chain of a partition: whoever takes the next link has it, and nobody else."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from app.core.errors import Fatal, Fenced, Transient
from app.core.seal import DayCounts
from app.ledger.protocol import Cursor, EntryKind, Ledger, Link
from tests.ledger.examples import (
    EVENT,
    MONDAY,
    NOON,
    OTHER_TP,
    TP,
    TUESDAY,
    incident,
    new_id,
    seal,
    span,
    start,
)


async def won(record: Callable[[], Awaitable[None]]) -> bool:
    """Whether a recorder got through; one that is told to try again does."""
    while True:
        try:
            await record()
        except Fenced:
            return False
        except Transient:
            continue
        return True


async def test_a_partition_without_a_chain_has_no_cursor(ledger: Ledger) -> None:
    assert await ledger.cursors([TP]) == {}
    assert await ledger.cursors([]) == {}


async def test_a_started_chain_is_read_from_its_start(ledger: Ledger, other: Ledger) -> None:
    begun = await ledger.start_chains([start(first=1200)])
    assert begun == {TP: Cursor(1200, -1, "t1")}
    assert await other.cursors([TP, OTHER_TP]) == begun
    assert await other.starts([TP, OTHER_TP]) == {TP: 1200}


async def test_a_chain_is_started_once_and_later_comers_get_its_cursor(ledger: Ledger) -> None:
    await ledger.start_chains([start(first=1200)])
    await ledger.record(seal(span(1200, 1300)))
    begun = await ledger.start_chains([start(first=0, topic_id="t2"), start(OTHER_TP, 7)])
    assert begun == {TP: Cursor(1300, -1, "t1"), OTHER_TP: Cursor(7, -1, "t1")}
    assert await ledger.starts([TP, OTHER_TP]) == {TP: 1200, OTHER_TP: 7}


async def test_all_racers_for_a_start_get_one_answer(ledger: Ledger, other: Ledger) -> None:
    starts = [[start(TP, n), start(OTHER_TP, 10 * n)] for n in range(8)]
    answers = await asyncio.gather(
        *(store.start_chains(s) for s in starts for store in (ledger, other))
    )
    assert len(answers[0]) == 2
    assert all(answer == answers[0] for answer in answers)
    assert await ledger.cursors([TP, OTHER_TP]) == answers[0]


async def test_a_seal_moves_the_cursors_of_all_its_partitions(
    ledger: Ledger, other: Ledger
) -> None:
    await ledger.start_chains([start(TP, 0), start(OTHER_TP, 50)])
    await ledger.record(seal(span(0, 10, changelog=9), span(50, 60, OTHER_TP, changelog=33)))
    await ledger.record(seal(span(10, 12)))
    assert await other.cursors([TP, OTHER_TP]) == {
        TP: Cursor(12, 9, "t1"),
        OTHER_TP: Cursor(60, 33, "t1"),
    }


async def test_a_seal_is_read_back_as_it_was_recorded(ledger: Ledger, other: Ledger) -> None:
    await ledger.start_chains([start(TP, 0), start(OTHER_TP, 50)])
    recorded = seal(
        span(50, 60, OTHER_TP, changelog=5),
        replace(span(0, 100), records=90),
        days={
            TUESDAY: DayCounts(staged=70, duplicates=4, dead=6),
            MONDAY: DayCounts(staged=2, duplicates=15, filtered=3, rows=9),
        },
    )
    await ledger.record(recorded)
    assert [s async for s in other.seals()] == [recorded]


async def test_an_offset_is_found_in_the_one_entry_that_covers_it(
    ledger: Ledger, other: Ledger
) -> None:
    await ledger.start_chains([start(TP, 5), start(OTHER_TP, 0)])
    first, second = seal(span(5, 10), span(0, 40, OTHER_TP)), seal(span(10, 12))
    lost, last = incident(12, 20), seal(span(20, 30), span(40, 41, OTHER_TP))
    await ledger.record(first)
    await ledger.record(second)
    await ledger.record_incident(lost)
    await ledger.record(last)
    holders = {5: first, 9: first, 10: second, 11: second, 12: lost, 19: lost, 20: last, 29: last}
    assert {at: await other.entry_at(TP, at) for at in holders} == holders
    assert await other.entry_at(OTHER_TP, 39) == first
    assert await other.entry_at(OTHER_TP, 40) == last
    assert [await other.entry_at(TP, at) for at in (4, 30)] == [None, None]
    assert await other.entry_at("events.order_placed.v1/2", 7) is None


async def test_recording_the_same_seal_again_changes_nothing(ledger: Ledger, other: Ledger) -> None:
    await ledger.start_chains([start()])
    first, second = seal(span(0, 10)), seal(span(10, 20))
    await ledger.record(first)
    await ledger.record(second)
    await ledger.record(first)
    await other.record(first)
    assert [s async for s in ledger.seals()] == [first, second]
    assert await ledger.cursors([TP]) == {TP: Cursor(20, -1, "t1")}


async def test_another_seal_of_the_same_id_is_refused(ledger: Ledger) -> None:
    await ledger.start_chains([start()])
    recorded = seal(span(0, 10))
    await ledger.record(recorded)
    with pytest.raises(Fenced, match=recorded.id):
        await ledger.record(replace(recorded, worker="w2"))
    with pytest.raises(Fenced, match=recorded.id):
        await ledger.record_incident(replace(incident(10, 20), id=recorded.id))
    assert [s async for s in ledger.seals()] == [recorded]


async def test_a_taken_link_is_refused(ledger: Ledger, other: Ledger) -> None:
    await ledger.start_chains([start()])
    await ledger.record(seal(span(0, 10)))
    with pytest.raises(Fenced, match=f"{TP}@0"):
        await other.record(seal(span(0, 20)))
    assert await other.cursors([TP]) == {TP: Cursor(10, -1, "t1")}


async def test_a_seal_with_one_taken_link_is_refused_whole(ledger: Ledger, other: Ledger) -> None:
    await ledger.start_chains([start(), start(OTHER_TP)])
    kept = seal(span(0, 10))
    await ledger.record(kept)
    with pytest.raises(Fenced):
        await other.record(seal(span(0, 5, OTHER_TP), span(0, 20)))
    assert await ledger.cursors([TP, OTHER_TP]) == {
        TP: Cursor(10, -1, "t1"),
        OTHER_TP: Cursor(0, -1, "t1"),
    }
    assert [s async for s in ledger.seals()] == [kept]
    assert [day.seals for day in await ledger.dirty(EVENT)] == [(kept.id,)]


@pytest.mark.parametrize("first", [5, 11, 20], ids=["within", "just beyond", "beyond"])
async def test_nobody_begins_in_the_middle_of_a_chain(ledger: Ledger, first: int) -> None:
    await ledger.start_chains([start(), start(OTHER_TP)])
    await ledger.record(seal(span(0, 10)))
    with pytest.raises(Fenced, match="does not continue its chain"):
        await ledger.record(seal(span(0, 5, OTHER_TP), span(first, 30)))
    with pytest.raises(Fenced, match="does not continue its chain"):
        await ledger.record_incident(incident(first, 30))
    assert len([s async for s in ledger.seals()]) == 1


async def test_a_chain_that_has_no_start_is_not_extended(ledger: Ledger) -> None:
    with pytest.raises(Fenced, match="does not continue its chain"):
        await ledger.record(seal(span(0, 10)))
    assert await ledger.partitions() == {}


async def test_a_seal_that_does_not_add_up_is_refused_naming_why(ledger: Ledger) -> None:
    await ledger.start_chains([start()])
    with pytest.raises(Fatal, match="10 records received, 9 accounted for") as refused:
        await ledger.record(seal(span(0, 10), days={MONDAY: DayCounts(staged=9)}))
    assert not isinstance(refused.value, Fenced)
    with pytest.raises(Fatal, match="two ranges"):
        await ledger.record(seal(span(0, 10), span(10, 20)))
    with pytest.raises(Fatal, match="no partition"):
        await ledger.record(seal())
    assert [s async for s in ledger.seals()] == []


async def test_of_many_who_race_for_a_link_exactly_one_wins(ledger: Ledger, other: Ledger) -> None:
    await ledger.start_chains([start(), start(OTHER_TP)])
    for turn in range(20):
        first = turn * 10
        rivals = [
            seal(span(first, first + 10), span(first, first + 10, OTHER_TP), worker=f"w{n}")
            for n in range(8)
        ]
        results = await asyncio.gather(
            *(won(partial((ledger, other)[n % 2].record, rival)) for n, rival in enumerate(rivals))
        )
        assert sum(results) == 1, f"turn {turn}: {sum(results)} winners"
    assert len([s async for s in other.seals()]) == 20
    assert (await ledger.cursors([TP]))[TP].next == 200


async def test_recorders_of_different_partitions_do_not_fence_each_other(
    ledger: Ledger, other: Ledger
) -> None:
    tps = [f"events.order_placed.v1/{n}" for n in range(12)]
    await ledger.start_chains([start(tp) for tp in tps])
    await asyncio.gather(
        *((ledger, other)[n % 2].record(seal(span(0, 10, tp))) for n, tp in enumerate(tps))
    )
    assert {c.next for c in (await ledger.cursors(tps)).values()} == {10}


async def test_an_incident_is_part_of_the_chain(ledger: Ledger, other: Ledger) -> None:
    await ledger.start_chains([start()])
    before, lost, behind = seal(span(0, 10, changelog=4)), incident(10, 900), seal(span(900, 910))
    await ledger.record(before)
    await ledger.record_incident(replace(lost, topic_id="t2"))
    assert await other.cursors([TP]) == {TP: Cursor(900, 4, "t2")}
    with pytest.raises(Fenced):
        await other.record(seal(span(10, 20)))
    await ledger.record(behind)
    assert [link async for link in other.chain(TP)] == [
        Link(EntryKind.START, f"{TP}@start", replace(span(0, 0), records=0)),
        Link(EntryKind.SEAL, before.id, before.ranges[0]),
        Link(EntryKind.INCIDENT, lost.id, lost.range),
        Link(EntryKind.SEAL, behind.id, behind.ranges[0]),
    ]
    assert await other.cursors([TP]) == {TP: Cursor(910, 4, "t2")}


async def test_recording_an_incident_again_changes_nothing_and_only_one_takes_the_link(
    ledger: Ledger, other: Ledger
) -> None:
    await ledger.start_chains([start(first=10)])
    lost = incident(10, 20)
    await ledger.record_incident(lost)
    await ledger.record_incident(lost)
    with pytest.raises(Fenced):
        await other.record_incident(incident(10, 20))
    assert [i async for i in other.incidents()] == [lost]
    assert [i async for i in other.incidents("another_event")] == []


async def test_an_incident_that_goes_back_is_refused(ledger: Ledger) -> None:
    await ledger.start_chains([start(first=10)])
    with pytest.raises(Fatal, match="covers no offset"):
        await ledger.record_incident(incident(10, 9))
    with pytest.raises(Fatal, match="what to read instead"):
        await ledger.record_incident(incident(10, 10, topic_id=""))
    assert [i async for i in ledger.incidents()] == []
    assert await ledger.cursors([TP]) == {TP: Cursor(10, -1, "t1")}


@pytest.mark.parametrize("sealed", [0, 10], ids=["right after its start", "after a seal"])
async def test_an_incident_without_offsets_ends_its_chain(
    ledger: Ledger, other: Ledger, sealed: int
) -> None:
    await ledger.start_chains([start(), start(OTHER_TP)])
    before = [seal(span(0, sealed, changelog=4))] if sealed else []
    for s in before:
        await ledger.record(s)
    end = incident(sealed, sealed, topic_id="t2")
    await ledger.record_incident(end)
    await other.record_incident(end)  # its answer was lost
    ended = {TP: Cursor(sealed, 4 if sealed else -1, "t2", ended=True)}
    assert await ledger.cursors([TP]) == ended
    assert await other.start_chains([start()]) == ended
    for nothing_more in (
        other.record(seal(span(sealed, 20))),
        other.record(seal(span(0, 5, OTHER_TP), span(sealed, 20))),
        other.record_incident(incident(sealed, 20)),
        other.record_incident(incident(sealed, sealed, topic_id="t3")),
    ):
        with pytest.raises(Fenced):
            await nothing_more
    assert [link async for link in other.chain(TP)] == [
        Link(EntryKind.START, f"{TP}@start", replace(span(0, 0), records=0)),
        *(Link(EntryKind.SEAL, s.id, s.ranges[0]) for s in before),
        Link(EntryKind.INCIDENT, end.id, end.range),
    ]
    assert await other.cursors([TP, OTHER_TP]) == ended | {OTHER_TP: Cursor(0, -1, "t1")}
    assert [i async for i in ledger.incidents()] == [end]


async def test_a_chain_is_walked_by_offset_whatever_the_ids_say(ledger: Ledger) -> None:
    await ledger.start_chains([start(first=3)])
    ids = [new_id(NOON - timedelta(hours=n)) for n in range(3)]
    for n, id in enumerate(ids):
        await ledger.record(seal(span(3 + n, 4 + n), id=id))
    assert [link.range.first async for link in ledger.chain(TP)] == [3, 3, 4, 5]
    assert [link.id async for link in ledger.chain(TP)] == [f"{TP}@start", *ids]
    assert [s.id async for s in ledger.seals()] == sorted(ids)
    assert [link async for link in ledger.chain(OTHER_TP)] == []


async def test_partitions_are_listed_by_event(ledger: Ledger) -> None:
    await ledger.start_chains([start(OTHER_TP), start(TP)])
    await ledger.start_chains([start("events.job_viewed.v2/0", event="job_viewed")])
    await ledger.record(seal(span(0, 1)))
    assert await ledger.partitions() == {
        EVENT: [TP, OTHER_TP],
        "job_viewed": ["events.job_viewed.v2/0"],
    }


async def test_seals_are_walked_page_by_page_in_order_of_their_ids(ledger: Ledger) -> None:
    await ledger.start_chains([start(), start(OTHER_TP, event="job_viewed")])
    recorded = [seal(span(n, n + 1)) for n in range(230)]
    for s in recorded:
        await ledger.record(s)
    await ledger.record(seal(span(0, 1, OTHER_TP), event="job_viewed"))
    assert [s async for s in ledger.seals(EVENT)] == recorded
    assert [s.event async for s in ledger.seals("job_viewed")] == ["job_viewed"]
    assert len([s async for s in ledger.seals()]) == 231


async def test_seals_of_a_day_are_those_with_objects_or_counts_of_it(ledger: Ledger) -> None:
    await ledger.start_chains([start()])
    monday = seal(span(0, 4))
    tuesday = seal(span(4, 6), days={TUESDAY: DayCounts(duplicates=2)})
    both = seal(span(6, 9), days={MONDAY: DayCounts(dead=1), TUESDAY: DayCounts(staged=2)})
    empty = replace(monday.objects[0], day=TUESDAY, rows=0)
    hollow = seal(span(9, 12))
    hollow = replace(hollow, objects=(*hollow.objects, empty))
    for s in (monday, tuesday, both, hollow):
        await ledger.record(s)
    assert [s async for s in ledger.seals(EVENT, day=MONDAY)] == [monday, both, hollow]
    assert [s async for s in ledger.seals(day=TUESDAY)] == [tuesday, both, hollow]
    assert [s async for s in ledger.seals("job_viewed", day=MONDAY)] == []


async def test_fences_are_distinct_and_count_up_under_concurrency(
    ledger: Ledger, other: Ledger
) -> None:
    fences = await asyncio.gather(
        *(store.next_fence("load") for _ in range(25) for store in (ledger, other))
    )
    assert sorted(fences) == list(range(1, 51))
    assert await other.next_fence("another") == 1
    assert await ledger.next_fence("load") == 51
