"""How each type is doing, as a scheduler's metrics tell it; and that a changed ledger shows."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic, time_ns

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client import REGISTRY

from app.contracts.load import load_contracts
from app.core.errors import Transient
from app.kafka import KafkaOptions, TopicSpec, ensure_topics
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Ledger
from app.status import gauges as gauges_module
from app.status.gauges import Gauges, type_of
from sinks.memory.store import MemoryObjectStore
from sinks.memory.warehouse import MemoryWarehouse
from tests.house.sales import CONTRACT, Sales
from tests.scheduler.world import MONDAY, TUESDAY, World


class Hasty(Sales):
    contract = CONTRACT.replace("\nexamples:", "freshness: 2s\n\nexamples:")


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await open_ledger(LedgerOptions(url=f"sqlite:///{tmp_path / 'ledger.db'}"))
    yield opened
    await opened.close()


def gauges_of(kind: Sales, folder: Path, kafka: str, ledger: Ledger) -> Gauges:
    kind.write(folder / "topics")
    types = [type_of(contract) for contract in load_contracts(folder / "topics").values()]
    return Gauges(KafkaOptions(brokers=kafka), "nobody", ledger, types)


def told(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"forebay_scheduler_{name}", labels)


async def test_lag_and_age_and_the_reason_are_told_of_a_type_that_nobody_reads(
    kafka: str, ledger: Ledger, tmp_path: Path, unique: str
) -> None:
    kind = Hasty(f"hasty_{unique}")
    gauges = gauges_of(kind, tmp_path, kafka, ledger)
    await ensure_topics(KafkaOptions(brokers=kafka), {kind.topic: TopicSpec(2)})
    await gauges.look()
    assert told("behind_seconds", event=kind.event) == 0
    assert told("behind", event=kind.event, why="not consumed") is None
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for number in range(5):
            value, hour_ago = orjson.dumps(kind.made(number)), 3_600_000
            await producer.send_and_wait(
                kind.topic, value, partition=1, timestamp_ms=time_ns() // 1_000_000 - hour_ago
            )
    await gauges.look()
    assert told("lag_offsets", event=kind.event, partition="0") == 0
    assert told("lag_offsets", event=kind.event, partition="1") == 5
    behind = told("behind_seconds", event=kind.event)
    assert behind is not None
    assert 3_600 <= behind < 3_700
    assert told("behind", event=kind.event, why="not consumed") == 1
    age = told("look_age_seconds")
    assert age is not None
    assert age < 60


async def test_a_seal_that_was_changed_shows_as_a_residual(
    kafka: str, ledger: Ledger, tmp_path: Path, unique: str
) -> None:
    kind = Hasty(f"hasty_{unique}")
    gauges = gauges_of(kind, tmp_path, kafka, ledger)
    store = MemoryObjectStore()
    world = World(ledger, store, MemoryWarehouse(store), kind.event)
    await world.seal({MONDAY: ["a", "b"], TUESDAY: ["c"]})
    await gauges.look()
    assert told("residual_records", event=kind.event) == 0
    assert told("doubtful_seals", event=kind.event) == 0
    with sqlite3.connect(tmp_path / "ledger.db") as file:
        file.execute("UPDATE counts SET staged = staged - 1 WHERE day = ?", [MONDAY.isoformat()])
    await gauges.look()
    assert told("residual_records", event=kind.event) == 0  # not so soon again
    gauges._checked_at = monotonic() - gauges_module.SEALS_EVERY_SECONDS
    await gauges.look()
    assert told("residual_records", event=kind.event) == 1
    assert told("doubtful_seals", event=kind.event) == 1


async def test_the_age_of_the_last_look_grows_while_kafka_can_not_be_asked(
    ledger: Ledger, tmp_path: Path, unique: str
) -> None:
    gauges = gauges_of(Hasty(f"hasty_{unique}"), tmp_path, "127.0.0.1:1", ledger)
    gauges._looked_at -= 1_000
    with pytest.raises(Transient):
        await gauges.look()
    age = told("look_age_seconds")
    assert age is not None
    assert age > 1_000
