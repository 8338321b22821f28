"""A role is an async context manager: entering starts it, leaving drains it."""

import asyncio
import ctypes
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from loguru import logger

from app.assemble import (
    contracts_of,
    kinds_of,
    opened_ledger,
    opened_objects,
    opened_warehouse,
    stores_of,
    tables_of,
)
from app.contracts.load import Contracts
from app.contracts.table import Table
from app.core.errors import Fatal
from app.core.schedule import Schedule
from app.health import Readiness
from app.ledger.protocol import Ledger
from app.sentry import tag_sentry
from app.settings import Role, Settings
from sinks.protocol import ObjectStore, Warehouse

if TYPE_CHECKING:
    from app.console.kinds import Kinds
    from app.janitor.old_seals import LateDays
    from app.scheduler.jobs import Job
    from app.status.gauges import Type
    from app.trace.answering import Answering


class Running(Protocol):
    """A started role."""

    @property
    def failed(self) -> Awaitable[None]:
        """Ends, usually by raising, when the role dies by itself."""


@asynccontextmanager
async def gateway(settings: Settings) -> AsyncIterator[Running]:
    """HTTP in, Kafka out."""
    from app.contracts.openapi import openapi
    from app.gateway.role import gateway as start

    contracts = contracts_of(settings)
    tag_sentry(config=contracts.config_sha)
    async with AsyncExitStack() as stack:
        receipts = None
        if settings.gateway.receipts:
            receipts = await stack.enter_async_context(_receipts(settings, contracts))
        ledger = None
        if settings.gateway.runs:
            ledger = await stack.enter_async_context(opened_ledger(settings, at_once=False))
        running = await stack.enter_async_context(
            start(
                settings.gateway,
                settings.kafka,
                kinds_of(settings, contracts),
                contracts.topics,
                openapi(
                    contracts,
                    keyed=bool(settings.gateway.keys_file),
                    runs=settings.gateway.runs,
                ),
                Readiness(),
                receipts=receipts,
                apps={contract.event: contract.app for contract in contracts.values()},
                redis=settings.redis,
                ledger=ledger,
            )
        )
        yield running


@asynccontextmanager
async def _receipts(settings: Settings, contracts: Contracts) -> AsyncIterator["Answering"]:
    """What tells a gateway where an event is. Nothing is reached before it is asked."""
    from app.trace.answering import Answering

    async with (
        opened_ledger(settings, at_once=False) as ledger,
        opened_objects(settings) as objects,
        opened_warehouse(settings, objects) as warehouse,
    ):
        key = settings.pii_key.get_secret_value().encode() or None
        yield Answering(contracts, ledger, objects, warehouse, settings.kafka, key)


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Running]:
    """Kafka in, sealed objects out."""
    from app.worker.role import worker as start

    contracts = contracts_of(settings)
    tag_sentry(config=contracts.config_sha)
    async with (
        opened_ledger(settings, at_once=False) as ledger,
        opened_objects(settings) as objects,
        start(
            settings.worker,
            settings.seal,
            settings.kafka,
            kinds_of(settings, contracts),
            contracts.topics,
            contracts.config_sha,
            ledger,
            objects,
            Readiness(),
            settings.drain_seconds,
        ) as running,
    ):
        yield running


@asynccontextmanager
async def scheduler(settings: Settings) -> AsyncIterator[Running]:
    """Dirty days in, replaced days out."""
    from app.console.routes import opened_console
    from app.scheduler.role import scheduler as start
    from app.status.gauges import Gauges, looking

    tables, schedules, types, kinds, late_days = _to_load(settings)
    async with (
        opened_ledger(settings, at_once=False) as ledger,
        # Of its own, so that no look at a page holds up a load.
        opened_ledger(settings, at_once=False) as looked_at,
        opened_objects(settings) as objects,
        opened_warehouse(settings, objects) as warehouse,
        opened_console(
            kinds, stores_of(settings, looked_at, objects, warehouse), settings.console
        ) as console,
        start(
            settings.scheduler,
            settings.redis,
            settings.kafka,
            tables,
            schedules,
            ledger,
            warehouse,
            Readiness(),
            settings.drain_seconds,
            jobs=_jobs(settings, ledger, objects, warehouse, late_days),
            pages=console.routes,
        ) as running,
        looking(
            Gauges(settings.kafka, settings.worker.app_id, ledger, types),
            settings.scheduler.look_seconds,
        ),
    ):
        yield running


def _to_load(
    settings: Settings,
) -> tuple[Mapping[str, Table], Mapping[str, Schedule], Sequence["Type"], "Kinds", "LateDays"]:
    """The tables, when each is brought up to date, what to watch, what the console knows of them,
    and how late their events may be; the contracts, which take 150 KB each, are not kept."""
    from app.console.kinds import Kinds
    from app.janitor.old_seals import late_days_of
    from app.status.gauges import type_of

    contracts = contracts_of(settings)
    tag_sentry(config=contracts.config_sha)
    types = [type_of(contract) for contract in contracts.values()]
    late_days = late_days_of(contracts)
    return tables_of(contracts), contracts.schedules, types, Kinds(contracts), late_days


def _jobs(
    settings: Settings,
    ledger: Ledger,
    objects: ObjectStore,
    warehouse: Warehouse,
    late_days: "LateDays",
) -> "list[Job]":
    """What a scheduler does on a schedule beside loading."""
    from app.janitor.old_seals import Retention
    from app.janitor.pile import counted
    from app.janitor.sweep import sweep
    from app.scheduler.jobs import Check, Job

    schedule = settings.janitor.schedule
    if schedule is None:
        return []
    keep_runs = timedelta(days=settings.janitor.keep_runs_days)
    retention = Retention(settings.janitor.keep_seals, late_days)

    async def swept(check: Check) -> Mapping[str, int]:
        return counted(
            await sweep(
                ledger, objects, warehouse, keep_runs=keep_runs, retention=retention, go=True,
                check=check,
            )
        )  # fmt: skip

    return [Job("janitor", schedule, swept)]


ROLES: Mapping[Role, Callable[[Settings], AbstractAsyncContextManager[Running]]] = {
    Role.GATEWAY: gateway,
    Role.WORKER: worker,
    Role.SCHEDULER: scheduler,
}


async def run_role(settings: Settings) -> None:
    """Be the role of `settings.role` until SIGTERM, SIGINT or its own death.

    Raises:
        Fatal: no role was chosen, the role can not go on, or it did not leave within
            `drain_seconds`.
    """
    if settings.role is None:
        raise Fatal("ROLE is not set; choose one of: " + ", ".join(Role))
    _bound_malloc()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    entered = asyncio.Event()
    life = asyncio.create_task(_live(ROLES[settings.role](settings), stop, entered))
    signalled = asyncio.create_task(stop.wait())
    await asyncio.wait({life, signalled}, return_when=asyncio.FIRST_COMPLETED)
    signalled.cancel()
    if not life.done():
        logger.info("stopping, {} s to drain", settings.drain_seconds)
        if not entered.is_set():
            life.cancel()  # still waiting for a server: nothing was begun
        await asyncio.wait({life}, timeout=settings.drain_seconds)
        if not life.done():
            life.cancel()
            raise Fatal(f"did not drain within DRAIN_SECONDS={settings.drain_seconds:g}")
    if not life.cancelled():
        life.result()
        logger.info("stopped")


async def _live(
    role: AbstractAsyncContextManager[Running], stop: asyncio.Event, entered: asyncio.Event
) -> None:
    async with role as running:
        entered.set()
        gc.freeze()  # what is here stays: no more searching it for cycles, a tenth of a second each
        failed = asyncio.ensure_future(running.failed)
        signalled = asyncio.create_task(stop.wait())
        await asyncio.wait({failed, signalled}, return_when=asyncio.FIRST_COMPLETED)
        signalled.cancel()
        if failed.done():
            failed.result()
            raise Fatal("the role ended by itself")
        failed.cancel()


def _bound_malloc() -> None:
    """Make glibc give memory back; with another C library a no-op.

    By default each thread may get an arena of its own, which never shrinks, and the size from
    which a block is mapped (and unmapped when freed) grows up to 32 MB with use.
    """
    arena_max, mmap_threshold, trim_threshold = -8, -3, -1  # of malloc.h
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    mallopt(arena_max, 2)
    mallopt(mmap_threshold, 128 << 10)
    mallopt(trim_threshold, 256 << 10)
