"""Workers with a name of their own: a restart is no rebalance, and a name belongs to one."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.kafka import KafkaOptions
from tests.faults.test_topics import two_types
from tests.worker.kinds import event
from tests.worker.world import World, until


@pytest.fixture
async def world(kafka: KafkaOptions, tmp_path: Path) -> AsyncIterator[World]:
    async with two_types(kafka.brokers, tmp_path, None) as made:
        yield made


def assignments(world: World, data: str) -> int:
    file = world.folder / f"{data}.log"
    return file.read_text().count('"reading ') if file.exists() else 0


async def began(world: World, data: str, instance: str) -> Process:
    before = assignments(world, data)
    process = await world.process(data, instance=instance, session_seconds=20)

    async def reads() -> bool:
        return assignments(world, data) > before

    await until(f"{data} reads", reads)
    return process


@pytest.mark.parametrize("static", [True, False])
async def test_a_restart_under_one_s_own_name_is_not_noticed_by_the_others(
    world: World, static: bool
) -> None:
    names = {data: data if static else "" for data in ("one", "two")}
    one, two = [await began(world, data, instance) for data, instance in names.items()]
    await world.produce(event(n) for n in range(90))
    await world.sealed_to_the_end()
    before = assignments(world, "two")
    one.terminate()
    assert await one.wait() == 0
    await world.produce(event(n) for n in range(45, 180))
    one = await began(world, "one", names["one"])
    await world.sealed_to_the_end()
    assert (assignments(world, "two") == before) is static
    for process in (one, two):
        process.terminate()
        assert await process.wait() == 0
    assert (await world.each_once())["duplicates"] == 45


async def test_of_two_with_one_name_the_ledger_lets_one_go_on_and_nothing_is_lost_or_doubled(
    world: World,
) -> None:
    """As when a pod is given up for lost, and lives on: its group says nothing, the fence does."""
    lost = await began(world, "one", "same")
    await world.produce(event(n) for n in range(90))
    await world.sealed_to_the_end()
    heir, sent = await began(world, "two", "same"), 90
    async with asyncio.timeout(100):
        while lost.returncode is None:
            await world.produce(event(n) for n in range(sent, sent + 30))
            sent += 30
            await asyncio.sleep(1)
            if heir.returncode is not None:  # it was the second to seal: whoever runs it starts it
                heir = await began(world, "two", "same")
    assert lost.returncode == 1
    if heir.returncode is not None:
        heir = await began(world, "two", "same")
    await world.produce(event(n) for n in range(45, sent + 45))
    await world.sealed_to_the_end()
    heir.terminate()
    assert await heir.wait() == 0
    assert (await world.each_once())["staged"] == sent + 45
