"""A topic that is deleted and created again, or whose log goes back: its offsets begin anew."""

import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from loguru import logger
from prometheus_client import REGISTRY
from ulid import ULID

from app.core.errors import Fenced
from app.core.seal import DayCounts, Range, Seal, partition_name
from app.kafka import KafkaOptions, TopicSpec, ensure_topics
from app.ledger.options import LedgerOptions
from app.topic_ids import topic_ids
from app.worker.options import SealOptions
from tests.faults.topics import create, delete, proved
from tests.house.proxy import Proxy
from tests.house.servers import Servers
from tests.servers.mongo import mongo_url
from tests.worker.kinds import event, kind
from tests.worker.world import World, a_world, until

__all__ = ["mongo_url"]

NO_SEAL_SOON = SealOptions(max_age_seconds=3_600)


@asynccontextmanager
async def two_types(kafka: str, folder: Path, ledger: LedgerOptions | None) -> AsyncIterator[World]:
    """The first type's topic is the one that misbehaves; the second must never mind."""
    async with a_world(KafkaOptions(brokers=kafka), folder, ledger_options=ledger) as world:
        other = kind(f"{world.kind.name}_b")
        world.kinds[other.name], world.partitions[other.name] = other, 3
        await ensure_topics(world.kafka, {other.topic: TopicSpec(3)})
        yield world


@pytest.fixture
async def world(kafka: str, tmp_path: Path) -> AsyncIterator[World]:
    async with two_types(kafka, tmp_path, None) as made:
        yield made


@pytest.fixture(params=["sqlite", "mongo"])
def ledger_options(request: pytest.FixtureRequest) -> LedgerOptions | None:
    """None: the world's own, in SQLite."""
    if request.param == "sqlite":
        return None
    url = request.getfixturevalue("mongo_url")
    return LedgerOptions(url=url, database=f"test_{uuid4().hex[:12]}")


@pytest.fixture
async def each_world(
    ledger_options: LedgerOptions | None, kafka: str, tmp_path: Path
) -> AsyncIterator[World]:
    """On both ledgers."""
    async with two_types(kafka, tmp_path, ledger_options) as made:
        yield made


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """What our own code says as an error from now on."""
    said: list[str] = []
    sink = logger.add(
        said.append, level="ERROR", format="{message}", filter=lambda r: "logger" not in r["extra"]
    )
    yield said
    logger.remove(sink)


def names(*numbers: range) -> list[str]:
    return sorted(f"e{n}" for several in numbers for n in several)


async def staged(world: World, count: int) -> None:
    """Wait until the worker in this process holds so many rows of the first type."""
    labels = {"event": world.kind.name, "verdict": "staged"}

    async def held() -> bool:
        return REGISTRY.get_sample_value("forebay_worker_events_total", labels) == count

    await until(f"{count} rows staged", held)


async def read_to_the_end(world: World, incarnation: str) -> None:
    """Wait until the chains of this incarnation of the first type end where Kafka's logs do."""

    async def sealed() -> bool:
        ends = await world.ends()
        wanted = {
            partition_name(f"{world.kind.topic}~{incarnation}", number): ends[
                partition_name(world.kind.topic, number)
            ]
            for number in range(3)
        }
        found = await world.ledger.cursors(list(wanted))
        return {tp: cursor.next for tp, cursor in found.items()} == wanted

    await until("the new topic is sealed", sealed)


async def short_id(world: World) -> str:
    return (await topic_ids(world.kafka, [world.kind.topic]))[world.kind.topic][:8]


def other(world: World) -> World:
    """The same world, whose first type is the second."""
    _, name = world.kinds
    return replace(world, kinds={name: world.kinds[name]}, partitions={name: 3})


def a_zombies_seal(world: World, tp: str, first: int) -> Seal:
    """What a worker would record that still holds a record of the old topic."""
    return Seal(
        id=str(ULID()),
        event=world.kind.name,
        version=1,
        worker="a zombie",
        sealed_at=datetime.now(UTC),
        config_sha="sha",
        ranges=(Range(tp, first, first + 1, 1),),
        objects=(),
        days={date(2026, 3, 1): DayCounts(duplicates=1)},
    )


async def test_a_topic_created_again_under_a_worker_is_read_whole_and_nothing_is_doubled(
    each_world: World, errors: list[str]
) -> None:
    world = each_world
    async with world.worker():
        await world.produce(event(n) for n in range(300))
        await world.sealed_to_the_end()
        ends = await world.ends()
        await delete(world.kafka, world.kind.topic)
        await create(world.kafka, world.kind.topic)
        await world.produce(event(n) for n in range(200, 600))  # a third of them once more
        await other(world).produce(event(n) for n in range(1_000, 1_050))
        await read_to_the_end(world, await short_id(world))
        await other(world).sealed_to_the_end()
    proof = await proved(world)
    assert proof.ids == names(range(600), range(1_000, 1_050))
    assert proof.findings == sorted(("incident", tp, end, end) for tp, end in ends.items())
    assert (proof.residual, proof.report.totals["lag"]) == (0, 0)
    places = Counter((row["_topic"], row["_partition"], row["_offset"]) for row in proof.rows)
    assert set(places.values()) == {1}
    (error,) = [said for said in errors if "created again" in said]
    assert "senders" in error
    assert all(tp in error for tp in ends)
    labels = {"event": world.kind.name}
    assert REGISTRY.get_sample_value("forebay_worker_incidents_total", labels) == 3
    for tp, end in ends.items():
        with pytest.raises(Fenced):
            await world.ledger.record(a_zombies_seal(world, tp, end))


async def test_what_was_read_of_a_topic_before_it_was_deleted_is_sealed_and_others_go_on(
    world: World, errors: list[str]
) -> None:
    async with world.worker():
        await world.produce(event(n) for n in range(300))
        await world.sealed_to_the_end()
    async with world.worker(seal=NO_SEAL_SOON):
        await world.produce(event(n) for n in range(300, 330))
        await staged(world, 330)
        await delete(world.kafka, world.kind.topic)

        async def sealed() -> bool:
            return sum(seal.total("staged") for seal in await world.seals()) == 330

        await until("what was open is sealed", sealed)
        await until("somebody is told", lambda: _said(errors, "is not there any more"))
        await other(world).produce(event(n) for n in range(1_000, 1_050))
        await staged(other(world), 50)
        await create(world.kafka, world.kind.topic)
        await world.produce(event(n) for n in range(330, 360))
        await staged(world, 360)
    proof = await proved(world)
    assert proof.ids == names(range(360), range(1_000, 1_050))
    assert {kind for kind, *_ in proof.findings} == {"incident"}
    assert proof.residual == 0


async def test_a_worker_that_slept_while_its_topic_was_replaced_and_overtook_it_mixes_nothing(
    world: World,
) -> None:
    process = await world.process("data", {"max_age_seconds": 0.2})
    await world.produce(event(n) for n in range(30))
    await world.sealed_to_the_end()
    process.send_signal(signal.SIGSTOP)  # shorter than the session: the group does not miss it
    await delete(world.kafka, world.kind.topic)
    await create(world.kafka, world.kind.topic)
    await world.produce(event(n) for n in range(30, 900))
    process.send_signal(signal.SIGCONT)
    await read_to_the_end(world, await short_id(world))
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    proof = await proved(world)
    assert proof.ids == names(range(900))
    assert {kind for kind, *_ in proof.findings} == {"incident"}
    of_old = [row for row in proof.rows if "~" not in row["_topic"]]
    assert sorted(row["id"] for row in of_old) == names(range(30))


async def test_a_topic_created_again_twice_without_a_worker_leaves_a_record_of_each(
    world: World,
) -> None:
    async with world.worker():
        await world.produce(event(n) for n in range(60))
        await world.sealed_to_the_end()
    ends = await world.ends()
    await delete(world.kafka, world.kind.topic)
    await create(world.kafka, world.kind.topic)
    second = await short_id(world)
    async with world.worker():
        await world.produce(event(n) for n in range(60, 120))
        await read_to_the_end(world, second)
    seconds = await world.ends()
    for _ in range(2):
        await delete(world.kafka, world.kind.topic)
        await create(world.kafka, world.kind.topic)
    await world.produce(event(n) for n in range(120, 180))
    async with world.worker():
        await read_to_the_end(world, await short_id(world))
    proof = await proved(world)
    assert proof.ids == names(range(180))
    again = f"{world.kind.topic}~{second}"
    assert proof.findings == sorted(
        [("incident", tp, end, end) for tp, end in ends.items()]
        + [
            ("incident", tp.replace(world.kind.topic, again), end, end)
            for tp, end in seconds.items()
        ]
    )
    assert [note for note in proof.report.notes if again in note]


async def test_a_log_whose_end_kafka_lost_is_read_again_and_nothing_is_doubled(
    servers: Servers, tmp_path: Path, errors: list[str]
) -> None:
    await servers.kafka.start()
    kafka = KafkaOptions(brokers=f"127.0.0.1:{servers.kafka_port}")
    async with (
        Proxy(servers.kafka.port, servers.kafka_port).running(),
        a_world(kafka, tmp_path, partitions=1) as world,
    ):
        async with world.worker():
            for start in range(0, 300, 30):
                await world.produce(event(n) for n in range(start, start + 30))
            await world.sealed_to_the_end()
        tp = partition_name(world.kind.topic, 0)
        servers.kafka.kill()
        (segment,) = servers.kafka.data_dir.glob(f"logs/{world.kind.topic}-0/*.log")
        os.truncate(segment, segment.stat().st_size // 2)
        await servers.kafka.start()
        left = (await world.ends())[tp]
        assert 0 < left < 240
        await world.produce(event(n) for n in range(290, 350))  # at offsets that were used before
        async with world.worker():
            await until("it is read again", lambda: _ends_at(world, tp, left + 60))
        proof = await proved(world)
    assert proof.ids == names(range(350))
    assert proof.findings == [("incident", tp, 300, 300)]
    assert (proof.residual, proof.report.totals["lag"]) == (0, 0)
    (error,) = [said for said in errors if "lost the end" in said]
    assert "senders" in error


async def _ends_at(world: World, tp: str, end: int) -> bool:
    of_type = (await world.ledger.partitions())[world.kind.name]
    found = await world.ledger.cursors(of_type)
    return any(cursor.next == end and not cursor.ended for cursor in found.values())


async def _said(lines: list[str], what: str) -> bool:
    return any(what in line for line in lines)
