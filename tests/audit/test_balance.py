"""Worlds that add up: the audit counts them exactly and finds nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from app.audit import LogEnds
from app.audit.report import DayBalance, PartitionBalance
from app.audit.report import FindingKind as K
from app.core.seal import Range
from app.ledger.protocol import ChainStart, Incident
from tests.audit.world import (
    DAY1,
    DAY2,
    DAY3,
    NOON,
    ORDER,
    PAGE,
    Got,
    World,
    empty_world,
    fill,
    topic_of,
    tp_of,
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with empty_world(tmp_path) as world:
        yield world


async def test_a_world_without_events_is_balanced(world: World) -> None:
    report = await world.audit(deep=True)
    assert (report.balanced, report.findings, report.notes, report.exit_code) == (True, [], [], 0)
    assert [kind.event for kind in report.types] == [ORDER, PAGE]
    assert not any(report.totals.values())


async def test_days_are_counted_exactly(world: World) -> None:
    await fill(world)
    report = await world.audit(deep=True)
    assert report.findings == []
    orders = report.types[0]
    assert orders.days == [
        DayBalance(DAY1, received=6, staged=5, duplicates=1, rows=5, loaded=4, collapsed=1),
        DayBalance(DAY2, received=4, staged=3, duplicates=1, rows=3, loaded=2, in_flight=1),
        DayBalance(DAY3, received=2, dead=2),
    ]
    assert orders.totals == {
        "received": 12, "staged": 8, "duplicates": 2, "dead": 2, "filtered": 0, "rows": 8,
        "loaded": 6, "collapsed": 1, "hidden": 0, "in_flight": 1, "residual": 0, "lag": 0,
    }  # fmt: skip
    assert report.totals["received"] == 14
    assert report.seals == 4
    assert report.objects.named == report.objects.read == 8


async def test_partitions_are_followed_from_start_to_end(world: World) -> None:
    await fill(world)
    world.logs[tp_of(ORDER, 0)] = LogEnds(2, 10)
    report = await world.audit()
    assert report.findings == []
    assert report.types[0].partitions == [
        PartitionBalance(
            tp_of(ORDER, 0), 0, 7, 2, 10, lag=3, records=7, entries=3, topic_id="topic-1"
        ),
        PartitionBalance(tp_of(ORDER, 1), 0, 6, 0, 6, records=5, entries=3, topic_id="topic-1"),
    ]


async def test_records_that_no_worker_has_begun_to_read_are_in_flight_not_lost(
    world: World,
) -> None:
    await fill(world)
    world.logs[tp_of(PAGE, 1)] = LogEnds(0, 12)
    report = await world.audit()
    assert report.findings == []
    assert report.types[1].partitions[1] == PartitionBalance(
        tp_of(PAGE, 1), log_start=0, log_end=12, lag=12
    )


async def test_what_retention_removed_before_a_worker_ever_came_is_a_finding(world: World) -> None:
    world.logs[tp_of(PAGE, 1)] = LogEnds(40, 52)
    (found,) = (await world.audit()).findings
    assert (found.kind, found.tp, found.first, found.next) == (K.OVERTAKEN, tp_of(PAGE, 1), 0, 40)


async def test_a_topic_created_again_is_proved_in_both_its_lives(world: World) -> None:
    await fill(world)
    tp, again = tp_of(PAGE, 0), f"{topic_of(PAGE)}~topic-2/0"
    world.logs[tp] = LogEnds(0, 5, "topic-2")
    report = await world.audit()
    assert {p.tp: p.lag for p in report.types[1].partitions} == {
        tp: 0, tp_of(PAGE, 1): 0, again: 5,
    }  # fmt: skip
    end = Incident("01END", PAGE, Range(tp, 2, 2, 0), "created again", NOON, "topic-2")
    await world.ledger.record_incident(end)
    await world.ledger.start_chains([ChainStart(PAGE, again, 0, "topic-2")])
    report = await world.audit()
    (found,) = report.findings
    assert (found.kind, found.tp, found.first, found.next) == (K.INCIDENT, tp, 2, 2)
    assert "from 2 on" in found.text
    assert [note for note in report.notes if topic_of(PAGE) in note]
    old, _, new = sorted(report.types[1].partitions, key=lambda p: p.tp)
    assert (old.ended, old.lag, old.log_end) == (True, 0, None)
    assert (new.ended, new.lag, new.log_end, new.cursor) == (False, 5, 5, 0)


async def test_objects_that_no_seal_names_are_told_but_are_no_loss(world: World) -> None:
    await fill(world)
    world.objects.put(f"{ORDER}/v1/dt=2026-03-01/01ABANDONED.ndjson.gz", b"12345")
    world.objects.put(f"_dead/{PAGE}/v1/dt=2026-03-01/01ABANDONED.ndjson.gz", b"123")
    world.objects.put("another_teams/report.pdf", b"not ours")
    report = await world.audit()
    assert report.balanced
    assert (report.objects.strays, report.objects.stray_bytes) == (2, 8)
    assert "01ABANDONED" in report.notes[0]


async def test_a_day_replaced_with_nothing_is_balanced(world: World) -> None:
    await world.seal(ORDER, 1, {0: [Got("duplicate", DAY1)]})
    await world.load(ORDER, [DAY1])
    report = await world.audit()
    assert report.findings == []


async def test_an_older_version_whose_topic_is_gone_is_only_a_remark(world: World) -> None:
    await fill(world)
    await world.seal(PAGE, 5, {1: [Got("duplicate", DAY1)]})
    del world.logs[tp_of(PAGE, 0)], world.logs[tp_of(PAGE, 1)]
    world.topics[PAGE] = (f"events.{PAGE}.v2", 2)
    report = await world.audit()
    assert report.findings == []
    (note,) = report.notes
    assert note.startswith(f"events.{PAGE}.v1: an older version's topic")


async def test_the_json_has_a_number_for_everything_the_reader_is_promised(world: World) -> None:
    await fill(world)
    told = orjson.loads(orjson.dumps((await world.audit()).as_json()))
    assert told["balanced"] is True
    assert told["types"][0]["days"][0] == {
        "day": "2026-03-01", "received": 6, "staged": 5, "duplicates": 1, "dead": 0, "filtered": 0,
        "rows": 5, "loaded": 4, "collapsed": 1, "hidden": 0, "in_flight": 0, "residual": 0,
    }  # fmt: skip
    partition = told["types"][0]["partitions"][0]
    assert {"chain_start", "cursor", "log_end", "gaps", "overlaps"} <= set(partition)
    assert told["types"][0]["totals"]["received"] == 12
