"""Kill it, move it, fence it, hang it: each event still comes out once."""

import asyncio
import itertools
import random
import re
import shutil
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path

import aiohttp
from ulid import ULID

from app.core.seal import DayCounts, ObjectKind, Range, Seal, partition_name
from app.kafka import KafkaOptions
from app.worker.ending import HUNG_EXIT_CODE
from tests.worker.kinds import event
from tests.worker.world import World, a_world, until

SMALL_SEALS = {"max_age_seconds": 0.2}
NO_SEAL_SOON = {"max_age_seconds": 3_600}


@asynccontextmanager
async def steady_load(world: World) -> AsyncIterator[None]:
    """Some 2,000 events a second of four days, one in five sent again later, some broken."""
    enough = asyncio.Event()

    async def send() -> None:
        chance = random.Random(3)
        async with world.producing() as send_one:
            for start in itertools.count(0, 200):
                old = [chance.randrange(start + 200) for _ in range(40)]
                for number in (*range(start, start + 200), *old):
                    await send_one(event(number, day=1 + number % 4))
                await send_one(b"broken")
                with suppress(TimeoutError):
                    await asyncio.wait_for(enough.wait(), 0.1)
                if enough.is_set():
                    return

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        enough.set()
        await sending


async def another_seal(world: World, process: Process) -> None:
    before = len(await world.seals())

    async def sealed() -> bool:
        assert process.returncode is None, world.log()[-3000:]
        return len(await world.seals()) > before

    await until("another seal", sealed)


async def reading(world: World, lives: int = 1) -> None:
    """Wait until the log of the last started worker has been that of so many readers."""

    async def said_so() -> bool:
        return world.log().count("reading 3 partitions") >= lives

    await until("it reads", said_so)


async def staged(world: World, count: int) -> None:
    """Wait until the last started worker says that it holds so many rows."""
    url = re.findall(r"health on (http://[\d.:]+)", world.log())[-1]
    wanted = f'forebay_worker_events_total{{event="{world.kind.name}",verdict="staged"}} {count}.0'

    async def says_so() -> bool:
        async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as answer:
            return wanted in await answer.text()

    await until(f"{count} rows staged", says_so)


async def ended(process: Process) -> int:
    async with asyncio.timeout(60):
        return await process.wait()


async def terminated(process: Process) -> int:
    process.send_signal(signal.SIGTERM)
    return await ended(process)


async def test_a_worker_killed_in_the_middle_of_the_stream_loses_and_doubles_nothing(
    world: World,
) -> None:
    chance = random.Random(11)
    async with steady_load(world):
        for kill in range(4):
            process = await world.process("data", SMALL_SEALS)
            await another_seal(world, process)
            await asyncio.sleep(chance.uniform(0, 0.4))  # where in the seal is chance's choice
            process.send_signal(signal.SIGKILL)
            await ended(process)
            if kill % 2:
                shutil.rmtree(world.folder / "data")
    already = world.log().count("reading 3 partitions")
    process = await world.process("data", SMALL_SEALS)
    await reading(world, already + 1)  # all may be sealed already: SIGTERM must meet a worker
    await world.sealed_to_the_end()
    assert await terminated(process) == 0
    fates = await world.each_once()
    assert fates["duplicates"] > 0
    assert fates["dead"] > 0


async def test_a_second_worker_joins_and_the_first_leaves_and_nothing_is_lost(
    world: World,
) -> None:
    async with steady_load(world):
        first = await world.process("first", SMALL_SEALS)
        await another_seal(world, first)
        second = await world.process("second", SMALL_SEALS)

        async def both_seal() -> bool:
            return len({seal.worker for seal in await world.seals()}) == 2

        await until("both workers seal", both_seal)
        assert await terminated(first) == 0
        await another_seal(world, second)
    await world.sealed_to_the_end()
    assert await terminated(second) == 0
    await world.each_once()


async def test_a_worker_that_has_no_partition_is_ready_and_takes_over(
    kafka: KafkaOptions, tmp_path: Path
) -> None:
    async with a_world(kafka, tmp_path, partitions=1) as world:
        async with world.worker("first"):
            await world.produce(event(n) for n in range(100))
            await world.sealed_to_the_end()
            async with world.worker("second"):
                await world.produce(event(n) for n in range(50, 150))
                await world.sealed_to_the_end()
        async with world.worker("second"):
            await world.produce(event(n) for n in range(100, 200))
            await world.sealed_to_the_end()
        fates = await world.each_once()
    assert (fates["staged"], fates["duplicates"]) == (200, 100)


async def test_sigterm_seals_what_is_open_and_nothing_is_read_again(world: World) -> None:
    process = await world.process("data", NO_SEAL_SOON)
    await reading(world)
    await world.produce(event(n) for n in range(2_000))
    await staged(world, 2_000)
    assert await world.seals() == []
    assert await terminated(process) == 0
    (seal,) = await world.seals()
    assert seal.received == 2_000
    assert await world.group_offsets() == {r.tp: r.next for r in seal.ranges}
    await world.produce(event(n) for n in range(2_000, 2_100))
    again = await world.process("data", SMALL_SEALS)
    await world.sealed_to_the_end()
    assert await terminated(again) == 0
    fates = await world.each_once()
    assert (fates["staged"], fates["duplicates"]) == (2_100, 0)


async def test_a_fenced_worker_exits_non_zero_and_nobody_names_its_objects(world: World) -> None:
    process = await world.process("data", {"max_age_seconds": 2})
    await reading(world)
    await world.produce(event(n) for n in range(300))
    await staged(world, 300)
    for number in range(3):
        await take_the_next_link(world, number)
    assert await ended(process) == 1
    assert "Fenced" in world.log()
    assert {seal.worker for seal in await world.seals()} == {"another owner"}
    assert await world.lines(ObjectKind.ROWS) == []
    assert [found.key async for found in world.objects.list("")] != []  # strays: the janitor's
    assert list((world.folder / "data").rglob("*.db")) == []


async def take_the_next_link(world: World, number: int) -> None:
    """Do what another owner of the partition would: record a seal."""
    tp = partition_name(world.kind.topic, number)
    cursor = (await world.ledger.cursors([tp]))[tp]
    await world.ledger.record(
        Seal(
            id=str(ULID()),
            event=world.kind.name,
            version=1,
            worker="another owner",
            sealed_at=datetime.now(UTC),
            config_sha="sha",
            ranges=(Range(tp, cursor.next, cursor.next + 1, 1),),
            objects=(),
            days={date(2026, 3, 1): DayCounts(duplicates=1)},
        )
    )


async def test_a_shutdown_that_hangs_ends_with_a_hard_exit(world: World) -> None:
    process = await world.process("data", NO_SEAL_SOON, drain_seconds=3, hangs=True)
    await reading(world)
    await world.produce([event(1)])
    await staged(world, 1)
    assert await terminated(process) == HUNG_EXIT_CODE
    assert await world.seals() == []
