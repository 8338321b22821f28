"""Tables that are loaded by cron, the history of loads, and pauses."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.core.errors import Fatal, Transient
from app.core.job_run import JobOutcome, JobRun
from app.core.pause import Activity, Pause, PausedBy
from app.core.schedule import Cron
from app.local.redis import LocalRedis
from app.metrics import PAUSED
from tests.scheduler.running import running
from tests.scheduler.waiting import heard, until
from tests.scheduler.world import MONDAY, TUESDAY, World, table

YEARLY = Cron("0 0 1 1 *")
LAST_TICK = datetime(datetime.now(UTC).year, 1, 1, tzinfo=UTC)
LONG_AGO = LAST_TICK - timedelta(days=2_000)
TICK = "load:order_placed"
FEW_TICKS_SECONDS = 0.4


async def history(world: World) -> list[JobRun]:
    return [run async for run in world.ledger.job_runs()]


async def loaded(world: World, *ids: str) -> None:
    async def there() -> bool:
        return await world.dirty() == [] and await world.ids() == list(ids)

    await until(there)


async def done_with(world: World, tick: datetime) -> None:
    async def known() -> bool:
        return (await world.ledger.ticks()).get(TICK) == tick

    await until(known)


async def test_a_table_is_loaded_once_for_all_ticks_it_missed_and_then_waits_for_the_next(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    await world.ledger.record_tick(TICK, LONG_AGO)
    await world.seal({MONDAY: ["a"]})
    async with (
        running(world, redis.url, tmp_path, schedule=YEARLY),
        running(world, redis.url, tmp_path, schedule=YEARLY, name="two"),
    ):
        await loaded(world, "a")
        await done_with(world, LAST_TICK)
        await world.seal({MONDAY: ["b"]})
        await asyncio.sleep(FEW_TICKS_SECONDS)
        assert await world.ids() == ["a"]
    async with running(world, redis.url, tmp_path, schedule=YEARLY, name="three"):
        await asyncio.sleep(FEW_TICKS_SECONDS)  # a restart changes nothing
    assert await world.ids() == ["a"]
    (run,) = await history(world)
    assert run.tick == LAST_TICK


async def test_a_tick_for_which_nothing_waited_is_done(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    await world.ledger.record_tick(TICK, LONG_AGO)
    async with running(world, redis.url, tmp_path, schedule=YEARLY):
        await done_with(world, LAST_TICK)
        await world.seal({MONDAY: ["a"]})
        await asyncio.sleep(FEW_TICKS_SECONDS)
    assert await world.dirty() == [MONDAY]
    assert await history(world) == []


async def test_a_backfill_that_broke_off_goes_on_before_the_next_tick(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    world.warehouse.fail_next("replace", Fatal("the schema is gone"))
    await world.seal({MONDAY: ["a"], TUESDAY: ["b"]})
    async with running(world, redis.url, tmp_path, schedule=YEARLY):

        async def failed() -> bool:
            return len(await history(world)) == 1

        await until(failed)
    assert TICK not in await world.ledger.ticks()
    async with running(world, redis.url, tmp_path, schedule=YEARLY, name="two"):
        await loaded(world, "a", "b")
        await done_with(world, LAST_TICK)


async def test_each_run_of_a_load_is_in_the_history_with_what_it_did(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    await world.seal({MONDAY: ["a", "b", "a"], TUESDAY: ["c"]})
    world.warehouse.fail_next("replace", Transient("locked"))
    async with running(world, redis.url, tmp_path):
        await loaded(world, "a", "b", "c")

        async def known() -> bool:
            return len(await history(world)) == 1

        await until(known)
    (run,) = await history(world)
    assert (run.job, run.event, run.outcome) == ("load", "order_placed", JobOutcome.DONE)
    assert (run.tries, run.error, run.instance, run.tick) == (2, "", "one", None)
    assert dict(run.did) == {"days": 2, "rows": 3, "collapsed": 1}
    recorded = (await world.ledger.loads("order_placed", table().name))[MONDAY]
    assert recorded.run == run.id
    assert run.started_at <= recorded.loaded_at <= run.ended_at


async def test_a_load_that_failed_is_in_the_history_with_its_tries_and_its_error(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    await world.seal({MONDAY: ["a"]})
    for _ in range(3):
        world.warehouse.fail_next("replace", Transient("warehouse ETL is suspended"))
    async with running(world, redis.url, tmp_path):

        async def known() -> bool:
            return len(await history(world)) == 1

        await until(known)
    (run,) = await history(world)
    assert (run.outcome, run.tries, run.error) == (JobOutcome.FAILED, 3, "Transient")
    assert run.why == "warehouse ETL is suspended"


def said(what: Activity) -> Pause:
    at = datetime(2026, 3, 4, tzinfo=UTC)
    return Pause("order_placed", what, "the table moves", PausedBy.OPERATOR, at)


def gauge() -> float:
    return PAUSED.labels("order_placed", "load")._value.get()


async def test_a_paused_type_is_not_loaded_until_it_is_resumed_and_others_are(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    tables = {"order_placed": table(), "other": table("other")}
    await world.ledger.pause(said(Activity.LOAD))
    await world.seal({MONDAY: ["a"]})
    with heard() as lines:
        async with running(world, redis.url, tmp_path, tables=tables):
            for id in ("x", "y"):
                await world.seal({MONDAY: [id]}, event="other")

                async def clean() -> bool:
                    return await world.dirty("other") == []

                await until(clean)
            assert await world.dirty() == [MONDAY]
            assert gauge() == 1
            await world.ledger.resume("order_placed", Activity.LOAD)
            await loaded(world, "a")
            await until(lambda: gauge() == 0)
    assert [line for line in lines if "the table moves" in line] != []


async def test_a_type_that_is_not_consumed_is_still_loaded(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    await world.ledger.pause(said(Activity.CONSUME))
    await world.seal({MONDAY: ["a"]})
    async with running(world, redis.url, tmp_path):
        await loaded(world, "a")


async def test_a_pause_between_two_runs_of_a_backfill_ends_it(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    days = [MONDAY.replace(year=year, month=month) for year in range(2018, 2024)
            for month in range(1, 13)]  # fmt: skip
    await world.seal({day: ["a"] for day in days})
    real = world.ledger.record_load

    async def record_load(loads: object) -> None:
        await real(loads)  # type: ignore[arg-type]
        await world.ledger.pause(said(Activity.LOAD))
        await until(lambda: gauge() == 1)

    world.ledger.record_load = record_load  # type: ignore[method-assign]
    async with running(world, redis.url, tmp_path):

        async def first_run() -> bool:
            return len(await history(world)) >= 1

        await until(first_run)
        await asyncio.sleep(FEW_TICKS_SECONDS)
    assert len(world.warehouse.replaces) == 1
    assert len(await world.dirty()) == len(days) - 31
