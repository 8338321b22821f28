"""The scheduler as it runs: Faust's timer, a real Redis, a real ledger, two instances."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app.contracts.table import Table
from app.core.errors import Fatal, Transient
from app.core.seal import ObjectKind, object_key
from app.ledger.options import LedgerOptions
from app.ledger.sqlite import SQLiteLedger
from app.local.redis import LocalRedis
from sinks.memory import MemoryWarehouse
from tests.scheduler.running import running
from tests.scheduler.waiting import Gate, errors, heard, until
from tests.scheduler.world import MONDAY, World, table

LOCK = "forebay-scheduler:load:RAW.ORDER_PLACED"
DAY = timedelta(days=1)


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Collects log lines of WARNING and above."""
    with heard() as found:
        yield found


async def all_clean(world: World, events: Mapping[str, Table]) -> bool:
    return not any([await world.dirty(event) for event in events])


async def test_two_schedulers_load_each_table_once(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    tables = {f"event_{n}": table(f"event_{n}") for n in range(8)}
    for event in tables:
        await world.seal({MONDAY: ["a", "b"]}, event=event)
    async with (
        running(world, redis.url, tmp_path, tables=tables, every=DAY),
        running(world, redis.url, tmp_path, tables=tables, every=DAY, name="two"),
    ):
        await until(lambda: all_clean(world, tables))
    assert len(world.warehouse.replaces) == len(tables)
    for one in tables.values():
        assert await world.ids(one) == ["a", "b"]


async def test_two_schedulers_never_load_a_table_at_the_same_time(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    loading = most = 0

    async def at(point: str) -> None:
        nonlocal loading, most
        loading += 1 if point == "staged" else -1
        most = max(most, loading)
        await asyncio.sleep(0.01)

    world.warehouse = MemoryWarehouse(world.objects, at=at)
    ids = [f"{n:02}" for n in range(30)]
    async with running(world, redis.url, tmp_path), running(world, redis.url, tmp_path, name="two"):
        for id in ids:
            await world.seal({MONDAY: [id]})
            await asyncio.sleep(0.02)
        await until(lambda: all_clean(world, {"order_placed": table()}))
    assert most == 1
    assert await world.ids() == ids
    assert 1 < len(world.warehouse.replaces) <= len(ids)


async def test_a_table_keeps_its_pace_over_a_restart(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    tables = {"order_placed": table(), "other": table("other")}
    await world.seal({MONDAY: ["a"]})
    for round, name in enumerate(("one", "two"), 1):
        async with running(world, redis.url, tmp_path, tables=tables, every=DAY, name=name):
            await until(lambda round=round: len(world.warehouse.replaces) == round)
        await world.seal({MONDAY: ["b"]})
        await world.seal({MONDAY: ["x"]}, event="other")  # which is loaded in the second round
    assert await world.ids() == ["a"]


async def test_a_backfill_goes_on_at_once_until_nothing_is_left(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    days = [MONDAY.replace(year=year, month=month) for year in (2020, 2021, 2022, 2023)
            for month in range(1, 13)]  # fmt: skip
    await world.seal({day: ["a"] for day in days})
    async with running(world, redis.url, tmp_path, every=DAY):
        await until(lambda: all_clean(world, {"order_placed": table()}))
    assert len(world.warehouse.replaces) == 2  # of up to 31 days


async def test_a_failing_table_is_one_error_and_does_not_hold_up_the_others(
    world: World, redis: LocalRedis, tmp_path: Path, lines: list[str]
) -> None:
    tables = {"broken": table("broken"), "order_placed": table()}
    lost = await world.seal({MONDAY: ["a"]}, event="broken")
    await world.objects.delete([object_key(ObjectKind.ROWS, "broken", 1, MONDAY, lost)])
    async with running(world, redis.url, tmp_path, tables=tables):
        await until(lambda: bool(errors(lines)))
        for id in ("a", "b", "c"):
            await world.seal({MONDAY: [id]})
            await until(lambda: all_clean(world, {"order_placed": table()}))
    assert len(errors(lines)) == 1
    assert lost in errors(lines)[0]
    assert await world.dirty("broken") == [MONDAY]


async def test_a_passing_failure_is_tried_again_and_is_no_error(
    world: World, redis: LocalRedis, tmp_path: Path, lines: list[str]
) -> None:
    await world.seal({MONDAY: ["a"]})
    world.warehouse.fail_next("prepare", Transient("suspended"))
    world.warehouse.fail_next("replace", Transient("locked"))
    async with running(world, redis.url, tmp_path):
        await until(lambda: all_clean(world, {"order_placed": table()}))
    assert [line.split(",")[0] for line in lines] == [
        "WARNING try 1 failed",
        "WARNING try 2 failed",
    ]


async def test_a_failure_that_does_not_pass_is_one_error_after_the_last_try(
    world: World, redis: LocalRedis, tmp_path: Path, lines: list[str]
) -> None:
    await world.seal({MONDAY: ["a"]})
    for _ in range(3):
        world.warehouse.fail_next("replace", Transient("locked"))
    async with running(world, redis.url, tmp_path):
        await until(lambda: bool(errors(lines)))
        async with Redis.from_url(redis.url) as client:

            async def is_free() -> bool:
                return not await client.exists(LOCK)

            await until(is_free)
    assert [line.split()[0] for line in lines] == ["WARNING", "WARNING", "ERROR"]


async def test_leaving_lets_a_running_load_commit_and_frees_its_lock(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    world.warehouse = MemoryWarehouse(world.objects, at=(gate := Gate("staged")))
    await world.seal({MONDAY: ["a"]})
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(world, redis.url, tmp_path))
        await gate.reached.wait()
        leaving = asyncio.create_task(stack.pop_all().aclose())
        await asyncio.sleep(0)
        gate.opened.set()
        await leaving
    assert await world.ids() == ["a"]
    assert await world.dirty() == []
    async with Redis.from_url(redis.url) as client:
        assert not await client.exists(LOCK)


async def test_leaving_rolls_back_a_load_that_does_not_end_in_time(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    world.warehouse = MemoryWarehouse(world.objects, at=(gate := Gate("before_commit")))
    await world.seal({MONDAY: ["a"]})
    async with running(world, redis.url, tmp_path, drain_seconds=0.2):
        await gate.reached.wait()
    assert world.warehouse.replaces == []
    assert await world.dirty() == [MONDAY]
    async with Redis.from_url(redis.url) as client:
        assert not await client.exists(LOCK)
    async with running(world, redis.url, tmp_path, name="two"):
        await until(lambda: all_clean(world, {"order_placed": table()}))


class RefusingLedger(SQLiteLedger):
    """Answers, until it has to say what is dirty."""

    async def dirty(self, event: str) -> list[object]:  # type: ignore[override]
        raise Fatal("the ledger's password was changed")


async def test_a_scheduler_that_can_not_go_on_says_why(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    refusing = RefusingLedger.at(LedgerOptions(url=f"sqlite:///{tmp_path}/ledger.db"))
    await world.ledger.close()
    world.ledger = refusing
    async with running(world, redis.url, tmp_path) as started:
        with pytest.raises(Fatal, match="password was changed"):
            await asyncio.wait_for(asyncio.ensure_future(started.failed), 20)
