"""An incident that somebody has looked at: kept durably, beside the entry that never changes."""

import sqlite3
from datetime import timedelta

from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Acknowledgement, Ledger
from tests.ledger.examples import NOON, TP, incident, start

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


async def test_only_an_incident_can_be_acknowledged(ledger: Ledger) -> None:
    await ledger.start_chains([start(TP)])
    for name in ("01NOBODY", f"{TP}@start"):
        assert await ledger.acknowledge(Acknowledgement(name, WHY, NOON)) is None
    assert await ledger.acknowledged() == {}


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
