"""Jobs on a schedule: every instance ticks, one runs, and the history says how it went."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.core.errors import Fatal, Transient
from app.core.job_run import JobOutcome, JobRun
from app.core.schedule import Cron, Every, Schedule
from app.local.redis import LocalRedis
from app.scheduler.jobs import Check, Job
from app.scheduler.lock import LeaseLost
from tests.scheduler.running import running
from tests.scheduler.waiting import errors, heard, until
from tests.scheduler.world import World

YEARLY = Cron("0 0 1 1 *")
LONG_AGO = datetime(2020, 6, 1, tzinfo=UTC)
LAST_TICK = datetime(datetime.now(UTC).year, 1, 1, tzinfo=UTC)


class Work:
    """A job that counts its runs, and fails as planned."""

    def __init__(self, schedule: Schedule = YEARLY) -> None:
        self.runs = 0
        self.fails: list[Exception] = []
        self.job = Job("janitor", schedule, self)

    async def __call__(self, check: Check) -> Mapping[str, int]:
        if self.fails:
            raise self.fails.pop(0)
        check()
        self.runs += 1
        return {"objects": 3}


async def history(world: World) -> list[JobRun]:
    return [run async for run in world.ledger.job_runs(job="janitor")]


async def recorded(world: World, count: int) -> list[JobRun]:
    async def there() -> bool:
        return len(await history(world)) >= count

    await until(there)
    return await history(world)


async def test_many_missed_ticks_are_caught_up_once_by_one_of_several_instances(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    work = Work()
    await world.ledger.record_tick("janitor", LONG_AGO)
    async with (
        running(world, redis.url, tmp_path, jobs=[work.job]),
        running(world, redis.url, tmp_path, jobs=[work.job], name="two"),
    ):
        (run,) = await recorded(world, 1)

        async def done() -> bool:
            return (await world.ledger.ticks())["janitor"] == LAST_TICK

        await until(done)
        await asyncio.sleep(0.5)  # ten ticks of each
    assert work.runs == 1
    assert await history(world) == [run]
    assert (run.outcome, run.tries, run.tick) == (JobOutcome.DONE, 1, LAST_TICK)
    assert dict(run.did) == {"objects": 3}
    assert run.instance in ("one", "two")
    assert run.event == ""


async def test_a_job_that_is_new_waits_for_its_next_tick(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    work = Work()
    async with running(world, redis.url, tmp_path, jobs=[work.job]):

        async def known() -> bool:
            return await world.ledger.ticks() == {"janitor": LAST_TICK}

        await until(known)
        await asyncio.sleep(0.3)
    assert work.runs == 0
    assert await history(world) == []


async def test_a_job_comes_again_after_its_interval_and_not_before(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    often, seldom = Work(Every(timedelta(milliseconds=1))), Work(Every(timedelta(days=1)))
    jobs = [often.job, Job("audit", seldom.job.schedule, seldom)]
    await world.ledger.record_tick("audit", datetime.now(UTC) - timedelta(hours=23))
    async with running(world, redis.url, tmp_path, jobs=jobs):
        await recorded(world, 3)
    assert often.runs >= 3
    assert seldom.runs == 0


async def test_a_passing_failure_is_tried_again_within_the_run(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    work = Work()
    work.fails = [Transient("S3: list: SlowDown")]
    await world.ledger.record_tick("janitor", LONG_AGO)
    with heard() as lines:
        async with running(world, redis.url, tmp_path, jobs=[work.job]):
            (run,) = await recorded(world, 1)
    assert (run.outcome, run.tries) == (JobOutcome.DONE, 2)
    assert errors(lines) == []


async def test_a_failure_that_stays_is_one_error_and_one_run_and_the_tick_is_still_due(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    work = Work()
    work.fails = [Fatal("s3://key:secret@host refuses us: password=hunter2\nsecond line")]
    await world.ledger.record_tick("janitor", LONG_AGO)
    with heard() as lines:
        async with running(world, redis.url, tmp_path, jobs=[work.job]):
            (run,) = await recorded(world, 1)
            await asyncio.sleep(0.3)  # it rests
    assert len(errors(lines)) == 1
    assert (run.outcome, run.tries, run.error) == (JobOutcome.FAILED, 1, "Fatal")
    assert run.why == "s3://***@host refuses us: password=***"
    assert (await world.ledger.ticks())["janitor"] == LONG_AGO
    async with running(world, redis.url, tmp_path, jobs=[work.job], name="two"):
        newest, _ = await recorded(world, 2)
    assert (newest.outcome, newest.tick) == (JobOutcome.DONE, LAST_TICK)


async def test_a_bug_is_named_by_its_class_alone(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    work = Work()
    work.fails = [KeyError("somebody@example.com")]
    await world.ledger.record_tick("janitor", LONG_AGO)
    async with running(world, redis.url, tmp_path, jobs=[work.job]):
        (run,) = await recorded(world, 1)
    assert run.error == "KeyError"
    assert "somebody" not in run.why


async def test_who_loses_the_lock_has_skipped_the_run(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    work = Work()
    work.fails = [LeaseLost("the lock is not ours any more")]
    await world.ledger.record_tick("janitor", LONG_AGO)
    async with running(world, redis.url, tmp_path, jobs=[work.job]):
        newest, oldest = (await recorded(world, 2))[:2]
    assert (oldest.outcome, oldest.error) == (JobOutcome.SKIPPED, "LeaseLost")
    assert newest.outcome is JobOutcome.DONE
    assert work.runs == 1


async def test_a_job_that_is_stopped_midway_is_due_again(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    begun = asyncio.Event()

    async def endless(check: Check) -> Mapping[str, int]:
        begun.set()
        await asyncio.Event().wait()
        return {}

    await world.ledger.record_tick("janitor", LONG_AGO)
    async with running(world, redis.url, tmp_path, jobs=[Job("janitor", YEARLY, endless)]):
        await asyncio.wait_for(begun.wait(), 20)
    assert await history(world) == []
    work = Work()
    async with running(world, redis.url, tmp_path, jobs=[work.job], name="two"):
        await recorded(world, 1)
    assert work.runs == 1


async def test_a_ledger_that_does_not_answer_is_asked_again(
    world: World, redis: LocalRedis, tmp_path: Path
) -> None:
    work = Work()
    await world.ledger.record_tick("janitor", LONG_AGO)
    real, left = world.ledger.ticks, [Transient("locked")]

    async def ticks() -> Mapping[str, datetime]:
        if left:
            raise left.pop()
        return await real()

    world.ledger.ticks = ticks  # type: ignore[method-assign]
    async with running(world, redis.url, tmp_path, jobs=[work.job]):
        await recorded(world, 1)
    assert work.runs == 1
