"""A flood of bad events, straight into Kafka: its type is paused, and all others go on."""

import asyncio
import json
import re
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import psutil
import pytest
from aiokafka import AIOKafkaProducer

from app.core.pause import Activity, PausedBy
from app.core.seal import partition_name
from tests.faults.test_topics import names, other, two_types
from tests.faults.topics import proved
from tests.worker.kinds import event
from tests.worker.world import World, until

TRIPS_AT = 200
GROWTH_BYTES = 20 << 20


@pytest.fixture
async def world(kafka: str, tmp_path: Path) -> AsyncIterator[World]:
    async with two_types(kafka, tmp_path, None) as made:
        yield made


async def started(world: World, data: str = "data", **options: Any) -> Process:
    """A worker as a process, whose breakers trip early."""
    process = await world.process(
        data, {"max_age_seconds": 0.5}, **{"min_rejected_count": TRIPS_AT, **options}
    )
    said = len(world.log())  # a former process of this name writes into the same file

    async def reads() -> bool:
        assert process.returncode is None, world.log()[-2000:]
        return "reading" in world.log()[said:]

    await until("it reads", reads)
    return process


async def flood(world: World, count: int, size: int = 100) -> None:
    """Bad events of so many bytes over all partitions of the first type; they come all at once,
    so that none can be sealed before the breaker has seen enough of them."""
    producing = AIOKafkaProducer(
        **world.kafka.client(), linger_ms=5, transactional_id=f"flood-{uuid4().hex}"
    )
    async with producing as producer, producer.transaction():
        for number in range(count):
            await producer.send(world.kind.topic, b"!" * size, partition=number % 3)


async def health(world: World, path: str) -> str:
    url = re.findall(r"health on (http://[\d.:]+)", world.log())[-1]
    async with aiohttp.ClientSession() as http, http.get(f"{url}/{path}") as answer:
        assert answer.status == 200
        return await answer.text()


async def paused(world: World) -> None:
    gauge = f'forebay_paused{{event="{world.kind.name}",what="consume"}} 1.0'

    async def says_so() -> bool:
        return gauge in await health(world, "metrics")

    await until("the metric says that the type is paused", says_so)


async def ended(process: Process) -> int:
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        return await process.wait()


def errors_in(log: str) -> list[str]:
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    ours = [line for line in lines if line["level"] == "ERROR" and "logger" not in line]
    return [line["message"] for line in ours]


def seals_of(world: World, seals: list[Any]) -> list[Any]:
    return [seal for seal in seals if seal.event == world.kind.name]


async def test_a_flood_of_bad_events_pauses_its_type_alone_until_it_is_resumed(
    world: World,
) -> None:
    process = await started(world)
    await world.produce(event(n) for n in range(90))
    await world.sealed_to_the_end()
    before = seals_of(world, await world.seals())
    await flood(world, 1_500)
    await paused(world)
    for start in range(1_000, 1_300, 100):  # seal after seal
        await other(world).produce(event(n) for n in range(start, start + 100))
        await other(world).sealed_to_the_end()
    assert seals_of(world, await world.seals()) == before
    troubles = json.loads(await health(world, "readyz"))["troubles"]
    assert "MAX_REJECTED_RATIO" in troubles[world.kind.name]
    (error,) = errors_in(world.log())
    assert world.kind.name in error
    assert f"forebay resume --type {world.kind.name}" in error
    assert await ended(process) == 0
    assert seals_of(world, await world.seals()) == before

    process = await started(world, max_rejected_ratio=1.0)
    await paused(world)  # a restart does not end it
    (pause,) = await world.ledger.pauses()
    assert (pause.event, pause.what, pause.by) == (
        world.kind.name, Activity.CONSUME, PausedBy.BREAKER,
    )  # fmt: skip
    assert "MAX_REJECTED_RATIO" in pause.why
    assert seals_of(world, await world.seals()) == before
    assert await world.ledger.resume(world.kind.name, Activity.CONSUME) == pause
    await world.produce(event(n) for n in range(90, 120))
    await world.sealed_to_the_end()

    async def no_trouble() -> bool:  # an assignment may read it on before the next look tells
        return json.loads(await health(world, "readyz"))["troubles"] == {}

    await until("nothing is in trouble", no_trouble)
    assert await ended(process) == 0
    proof = await proved(world)
    assert proof.findings == []
    assert proof.ids == names(range(120), range(1_000, 1_300))
    assert proof.report.totals["dead"] == 1_500
    assert (proof.residual, proof.report.totals["lag"]) == (0, 0)


async def test_a_paused_type_stays_paused_when_partitions_are_dealt_out_anew(
    world: World,
) -> None:
    first = await started(world, "first")
    first_log = world.logs[-1]
    await flood(world, 1_500)
    await paused(world)
    second = await started(world, "second")  # it takes some of them, and trips as well
    await paused(world)
    await other(world).produce(event(n) for n in range(300))
    await other(world).sealed_to_the_end()
    said = len(first_log.read_text())  # it may have been out of the group until now
    assert await ended(second) == 0

    async def reads_all_of_the_other() -> bool:
        assert first.returncode is None, first_log.read_text()[-2000:]
        return "reading 3 partitions" in first_log.read_text()[said:]

    await until("the first has all of the other type", reads_all_of_the_other)
    await other(world).produce(event(n) for n in range(300, 600))
    await other(world).sealed_to_the_end()
    assert seals_of(world, await world.seals()) == []
    cursors = await world.ledger.cursors(
        [partition_name(world.kind.topic, number) for number in range(3)]
    )
    assert {cursor.next for cursor in cursors.values()} == {0}
    assert first.returncode is None
    assert await ended(first) == 0


async def test_a_paused_type_takes_no_memory_however_much_of_it_comes(world: World) -> None:
    process = await started(world)
    await flood(world, 3_000, 2_000)
    await paused(world)
    held = psutil.Process(process.pid)
    before = held.memory_info().rss
    for _ in range(3):
        await flood(world, 6_000, 2_000)
        await other(world).produce(event(n) for n in range(500))
        await other(world).sealed_to_the_end()
    assert held.memory_info().rss - before < GROWTH_BYTES
    assert await ended(process) == 0
