"""A type stands still and goes on, by an operator or the breaker, over restarts and rebalances."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from app.core.errors import Transient
from app.core.pause import Activity, Pause, PausedBy
from app.kafka import KafkaOptions
from app.ledger.protocol import Ledger
from app.metrics import PAUSED
from app.worker.options import SealOptions
from tests.faults.test_topics import names, other, staged, two_types
from tests.faults.topics import proved
from tests.worker.kinds import event
from tests.worker.world import World, until

OTHERS = 10_000
NEVER = SealOptions(max_age_seconds=3_600)


@pytest.fixture
async def world(kafka: KafkaOptions, tmp_path: Path) -> AsyncIterator[World]:
    """Two types; the first is the one that is paused."""
    async with two_types(kafka.brokers, tmp_path, None) as made:
        yield made


def pause_of(world: World, what: Activity = Activity.CONSUME) -> Pause:
    return Pause(world.kind.name, what, "the till moves", PausedBy.OPERATOR, datetime.now(UTC))


async def received(world: World) -> int:
    return sum(seal.received for seal in await world.seals() if seal.event == world.kind.name)


async def sealed(world: World, count: int) -> None:
    async def so_many() -> bool:
        return await received(world) == count

    await until(f"{count} are sealed", so_many)


async def stands_still(world: World, so: bool = True) -> None:
    async def says_so() -> bool:
        return bool(PAUSED.labels(world.kind.name, "consume")._value.get()) is so

    await until(f"paused: {so}", says_so)


async def of_both(world: World, first: int, count: int) -> None:
    """Produce to both types, and wait until the second is sealed, whose numbers are higher."""
    await world.produce(event(n) for n in range(first, first + count))
    of_other = range(OTHERS + first, OTHERS + first + count)
    await other(world).produce(event(n) for n in of_other)
    await other(world).sealed_to_the_end()


async def each_is_there_once(world: World, count: int) -> None:
    proof = await proved(world)
    assert proof.findings == []
    assert proof.ids == names(range(count), range(OTHERS, OTHERS + count))
    assert (proof.residual, proof.report.totals["lag"]) == (0, 0)


async def test_what_is_open_of_a_paused_type_is_sealed_and_it_goes_on_where_it_stood(
    world: World,
) -> None:
    async with world.worker(seal=NEVER):
        await world.produce(event(n) for n in range(100))
        await staged(world, 100)
        assert await received(world) == 0
        await world.ledger.pause(pause_of(world))
        await sealed(world, 100)  # by nothing but the pause
        await stands_still(world)
        await world.produce(event(n) for n in range(50, 200))
        await asyncio.sleep(1.5)
        assert await received(world) == 100
        await world.ledger.resume(world.kind.name, Activity.CONSUME)
        await stands_still(world, False)
        await staged(world, 200)
    assert (await world.each_once())["duplicates"] == 50


async def test_a_pause_holds_over_a_restart_and_a_rebalance_and_the_other_type_goes_on(
    world: World,
) -> None:
    async with world.worker("one"):
        await of_both(world, 0, 60)
        await sealed(world, 60)
        await world.ledger.pause(pause_of(world))
        await stands_still(world)
        await of_both(world, 60, 60)
        assert await received(world) == 60
    PAUSED.labels(world.kind.name, "consume").set(0)
    async with world.worker("one"):
        await stands_still(world)
        async with world.worker("two"):
            await of_both(world, 120, 60)
        await of_both(world, 180, 60)
        assert await received(world) == 60
        await world.ledger.resume(world.kind.name, Activity.CONSUME)
        await sealed(world, 240)
    await each_is_there_once(world, 240)


async def test_two_workers_stop_and_go_on_together(world: World) -> None:
    workers = {name: await began(world, name) for name in ("one", "two")}

    async def sealed_by_them(count: int) -> None:
        async def so_many() -> bool:
            await begin_again(world, workers)
            return await received(world) == count

        await until(f"{count} are sealed", so_many)

    async def both_stand_still() -> bool:
        return all("paused by operator" in log_of(world, name) for name in workers)

    await of_both(world, 0, 90)
    await sealed_by_them(90)
    await world.ledger.pause(pause_of(world))
    await until("both stand still", both_stand_still)
    await of_both(world, 90, 90)
    assert await received(world) == 90
    await world.ledger.resume(world.kind.name, Activity.CONSUME)
    await sealed_by_them(180)
    for process in workers.values():
        process.terminate()
        assert await process.wait() == 0
    await each_is_there_once(world, 180)


async def began(world: World, name: str) -> Process:
    return await world.process(name, stuck_after_seconds=30)


def log_of(world: World, name: str) -> str:
    return (world.folder / f"{name}.log").read_text()


async def begin_again(world: World, workers: dict[str, Process]) -> None:
    """Faust can hang without a word after two rebalances at once: the worker ends itself then, for
    whoever runs it to start it again. That is us."""
    for name, process in workers.items():
        if process.returncode is not None:
            assert "no assignment or table recovery" in log_of(world, name)[-4_000:]
            workers[name] = await began(world, name)


async def test_a_type_whose_loading_is_paused_is_read_on(world: World) -> None:
    await world.ledger.pause(pause_of(world, Activity.LOAD))
    async with world.worker():
        await of_both(world, 0, 30)
        await sealed(world, 30)


class Unreachable:
    """A ledger that does not take pauses for a while, and does everything else."""

    def __init__(self, real: Ledger) -> None:
        self._real = real
        self.away = True
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def pause(self, pause: Pause) -> Pause:
        self.asked += 1
        if self.away:
            raise Transient("it can not be reached")
        return await self._real.pause(pause)

    async def pauses(self) -> Sequence[Pause]:
        return await self._real.pauses()


async def flood(world: World, count: int) -> None:
    """In one transaction, so that none is sealed before the breaker has seen enough."""
    producing = AIOKafkaProducer(**world.kafka.client(), transactional_id=f"{world.app_id}-flood")
    async with producing as producer, producer.transaction():
        for number in range(count):
            await producer.send(world.kind.topic, b"!", partition=number % 3)


async def test_what_the_breaker_stopped_stands_still_also_while_the_ledger_takes_no_pause(
    world: World,
) -> None:
    ledger = Unreachable(world.ledger)
    async with world.worker("one", ledger=ledger, min_rejected_count=200):  # type: ignore[arg-type]
        await flood(world, 1_200)
        await stands_still(world)
        await other(world).produce(event(n) for n in range(100))
        await other(world).sealed_to_the_end()

        async def tried() -> bool:
            return ledger.asked >= 2

        await until("it was tried again", tried)
        await asyncio.sleep(2.5)  # a look at what the ledger says: nothing is paused
        async with world.worker("two", ledger=ledger, min_rejected_count=200):  # it trips too
            await stands_still(world)
        assert await received(world) == 0
        ledger.away = False

        async def recorded() -> bool:
            return [p.by for p in await world.ledger.pauses()] == [PausedBy.BREAKER]

        await until("the pause is in the ledger", recorded)
        assert await received(world) == 0


async def test_a_type_that_is_resumed_unmended_is_stopped_again_before_it_makes_dead_letters(
    world: World,
) -> None:
    async with world.worker(min_rejected_count=200):
        await flood(world, 1_200)
        for _ in range(2):
            await stands_still(world)

            async def recorded() -> bool:
                return len(await world.ledger.pauses()) == 1

            await until("the pause is in the ledger", recorded)
            assert await world.ledger.resume(world.kind.name, Activity.CONSUME) is not None
            await stands_still(world, False)
        await stands_still(world)
        assert await received(world) == 0
