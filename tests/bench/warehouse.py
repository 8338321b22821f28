"""What loading a day costs a scheduler: in seconds and memory on DuckDB, in memory on Snowflake.

The rows lie in objects on a real S3, 2 % of them copies. They are loaded by a process of its own
that has imported and opened all that a scheduler has, see `tests.bench.loading`. Snowflake is its
stand-in, whose own time and memory do not count: no row is to pass through ours.
"""

import asyncio
import json
import pickle
import sys
from collections.abc import Sequence
from typing import Any

from pydantic import SecretStr

from app.core.seal import StoredObject
from app.local.s3 import ACCESS_KEY, REGION, SECRET_KEY
from sinks.duckdb.options import DuckDBOptions
from sinks.s3.options import S3Options
from sinks.s3.store import S3ObjectStore
from sinks.snowflake.options import SnowflakeOptions
from tests.bench import days
from tests.bench.ground import Ground
from tests.bench.lines import Lines
from tests.bench.loading import Job
from tests.bench.model import OURS, Sample
from tests.bench.peers.catalogue import Roster
from tests.bench.targets import LARGE_DAY, LOAD_DUCKDB, LOAD_LARGE, LOAD_SNOWFLAKE, SMALL_DAY
from tests.sinks.snowflake_stand_in import SnowflakeStandIn

ROWS, FILES = 1_000_000, 20
TIMES_LARGE = 10
SMALL_ROWS = 10_000


async def bench(ground: Ground, _: Roster, lines: Lines) -> None:
    """A million rows `repeats` times over, ten millions once; then both small and large days on
    Snowflake's stand-in."""
    (ground.folder / "warehouse").mkdir()
    await _on_duckdb(ground, lines, LOAD_DUCKDB, 1, turns=lines.repeats)
    await _on_duckdb(ground, lines, LOAD_LARGE, TIMES_LARGE, turns=1)
    await _on_snowflake(ground, lines)


async def _on_duckdb(ground: Ground, lines: Lines, title: str, times: int, *, turns: int) -> None:
    rows, name = lines.some(ROWS * times), f"{ROWS * times}"
    lines.say(f"{title}: writing {rows:,} rows to S3")
    s3 = _prefix(ground, name)
    stored = await _stored(s3, rows, FILES * times)
    lines.say(title)
    file = ground.folder / "warehouse" / f"{name}.duckdb"
    for told in await _loaded(ground, name, s3, stored, DuckDBOptions(path=file), turns):
        seconds = told["seconds"]
        lines.add(title, OURS, "s", Sample(seconds, told["rss_mb"], rows / seconds))
        lines.add(title, "of it CPU", "s", Sample(told["cpu_seconds"]))
    file.unlink()


async def _on_snowflake(ground: Ground, lines: Lines) -> None:
    lines.say(LOAD_SNOWFLAKE)
    folder, s3 = ground.folder / "warehouse" / "snowflake", _prefix(ground, "snowflake")
    for subject, rows in ((SMALL_DAY, SMALL_ROWS), (LARGE_DAY, ROWS)):
        count = lines.some(rows)
        stored = await _stored(s3, count, FILES)
        server = SnowflakeStandIn(folder / f"{rows}", s3)
        await server.start()
        try:
            (told,) = await _loaded(ground, f"snowflake-{rows}", s3, stored, server.options, 1)
        finally:
            await server.stop()
        sample = Sample(told["rss_mb"], per_second=count / told["seconds"])
        lines.add(LOAD_SNOWFLAKE, subject, "MB", sample)


def _prefix(ground: Ground, name: str) -> S3Options:
    return S3Options(
        endpoint_url=ground.s3.endpoint_url,
        region=REGION,
        bucket=ground.s3.bucket,
        prefix=f"warehouse/{name}",
        access_key_id=ACCESS_KEY,
        secret_access_key=SecretStr(SECRET_KEY),
    )


async def _stored(s3: S3Options, rows: int, files: int) -> Sequence[StoredObject]:
    objects = S3ObjectStore(s3)
    try:
        return await days.store(objects, rows, min(files, rows // days.BLOCK_ROWS))
    finally:
        await objects.close()


async def _loaded(
    ground: Ground,
    name: str,
    s3: S3Options,
    stored: Sequence[StoredObject],
    warehouse: DuckDBOptions | SnowflakeOptions,
    turns: int,
) -> Sequence[dict[str, Any]]:
    """Let a process load them; what it says after each turn."""
    rows = sum(one.rows for one in stored)
    job = Job(s3, tuple(stored), rows - days.collapsed(rows), turns, warehouse)
    path = ground.folder / "warehouse" / f"{name}.pickle"
    path.write_bytes(pickle.dumps(job))
    command = [sys.executable, "-m", "tests.bench.loading", str(path)]
    scheduler = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await scheduler.communicate()
    if scheduler.returncode:
        raise RuntimeError(f"the loading process ended with {scheduler.returncode}")
    return [json.loads(line) for line in out.splitlines()]
