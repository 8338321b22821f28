"""A scheduler as it runs, in this process."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from app.contracts.table import Table
from app.core.schedule import Every, Schedule
from app.health import Readiness
from app.kafka import KafkaOptions
from app.redis_options import RedisOptions
from app.scheduler.jobs import Job
from app.scheduler.options import SchedulerOptions
from app.scheduler.role import Running, scheduler
from sinks.protocol import Warehouse
from tests.scheduler.world import World


@asynccontextmanager
async def running(
    world: World[Any],
    redis_url: str,
    folder: Path,
    *,
    warehouse: Warehouse | None = None,
    tables: Mapping[str, Table] | None = None,
    every: timedelta = timedelta(0),
    lock_seconds: float = 5.0,
    drain_seconds: float = 10.0,
    name: str = "one",
    schedule: Schedule | None = None,
    jobs: Sequence[Job] = (),
) -> AsyncIterator[Running]:
    """A scheduler on this world, by default on its one table with its warehouse."""
    tables = tables or {world.event: world.table}
    async with scheduler(
        SchedulerOptions(
            tick_seconds=0.05,
            lock_seconds=lock_seconds,
            port=0,
            data_dir=folder / name,
            instance=name,
        ),
        RedisOptions(url=redis_url),
        KafkaOptions(brokers="127.0.0.1:1"),
        tables,
        dict.fromkeys(tables, schedule or Every(every)),
        world.ledger,
        warehouse or world.warehouse,
        Readiness(),
        drain_seconds,
        jobs,
    ) as started:
        yield started


async def waited_for(started: Running) -> set[str]:
    """What its `/readyz` says that it waits for."""
    url = f"http://127.0.0.1:{started.port}/readyz"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        body = await answer.json()
        assert answer.status == (503 if body["waiting_for"] else 200)
        return set(body["waiting_for"])
