"""Load one day into a warehouse as a scheduler does, and say what that took.

`python -m tests.bench.loading JOB`, a `Job` that `tests.bench.warehouse` has pickled. Whatever a
scheduler imports is imported. After each turn there is a line of JSON: seconds, CPU seconds, and
the peak of this process's own memory in MB (10^6 B).
"""

import asyncio
import json
import pickle
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from app.core.seal import StoredObject
from sinks.duckdb.options import DuckDBOptions
from sinks.protocol import DayManifest, ObjectStore, Warehouse
from sinks.s3.options import S3Options
from sinks.s3.store import S3ObjectStore
from sinks.snowflake.options import SnowflakeOptions
from tests.sinks.warehouse_ground import order_table


@dataclass(frozen=True, slots=True)
class Job:
    """`stored` objects of one day, of which `rows` are to stand, replaced `turns` times."""

    s3: S3Options
    stored: tuple[StoredObject, ...]
    rows: int
    turns: int
    warehouse: DuckDBOptions | SnowflakeOptions


async def load(job: Job) -> None:
    """Be a scheduler; tell time and memory after each turn."""
    import faust
    import redis.asyncio
    import sentry_sdk

    from app import roles
    from app.scheduler import role

    assert all((faust.App, redis.asyncio.Redis, sentry_sdk, role))
    roles._bound_malloc()
    objects = S3ObjectStore(job.s3)
    await objects.ping()
    warehouse = opened(job, objects)
    (day,) = {stored.day for stored in job.stored}
    table, manifest = order_table("RAW.ORDERS"), DayManifest(day, ("s",), job.stored)
    await warehouse.prepare(table)
    for turn in range(1, job.turns + 1):
        began, used = time.perf_counter(), time.process_time()
        loaded = await warehouse.replace(table, [manifest], run=f"run-{turn}", fence=turn)
        took, cpu = time.perf_counter() - began, time.process_time() - used
        assert (loaded[day].staged, loaded[day].rows) == (manifest.rows, job.rows), loaded
        told = {"seconds": took, "cpu_seconds": cpu, "rss_mb": peak_megabytes()}
        sys.stdout.write(json.dumps(told) + "\n")
    await warehouse.close()
    await objects.close()


def opened(job: Job, objects: ObjectStore) -> Warehouse:
    """Import the one that is loaded, and not the other."""
    if isinstance(job.warehouse, DuckDBOptions):
        from sinks.duckdb.warehouse import DuckDBWarehouse

        return DuckDBWarehouse(job.warehouse, objects)
    from sinks.snowflake.warehouse import SnowflakeWarehouse

    return SnowflakeWarehouse(job.warehouse, objects, job.s3.location)


def peak_megabytes() -> float:
    """Of this process, in 10^6 B: `ru_maxrss` begins with that of whoever started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6


if __name__ == "__main__":
    asyncio.run(load(pickle.loads(Path(sys.argv[1]).read_bytes())))
