"""A loss that somebody has looked at: kept durably, beside the entries that never change."""

import sqlite3
from datetime import timedelta

import pytest

from app.core.seal import Range
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Acknowledgement, Ledger
from tests.ledger.examples import NOON, TP, incident, seal, start

WHY = "the shop sent these events again on Tuesday"


async def test_an_acknowledged_incident_stays_so_for_every_reader(
    ledger: Ledger, other: Ledger
) -> None:
    await ledger.start_chains([start(TP)])
    lost = incident(0, 40)
    await ledger.record_incident(lost)
    assert await other.acknowledged() == {}
    before = await ledger.digests()
    said = Acknowledgement(lost.id, WHY, NOON)
    assert await ledger.acknowledge(said) == said
    assert await other.acknowledged() == {lost.id: said}
    assert await ledger.digests() == before
    assert [found async for found in other.incidents()] == [lost]


async def test_the_first_reason_stays(ledger: Ledger, other: Ledger) -> None:
    await ledger.start_chains([start(TP)])
    lost = incident(0, 40)
    await ledger.record_incident(lost)
    said = Acknowledgement(lost.id, WHY, NOON)
    await ledger.acknowledge(said)
    later = Acknowledgement(lost.id, "never mind", NOON + timedelta(days=1))
    assert await other.acknowledge(later) == said


async def test_what_is_neither_an_incident_nor_a_partition_can_not_be_acknowledged(
    ledger: Ledger,
) -> None:
    await ledger.start_chains([start(TP)])
    recorded = seal(Range(TP, 0, 5, 5))
    await ledger.record(recorded)
    foreign = "events.page_seen.v1/0"
    for name in ("01NOBODY", recorded.id, f"{TP}@start", f"{TP}@0", foreign, TP[:-2], f"{TP}x", ""):
        assert await ledger.acknowledge(Acknowledgement(name, WHY, NOON)) is None
    assert await ledger.acknowledged() == {}


@pytest.mark.parametrize(
    "partition", [TP, "events.order_placed.v2/11", "events.order_placed.v1~8f14e45f+2/0"]
)
async def test_a_partition_of_a_known_event_is_acknowledged_and_the_last_reason_stays(
    ledger: Ledger, other: Ledger, partition: str
) -> None:
    await ledger.start_chains([start(TP)])
    before = await ledger.digests()
    said = Acknowledgement(partition, WHY, NOON)
    assert await ledger.acknowledge(said) == said
    later = Acknowledgement(partition, "and those of May, too", NOON + timedelta(days=1))
    assert await other.acknowledge(later) == later
    assert await ledger.acknowledged() == {partition: later}
    assert await ledger.digests() == before


async def test_a_partition_whose_topic_has_a_name_of_its_own_is_known_by_its_chain(
    ledger: Ledger,
) -> None:
    await ledger.start_chains([start("orders/0")])
    said = Acknowledgement("orders/0", WHY, NOON)
    assert await ledger.acknowledge(said) == said
    assert await ledger.acknowledge(Acknowledgement("orders/1", WHY, NOON)) is None


async def test_a_file_of_an_older_version_takes_acknowledgements(
    sqlite_options: LedgerOptions,
) -> None:
    ledger = await open_ledger(sqlite_options)
    await ledger.start_chains([start(TP)])
    lost = incident(0, 40)
    await ledger.record_incident(lost)
    with sqlite3.connect(sqlite_options.url.removeprefix("sqlite:///")) as db:
        db.execute("DROP TABLE IF EXISTS acknowledgements")
    db.close()
    assert await ledger.acknowledged() == {}
    assert await ledger.acknowledge(Acknowledgement(lost.id, WHY, NOON)) is not None
    await ledger.close()
