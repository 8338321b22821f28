"""The scheduler: a Faust timer that ticks in every instance, and loads guarded by a lock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from loguru import logger

from app.contracts.table import Table
from app.core.errors import Fatal
from app.core.schedule import Schedule
from app.health import Readiness, health_server
from app.kafka import KafkaOptions
from app.ledger.protocol import Ledger
from app.redaction import told
from app.redis_options import RedisOptions
from app.retry import until_reached
from app.scheduler.history import History, instance_name
from app.scheduler.jobs import Job, Jobs
from app.scheduler.loads import Loads
from app.scheduler.lock import Locks
from app.scheduler.options import SchedulerOptions
from sinks.protocol import Warehouse

LEAVE_SECONDS = 5.0
"""Of the drain time, to roll back a load and to let go of everything."""
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Running:
    """A started scheduler. `failed` ends by raising when it dies; `port` serves its health."""

    failed: Awaitable[None]
    port: int


@asynccontextmanager
async def scheduler(
    options: SchedulerOptions,
    redis: RedisOptions,
    kafka: KafkaOptions,
    tables: Mapping[str, Table],
    schedules: Mapping[str, Schedule],
    ledger: Ledger,
    warehouse: Warehouse,
    readiness: Readiness,
    drain_seconds: float,
    jobs: Sequence[Job] = (),
    pages: Iterable[web.RouteDef] = (),
) -> AsyncIterator[Running]:
    """Load each of `tables` (by event) when it is due, as `schedules` (by event) say, and run
    `jobs` on theirs.

    `pages` are served beside its health.

    Entering waits for Redis, ledger and warehouse. Leaving begins nothing more and lets a running
    load end: within `drain_seconds` it has committed or was rolled back, and its lock is free.

    Raises:
        Fatal: a server refuses us, or a setting is wrong.
    """
    async with health_server(readiness, "scheduler", options.host, options.port, pages) as port:
        locks = Locks(redis.url, options.lock_seconds, redis.client())
        try:
            await until_reached("redis", locks.ping, readiness)
            await until_reached("ledger", ledger.ping, readiness)
            await until_reached("warehouse", warehouse.ping, readiness)
            history = History(ledger, options.instance or instance_name())
            loads = Loads(options, tables, schedules, ledger, warehouse, locks, readiness, history)
            others = Jobs(jobs, options, ledger, locks, history)

            async def tick() -> None:
                await loads.tick()
                await others.tick()

            app = _timer_app(options, kafka, tick)
            await app.start()
            failed = asyncio.create_task(_crash_of(app), name="scheduler crash")
            logger.info("scheduling {} tables, health on port {}", len(tables), port)
            try:
                yield Running(failed, port)
            finally:
                failed.cancel()
                loads.stop()
                others.stop()
                await _stopped(app)
                await others.drain()
                await loads.drain(max(drain_seconds - LEAVE_SECONDS, drain_seconds / 2))
        finally:
            await locks.close()


def _timer_app(
    options: SchedulerOptions, kafka: KafkaOptions, tick: Callable[[], Awaitable[None]]
) -> Any:
    """Make a Faust app that only has a timer.

    It starts no Kafka client, so loads go on while Kafka is away; and it asks for no leader,
    since every instance ticks and the lock decides.
    """
    import faust
    from faust.app.base import BootStrategy

    class TimerOnly(BootStrategy):
        enable_kafka = False
        enable_web = False

    class TimerApp(faust.App):
        BootStrategy = TimerOnly

    options.data_dir.mkdir(parents=True, exist_ok=True)
    app = TimerApp(
        options.app_id,
        broker=[f"kafka://{broker}" for broker in kafka.bootstrap] or "kafka://",
        datadir=options.data_dir,
        autodiscover=False,
        topic_disable_leader=True,
        web_enabled=False,
        loop=asyncio.get_running_loop(),
    )
    app.timer(options.tick_seconds)(tick)
    return app


async def _stopped(app: Any) -> None:
    try:
        await asyncio.wait_for(app.stop(), STOP_SECONDS)
    except TimeoutError:
        logger.warning("the timer did not stop within {:g} s", STOP_SECONDS)


async def _crash_of(app: Any) -> None:
    """Wait until the app stops; raise if it was not asked to."""
    await app.wait_for_stopped(asyncio.Event())
    if app.crash_reason is not None:
        raise Fatal(f"the scheduler's timer died: {told(app.crash_reason)}") from app.crash_reason
