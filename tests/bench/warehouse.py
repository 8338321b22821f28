"""What loading a day costs a scheduler, in seconds and memory.

The rows lie in objects on a real S3, 2 % of them copies. They are loaded into DuckDB several times
over, by a process of its own that has imported and opened all that a scheduler has:
`python -m tests.bench.warehouse FOLDER TURNS`, with the job in the folder.
"""

import asyncio
import json
import random
import sys
import time
from dataclasses import asdict
from datetime import date
from pathlib import Path
from uuid import UUID

from pydantic import SecretStr

from app.core.seal import ObjectKind, StoredObject
from app.local.s3 import ACCESS_KEY, REGION, SECRET_KEY
from sinks.protocol import DayManifest
from sinks.s3.options import S3Options
from sinks.s3.store import S3ObjectStore
from tests.bench.ground import Ground
from tests.bench.lines import Lines
from tests.bench.model import OURS, Sample
from tests.bench.peers.catalogue import Roster
from tests.bench.targets import LOAD_DUCKDB
from tests.sinks.warehouse_ground import FIRST, order, order_table

DAY: date = FIRST
ROWS, FILES = 1_000_000, 20


async def bench(ground: Ground, _: Roster, lines: Lines) -> None:
    """One day of a million rows, loaded `repeats` times."""
    folder, rows = ground.folder / "warehouse", lines.some(ROWS)
    folder.mkdir()
    s3 = S3Options(
        endpoint_url=ground.s3.endpoint_url,
        region=REGION,
        bucket=ground.s3.bucket,
        prefix="warehouse",
        access_key_id=ACCESS_KEY,
        secret_access_key=SecretStr(SECRET_KEY),
    )
    lines.say(f"{LOAD_DUCKDB}: writing {rows:,} rows to S3")
    stored = await store(s3, rows, FILES)
    job = {"s3": s3.model_dump(mode="json") | {"secret_access_key": SECRET_KEY}}
    job["objects"] = [asdict(one) | {"day": str(one.day)} for one in stored]
    (folder / "job.json").write_text(json.dumps(job))
    lines.say(LOAD_DUCKDB)
    command = [sys.executable, "-m", "tests.bench.warehouse", str(folder), str(lines.repeats)]
    scheduler = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _err = await scheduler.communicate()
    if scheduler.returncode:
        raise RuntimeError(f"the loading process ended with {scheduler.returncode}")
    for line in out.splitlines():
        told = json.loads(line)
        sample = Sample(told["seconds"], told["rss_mb"], rows / told["seconds"])
        lines.add(LOAD_DUCKDB, OURS, "s", sample)


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


def peak_megabytes() -> float:
    """Of this process, in 10^6 B."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6


async def load(s3: S3Options, stored: list[StoredObject], folder: Path, turns: int) -> None:
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
    warehouse = DuckDBWarehouse(DuckDBOptions(path=folder / "warehouse.duckdb"), objects)
    table, manifest = order_table("RAW.ORDERS"), DayManifest(DAY, ("s",), tuple(stored))
    await warehouse.prepare(table)
    for turn in range(1, turns + 1):
        began = time.perf_counter()
        loaded = await warehouse.replace(table, [manifest], run=f"run-{turn}", fence=turn)
        took = time.perf_counter() - began
        assert 0 < loaded[DAY].rows < loaded[DAY].staged == manifest.rows, loaded
        sys.stdout.write(json.dumps({"seconds": took, "rss_mb": peak_megabytes()}) + "\n")
    await warehouse.close()
    await objects.close()


def main(folder: Path, turns: int) -> None:
    job = json.loads((folder / "job.json").read_text())
    stored = [StoredObject(**one | {"day": DAY, "kind": ObjectKind.ROWS}) for one in job["objects"]]
    asyncio.run(load(S3Options(**job["s3"]), stored, folder, turns))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
