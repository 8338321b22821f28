"""A reader that looks every 50 ms while days are replaced, and most of the replaces go wrong.

Every row of a generation carries its number, and each day of it has its own count of rows: what a
reader sees is one generation or it is a mixture.

`FAULTY_REPLACES` is how many there are (1000 take some minutes), `FAULTY_REPLACES_SEED` their seed.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

import pytest
from loguru import logger

from app.contracts.table import Table
from sinks.snowflake.connection import Session
from sinks.snowflake.options import SnowflakeOptions
from tests.faults.loader import Place
from tests.faults.loading import Loading
from tests.faults.replaces import Replaces, rows_of
from tests.house.proxy import Proxy
from tests.sinks.warehouse_ground import THIRD, Ground, Strikes, order_table

REPLACES = int(os.environ.get("FAULTY_REPLACES", "80"))
ON_SNOWFLAKE = 0.15
"""Their share there: one takes six times as long, nearly all of it in the stand-in."""
SEED = int(os.environ.get("FAULTY_REPLACES_SEED", "1"))
EVERY_SECONDS = 0.05
Seen = list[tuple[str, int, int]]
"""What one look found: day, generation and number of rows, for each that has any."""


def whole(generation: int) -> Seen:
    """The table as it is when it is right; of the third day nothing is ever replaced."""
    counts = rows_of(generation) if generation else {}
    seen = [(day.isoformat(), generation, rows) for day, rows in counts.items()]
    return sorted([*seen, (THIRD.isoformat(), 0, 4)])


WEIGHTS: Mapping[str, Mapping[str, int]] = {
    "duckdb": {"nothing": 25, "error": 35, "called off": 10, "killed": 30},
    "snowflake": {
        "nothing": 20, "error": 35, "called off": 10, "cut": 15, "unanswered": 10,
        "killed": 6, "cut off": 4,
    },
}  # fmt: skip


def planned(kind: str, random: Random) -> list[str]:
    """The faults of all replaces: each kind at least once."""
    weights = WEIGHTS[kind]
    share = ON_SNOWFLAKE if kind == "snowflake" else 1 - ON_SNOWFLAKE
    count = max(len(weights), round(REPLACES * share))
    faults = [*weights, *random.choices(list(weights), [*weights.values()], k=count - len(weights))]
    random.shuffle(faults)
    return faults


LOOK = """
import json, sys, time
import duckdb

path, statement, every = sys.argv[1], sys.argv[2], float(sys.argv[3])
while True:
    began = time.monotonic()
    try:
        with duckdb.connect(path, read_only=True) as connection:
            seen = connection.execute(statement).fetchall()
        print(json.dumps([(str(day), *counts) for day, *counts in seen]), flush=True)
    except duckdb.IOException as error:
        if "Could not set lock" not in str(error):
            raise
    time.sleep(max(0.0, every - (time.monotonic() - began)))
"""


def statement(table: Table) -> str:
    return (
        "SELECT day, CAST(total_cents AS INTEGER), count(*) "
        f"FROM {table.name} GROUP BY 1, 2 ORDER BY 1, 2"
    )


@asynccontextmanager
async def a_process_that_looks(
    place: Place, table: Table, folder: Path
) -> AsyncIterator[list[Seen]]:
    """What a BI tool does with a DuckDB file: open it to read, ask, close it; if a load has it
    open, a moment later. What it saw is there at the end."""
    seen: list[Seen] = []
    path = str(place.warehouse.path)  # type: ignore[union-attr]
    with (folder / "seen").open("w") as out, (folder / "reader.log").open("w") as log:
        reader = await asyncio.create_subprocess_exec(
            sys.executable, "-c", LOOK, path, statement(table), str(EVERY_SECONDS),
            stdout=out, stderr=log,
        )  # fmt: skip
        try:
            yield seen
        finally:
            with suppress(ProcessLookupError):
                reader.terminate()
            code = await reader.wait()
        assert code == -signal.SIGTERM, (folder / "reader.log").read_text()
        *lines, _ = (folder / "seen").read_text().split("\n")  # the last one may be cut short
        seen += [[tuple(row) for row in json.loads(line)] for line in lines]


@asynccontextmanager
async def a_session_that_looks(
    options: SnowflakeOptions, table: Table
) -> AsyncIterator[list[Seen]]:
    """What a BI tool does with Snowflake: ask, in a session of its own."""
    seen: list[Seen] = []
    ended = asyncio.Event()
    session = Session(options)
    cursor = await asyncio.to_thread(session.cursor)

    def look() -> Seen:
        rows = cursor.execute(statement(table)).fetchall()
        return [(day.isoformat(), int(generation), int(count)) for day, generation, count in rows]

    async def look_on() -> None:
        while not ended.is_set():
            seen.append(await asyncio.to_thread(look))
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), EVERY_SECONDS)

    looking = asyncio.create_task(look_on())
    try:
        yield seen
    finally:
        ended.set()
        await looking
        await asyncio.to_thread(session.drop)


@pytest.fixture
async def replaces(loading: Loading) -> AsyncIterator[Replaces]:
    async def never(key: str, body: bytes) -> None:
        raise AssertionError("nothing is overwritten here")

    async with _network(loading) as (place, network):
        strikes = Strikes()
        yield Replaces(
            loading.place,
            order_table(f"RAW.{loading.event.upper()}"),
            Ground(loading.kind, loading.objects, "RAW", loading.another, never),
            loading.warehouse,
            loading.another(strikes, place),
            strikes,
            network,
            Random(SEED),
        )
        network.heal()


@asynccontextmanager
async def _network(loading: Loading) -> AsyncIterator[tuple[Place, Proxy]]:
    """A way to Snowflake that can be broken; to a file there is none."""
    place = loading.place
    if not isinstance(place.warehouse, SnowflakeOptions):
        yield place, Proxy(0)
        return
    assert place.warehouse.port is not None
    async with Proxy(place.warehouse.port).running() as network:
        there = {"port": network.port, "network_timeout_seconds": 2, "login_timeout_seconds": 5}
        far = place.warehouse.model_copy(update=there)
        yield Place(place.ledger_url, place.objects, far), network


@pytest.mark.timeout(5_400)
async def test_a_reader_sees_each_day_whole_before_or_after_any_faulty_replace(
    loading: Loading, replaces: Replaces, tmp_path: Path
) -> None:
    await replaces.prepare()
    options = loading.place.warehouse
    looks = (
        a_session_that_looks(options, replaces.table)
        if isinstance(options, SnowflakeOptions)
        else a_process_that_looks(loading.place, replaces.table, tmp_path)
    )
    faults = planned(loading.kind, replaces.random)
    async with looks as seen:
        for generation, fault in enumerate(faults, start=1):
            await replaces.one(generation, fault)
    may_be_seen = {json.dumps(whole(generation)): generation for generation in replaces.kept}
    assert [look for look in seen if json.dumps(look) not in may_be_seen] == []
    generations = [may_be_seen[json.dumps(look)] for look in seen]
    assert generations == sorted(generations)
    logger.info(
        "{}: {} replaces, {}; {} came through; a reader looked {} times and saw {} of these",
        loading.kind, len(faults), dict(replaces.struck), len(replaces.kept) - 1,
        len(seen), len(set(generations)),
    )  # fmt: skip
    assert len(set(generations)) > len(faults) / 20
    assert len(replaces.kept) > len(faults) / 5
