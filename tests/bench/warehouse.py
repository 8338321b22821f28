"""What loading a day costs a scheduler, in seconds and MB: `python -m tests.bench.warehouse`.

A million rows (or `ROWS`) in `FILES` objects on a real S3, 2 % of them copies, are loaded into
DuckDB three times over, by a process that has imported and opened all that a scheduler has.
"""

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import date
from pathlib import Path
from uuid import UUID

from pydantic import SecretStr

from app.core.seal import ObjectKind, StoredObject
from sinks.protocol import DayManifest
from sinks.s3.options import S3Options
from sinks.s3.store import S3ObjectStore
from tests.sinks.warehouse_ground import FIRST, order, order_table

DAY: date = FIRST


async def store(s3: S3Options, rows: int, files: int) -> list[StoredObject]:
    """Write the day's objects, as workers would."""
    objects, chosen = S3ObjectStore(s3), random.Random(1)
    stored = []
    for number in range(files):
        key = f"order_placed/v1/dt={DAY}/{number:05}.ndjson.gz"
        writer, lines = objects.writer(key), range(number, rows, files)
        for offset in lines:
            event = chosen.randrange(rows) if chosen.random() < 0.02 else offset
            row = order(event, offset=offset, event_id=str(UUID(int=event << 64 | event * 7919)))
            writer.append(json.dumps(row).encode() + b"\n")
            await writer.relieve()
        done = await writer.finish()
        size, sha, etag = done.bytes, done.sha256, done.etag
        stored.append(StoredObject(DAY, ObjectKind.ROWS, key, len(lines), size, sha, etag))
    await objects.close()
    return stored


def megabytes(name: str) -> int:
    """`VmRSS` or `VmHWM` of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) // 1024


async def load(s3: S3Options, stored: list[StoredObject], folder: Path, memory_limit: str) -> None:
    """Be a scheduler; tell time and memory after each load."""
    import faust
    import redis.asyncio
    import sentry_sdk

    from app import assemble, roles
    from sinks.duckdb.options import DuckDBOptions
    from sinks.duckdb.warehouse import DuckDBWarehouse

    assert all((faust.App, redis.asyncio.Redis, sentry_sdk, roles, assemble))
    roles._bound_malloc()
    objects = S3ObjectStore(s3)
    await objects.ping()
    before = megabytes("VmRSS")
    path = folder / f"warehouse-{memory_limit}.duckdb"
    options = DuckDBOptions(path=path, memory_limit=memory_limit)
    warehouse, table = DuckDBWarehouse(options, objects), order_table("RAW.ORDERS")
    await warehouse.prepare(table)
    manifest = DayManifest(DAY, ("s",), tuple(stored))
    for turn in range(1, 4):
        began = time.perf_counter()
        loaded = await warehouse.replace(table, [manifest], run=f"run-{turn}", fence=turn)
        took = time.perf_counter() - began
        sys.stdout.write(
            f"{memory_limit:>6}, load {turn}: {loaded[DAY].staged} staged, "
            f"{loaded[DAY].rows} rows, {took:5.1f} s; "
            f"RSS before {before} MB, peak {megabytes('VmHWM')} MB, "
            f"now {megabytes('VmRSS')} MB; file {path.stat().st_size >> 20} MB\n"
        )
    await warehouse.close()
    await objects.close()


async def main(rows: int, files: int, limits: list[str]) -> None:
    from app.local.s3 import ACCESS_KEY, REGION, SECRET_KEY, LocalS3

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = LocalS3(folder / "s3", log_file=folder / "s3.log", bucket="bench")
        await server.start()
        try:
            s3 = S3Options(
                endpoint_url=server.endpoint_url,
                region=REGION,
                bucket="bench",
                access_key_id=ACCESS_KEY,
                secret_access_key=SecretStr(SECRET_KEY),
            )
            stored = await store(s3, rows, files)
            sys.stdout.write(f"{rows} rows, {sum(o.bytes for o in stored) >> 20} MB on S3\n")
            job = {"s3": s3.model_dump(mode="json") | {"secret_access_key": SECRET_KEY}}
            job["objects"] = [asdict(one) | {"day": str(one.day)} for one in stored]
            (folder / "job.json").write_text(json.dumps(job))
            for limit in limits:
                again = [sys.executable, "-m", "tests.bench.warehouse", "--be", str(folder), limit]
                await asyncio.to_thread(subprocess.run, again, check=True)
        finally:
            await server.stop()


def be_a_scheduler(folder: Path, limit: str) -> None:
    job = json.loads((folder / "job.json").read_text())
    stored = [StoredObject(**one | {"day": DAY, "kind": ObjectKind.ROWS}) for one in job["objects"]]
    asyncio.run(load(S3Options(**job["s3"]), stored, folder, limit))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--be"]:
        be_a_scheduler(Path(sys.argv[2]), sys.argv[3])
    else:
        given = [int(word) for word in sys.argv[1:3]] or [1_000_000, 20]
        asyncio.run(main(*given, sys.argv[3:] or ["32MB", "96MB"]))
