"""A version was raised, or a topic file removed, while the topic still held unread records."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.audit import AuditReport, FindingKind, LogEnds
from app.audit.memory import forget_all
from app.core.seal import Range
from app.ledger.protocol import Acknowledgement, ChainStart, Incident
from tests.audit.world import (
    DAY1,
    NOON,
    PAGE,
    Got,
    World,
    empty_world,
    topic_of,
    tp_of,
)

K = FindingKind
V2 = f"events.{PAGE}.v2"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Version 1 of the pages is read up to 2 in partition 0, and never begun in partition 1."""
    async with empty_world(tmp_path) as made:
        await made.seal(PAGE, 4, {0: [Got("staged", DAY1)] * 2})
        yield made


def raise_version(world: World) -> None:
    world.topics[PAGE] = (V2, 2)
    world.logs |= {f"{V2}/0": LogEnds(0, 7), f"{V2}/1": LogEnds(0, 0)}


def delete_topic(world: World) -> None:
    del world.logs[tp_of(PAGE, 0)], world.logs[tp_of(PAGE, 1)]


def places(report: AuditReport) -> list[tuple[K, str | None, int | None, int | None]]:
    return [(f.kind, f.tp, f.first, f.next) for f in report.findings]


async def test_what_is_unread_of_a_topic_that_no_file_names_is_a_finding(world: World) -> None:
    world.logs[tp_of(PAGE, 0)] = LogEnds(0, 12)
    world.logs[tp_of(PAGE, 1)] = LogEnds(0, 3)
    before = await world.audit()
    assert (before.findings, before.totals["lag"]) == ([], 13)
    raise_version(world)
    report = await world.audit()
    assert places(report) == [
        (K.TOPIC_UNREAD, tp_of(PAGE, 0), 2, 12),
        (K.TOPIC_UNREAD, tp_of(PAGE, 1), 0, 3),
    ]
    assert report.totals["lag"] == 13 + 7
    text = report.findings[0].text
    assert f"{tp_of(PAGE, 0)} 2–11: 10 offsets of {PAGE}" in text
    assert V2 in text
    assert "TOPICS_DIR" in text


async def test_a_version_raised_after_its_topic_was_read_to_the_end_is_balanced(
    world: World,
) -> None:
    raise_version(world)
    report = await world.audit()
    assert report.findings == []
    assert report.totals["lag"] == 7


async def test_a_later_version_that_a_rollback_left_behind_is_one_too(world: World) -> None:
    world.logs[f"{V2}/0"] = LogEnds(0, 7)
    assert places(await world.audit()) == [(K.TOPIC_UNREAD, f"{V2}/0", 0, 7)]


async def test_topics_of_other_events_are_nobodys_business(world: World) -> None:
    for topic in ("events.foreign.v1", f"events.{PAGE}.v2.copy", f"events.{PAGE}.x.v1", "events"):
        world.logs[f"{topic}/0"] = LogEnds(0, 7)
    report = await world.audit()
    assert (report.findings, report.totals["lag"]) == ([], 0)


async def test_unread_records_of_an_event_without_a_file_are_a_finding(world: World) -> None:
    del world.topics[PAGE], world.tables[PAGE]
    world.logs[tp_of(PAGE, 1)] = LogEnds(0, 3)
    found = (await world.audit()).findings
    assert [f.kind for f in found] == [K.NO_CONTRACT, K.TOPIC_UNREAD]
    assert (found[1].event, found[1].tp, found[1].next) == (PAGE, tp_of(PAGE, 1), 3)


async def test_what_was_unread_of_a_topic_that_is_gone_is_lost_and_stays_a_finding(
    world: World,
) -> None:
    world.logs[tp_of(PAGE, 0)] = LogEnds(0, 12)
    world.logs[tp_of(PAGE, 1)] = LogEnds(0, 3)
    await world.audit(memory=world.memory)
    raise_version(world)
    delete_topic(world)
    wanted = [(K.TOPIC_LOST, tp_of(PAGE, 0), 2, 12), (K.TOPIC_LOST, tp_of(PAGE, 1), 0, 3)]
    for _ in range(2):
        report = await world.audit(memory=world.memory)
        assert places(report) == wanted
    assert f"ledger acknowledge {tp_of(PAGE, 0)} --why" in report.findings[0].text
    forget_all(world.memory)
    assert places(await world.audit(memory=world.memory)) == wanted


async def test_a_topic_that_went_after_it_was_read_as_far_as_anybody_knows_is_a_remark(
    world: World,
) -> None:
    world.logs[tp_of(PAGE, 0)] = LogEnds(0, 3)
    await world.audit(memory=world.memory)
    await world.seal(PAGE, 5, {0: [Got("duplicate", DAY1)]})
    raise_version(world)
    delete_topic(world)
    report = await world.audit(memory=world.memory)
    assert report.findings == []
    assert [note for note in report.notes if "older version's topic" in note]


async def test_a_topic_of_the_current_version_that_is_gone_is_told_once(world: World) -> None:
    world.logs[tp_of(PAGE, 0)] = LogEnds(0, 12)
    world.logs[tp_of(PAGE, 1)] = LogEnds(0, 3)
    await world.audit(memory=world.memory)
    delete_topic(world)
    assert places(await world.audit(memory=world.memory)) == [
        (K.TOPIC_MISSING, tp_of(PAGE, 0), None, None),
        (K.TOPIC_LOST, tp_of(PAGE, 1), 0, 3),
    ]


async def test_a_replaced_topic_whose_end_is_written_down_is_not_told_twice(world: World) -> None:
    world.logs[tp_of(PAGE, 0)] = LogEnds(0, 12, "topic-1")
    await world.audit(memory=world.memory)
    world.logs[tp_of(PAGE, 0)] = LogEnds(0, 0, "topic-2")
    assert [f.kind for f in (await world.audit(memory=world.memory)).findings] == [K.TOPIC_REPLACED]
    end = Incident("01END", PAGE, Range(tp_of(PAGE, 0), 2, 2, 0), "created again", NOON, "topic-2")
    await world.ledger.record_incident(end)
    again = f"{topic_of(PAGE)}~topic-2/0"
    await world.ledger.start_chains([ChainStart(PAGE, again, 0, "topic-2")])
    assert [f.kind for f in (await world.audit(memory=world.memory)).findings] == [K.INCIDENT]


async def test_a_topic_replaced_before_anybody_began_to_read_it_is_lost(world: World) -> None:
    world.logs[tp_of(PAGE, 1)] = LogEnds(0, 3, "topic-1")
    await world.audit(memory=world.memory)
    world.logs[tp_of(PAGE, 1)] = LogEnds(0, 0, "topic-2")
    for _ in range(2):
        found = places(await world.audit(memory=world.memory))
        assert found == [(K.TOPIC_LOST, tp_of(PAGE, 1), 0, 3)]


async def test_a_lost_rest_that_somebody_settles_afterwards_is_a_remark_for_ever(
    world: World,
) -> None:
    tp = tp_of(PAGE, 0)
    world.logs[tp] = LogEnds(0, 12)
    raise_version(world)
    early = Acknowledgement(tp, "it will be deleted", datetime.now(UTC) - timedelta(hours=1))
    assert await world.ledger.acknowledge(early) is not None
    assert places(await world.audit(memory=world.memory)) == [(K.TOPIC_UNREAD, tp, 2, 12)]
    delete_topic(world)
    assert places(await world.audit(memory=world.memory)) == [(K.TOPIC_LOST, tp, 2, 12)]
    said = Acknowledgement(tp, "the shop sent them again", datetime.now(UTC))
    assert await world.ledger.acknowledge(said) == said
    for _ in range(2):
        report = await world.audit(memory=world.memory)
        assert report.findings == []
        (note,) = [note for note in report.notes if note.startswith(f"{tp} 2–11")]
        assert note.endswith(": the shop sent them again")


async def settled(world: World, tp: str) -> AuditReport:
    said = Acknowledgement(tp, "the shop sent them again", datetime.now(UTC))
    assert await world.ledger.acknowledge(said) == said
    return await world.audit(memory=world.memory)


def remarks(report: AuditReport, tp: str) -> list[str]:
    return [note for note in report.notes if note.startswith(tp)]


@pytest.mark.parametrize("topic_id", ["", "topic-1"])
async def test_an_old_log_that_was_cut_back_is_a_finding_until_somebody_settles_it(
    world: World, topic_id: str
) -> None:
    tp = tp_of(PAGE, 0)
    raise_version(world)
    world.logs[tp] = LogEnds(0, 12)
    assert places(await world.audit(memory=world.memory)) == [(K.TOPIC_UNREAD, tp, 2, 12)]
    world.logs[tp] = LogEnds(0, 5, topic_id)
    for _ in range(2):
        report = await world.audit(memory=world.memory)
        assert places(report) == [(K.TOPIC_UNREAD, tp, 2, 5), (K.LOG_CUT, tp, 5, 12)]
    assert "this log end at 12" in report.findings[1].text
    assert f"ledger acknowledge {tp} --why" in report.findings[1].text
    forget_all(world.memory)
    delete_topic(world)
    found = places(await world.audit(memory=world.memory))
    assert found == [(K.TOPIC_LOST, tp, 2, 5), (K.LOG_CUT, tp, 5, 12)]
    for _ in range(2):
        report = await settled(world, tp)
        assert report.findings == []
        assert [
            note for note in remarks(report, f"{tp} 5–11") if "the shop sent them again" in note
        ]


async def test_an_old_log_that_is_cut_once_more_is_a_finding_again(world: World) -> None:
    tp = tp_of(PAGE, 0)
    raise_version(world)
    for end in (12, 1):
        world.logs[tp] = LogEnds(0, end)
        await world.audit(memory=world.memory)
    world.logs[tp] = LogEnds(0, 0)
    assert (await settled(world, tp)).findings == []
    world.logs[tp] = LogEnds(0, 8)
    await world.audit(memory=world.memory)
    world.logs[tp] = LogEnds(0, 0)
    for _ in range(2):
        assert places(await world.audit(memory=world.memory)) == [(K.LOG_CUT, tp, 2, 12)]


async def test_what_retention_took_of_an_old_topic_is_settled_and_more_of_it_is_a_finding_again(
    world: World,
) -> None:
    tp = tp_of(PAGE, 0)
    raise_version(world)
    world.logs[tp] = LogEnds(9, 9)
    report = await world.audit(memory=world.memory)
    assert places(report) == [(K.OVERTAKEN, tp, 2, 9)]
    assert "no worker records it" in report.findings[0].text
    assert "next worker" not in report.findings[0].text
    report = await settled(world, tp)
    assert report.findings == []
    assert remarks(report, f"{tp} 2–8")
    world.logs[tp] = LogEnds(10, 12)
    for _ in range(2):
        assert places(await world.audit(memory=world.memory)) == [
            (K.OVERTAKEN, tp, 2, 10),
            (K.TOPIC_UNREAD, tp, 10, 12),
        ]


async def test_an_old_log_that_ends_before_what_was_read_of_it_is_settled_by_hand(
    world: World,
) -> None:
    tp = tp_of(PAGE, 0)
    raise_version(world)
    world.logs[tp] = LogEnds(0, 1)
    report = await world.audit(memory=world.memory)
    assert places(report) == [(K.PAST_LOG_END, tp, 1, 2)]
    assert "next worker" not in report.findings[0].text
    assert (await settled(world, tp)).findings == []


@pytest.mark.parametrize("topic_id", ["", "topic-2"])
async def test_an_old_topic_that_was_read_to_its_end_and_made_anew_is_a_remark(
    world: World, topic_id: str
) -> None:
    tp = tp_of(PAGE, 1)
    await world.ledger.start_chains([ChainStart(PAGE, tp, 3, "topic-1")])
    raise_version(world)
    world.logs[tp] = LogEnds(3, 3, "topic-1")
    assert (await world.audit(memory=world.memory)).findings == []
    world.logs[tp] = LogEnds(0, 0, topic_id)
    report = await world.audit(memory=world.memory)
    assert report.findings == []
    assert remarks(report, tp)


async def test_an_old_topic_made_anew_with_something_unread_is_lost(world: World) -> None:
    tp = tp_of(PAGE, 1)
    await world.ledger.start_chains([ChainStart(PAGE, tp, 3, "topic-1")])
    raise_version(world)
    world.logs[tp] = LogEnds(3, 7, "topic-1")
    assert places(await world.audit(memory=world.memory)) == [(K.TOPIC_UNREAD, tp, 3, 7)]
    world.logs[tp] = LogEnds(0, 2, "topic-2")
    for _ in range(2):
        assert places(await world.audit(memory=world.memory)) == [
            (K.TOPIC_UNREAD, f"{topic_of(PAGE)}~topic-2/1", 0, 2),
            (K.TOPIC_LOST, tp, 3, 7),
        ]


async def test_an_old_topic_made_anew_that_no_audit_saw_before_is_settled_by_hand(
    world: World,
) -> None:
    tp = tp_of(PAGE, 1)
    await world.ledger.start_chains([ChainStart(PAGE, tp, 3, "topic-1")])
    raise_version(world)
    world.logs[tp] = LogEnds(0, 0, "topic-2")
    report = await world.audit(memory=world.memory)
    assert places(report) == [(K.TOPIC_REPLACED, tp, 3, None)]
    assert "next worker" not in report.findings[0].text
    assert (await settled(world, tp)).findings == []
