"""Loads in processes of their own, which may be killed at any point; and where they load.

A process of its own is forked from one that has imported all of this once: it is there in
milliseconds. Only Snowflake's connector is imported anew, since that starts threads, which a fork
would not have.
"""

import asyncio
import multiprocessing
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.contracts.table import Table
from app.core.kill_points import arm, killing_at, passing
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.scheduler.redrive import known_days, lost_days, redrive
from app.scheduler.replace import replace_days
from sinks.duckdb.options import DuckDBOptions
from sinks.duckdb.warehouse import DuckDBWarehouse
from sinks.protocol import DayManifest, ObjectStore, Warehouse
from sinks.s3 import client  # noqa: F401  which a fork need not import again
from sinks.s3.options import S3Options
from sinks.s3.store import S3ObjectStore
from sinks.snowflake.options import SnowflakeOptions
from sinks.snowflake.warehouse import SnowflakeWarehouse
from tests.worker.folder_store import FolderStore

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["pytest", __name__])


@dataclass(frozen=True, slots=True)
class Place:
    """A ledger, objects and a warehouse, as another process can be told of them."""

    ledger_url: str
    objects: Path | S3Options
    warehouse: DuckDBOptions | SnowflakeOptions

    def open_objects(self) -> ObjectStore:
        if isinstance(self.objects, Path):
            return FolderStore(self.objects)
        return S3ObjectStore(self.objects)

    def open_warehouse(
        self, objects: ObjectStore, at: Callable[[str], None] = passing
    ) -> Warehouse:
        if isinstance(self.warehouse, DuckDBOptions):
            return DuckDBWarehouse(self.warehouse, objects, at=at)
        assert isinstance(self.objects, S3Options)
        return SnowflakeWarehouse(self.warehouse, objects, self.objects.location, at=at)


async def exit_code_of(work: Callable[..., None], *args: Any) -> int:
    """Do `work`, one of the functions below, in a process of its own, to its end or its death."""
    process = PROCESSES.Process(target=work, args=args)
    process.start()
    await asyncio.to_thread(process.join)
    assert process.exitcode is not None
    return process.exitcode


def load(place: Place, table: Table, crash_at: str = "") -> None:
    """One run of the dirty days, killed where `crash_at` says."""

    async def run(warehouse: Warehouse) -> None:
        ledger = await open_ledger(LedgerOptions(url=place.ledger_url))
        await replace_days(ledger, warehouse, table, max_days=31)
        await ledger.close()

    _until_killed(place, run, crash_at)


def rebuild(place: Place, table: Table, max_days: int, crash_at: str) -> None:
    """Make what is lost of the table again, so many days a run, killed where `crash_at` says."""

    async def run(warehouse: Warehouse) -> None:
        ledger = await open_ledger(LedgerOptions(url=place.ledger_url))
        days = await lost_days(ledger, warehouse, table, await known_days(ledger, table))
        async for _ in redrive(ledger, warehouse, table, days, max_days=max_days):
            pass
        await ledger.close()

    _until_killed(place, run, crash_at)


def replace(
    place: Place, table: Table, days: Sequence[DayManifest], run: str, fence: int, crash_at: str
) -> None:
    """Replace these days, killed where `crash_at` says."""

    async def once(warehouse: Warehouse) -> None:
        await warehouse.replace(table, days, run=run, fence=fence)

    _until_killed(place, once, crash_at)


def _until_killed(place: Place, work: Callable[[Warehouse], Any], crash_at: str) -> None:
    if crash_at:
        arm(killing_at(crash_at))

    async def at_work() -> None:
        async with AsyncExitStack() as stack:
            objects = place.open_objects()
            stack.push_async_callback(objects.close)
            warehouse = place.open_warehouse(objects)
            stack.push_async_callback(warehouse.close)
            await work(warehouse)

    asyncio.run(at_work())
