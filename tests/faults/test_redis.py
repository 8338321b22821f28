"""Redis is away, forgets, or is not reached in time: loads wait, and what keeps a day whole is the
fence, not the lock."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app.local.redis import LocalRedis
from tests.faults.loading import Loading
from tests.house.proxy import Cut, Proxy
from tests.scheduler.running import running, waited_for
from tests.scheduler.waiting import errors, heard, until
from tests.scheduler.world import MONDAY, TUESDAY
from tests.sinks.warehouse_ground import Strikes

TAKEN_OVER = "another scheduler took over"
only_duckdb = pytest.mark.parametrize("place", ["duckdb"], indirect=True)


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[LocalRedis]:
    """A Redis of the test's own, to be emptied and killed."""
    server = LocalRedis(tmp_path / "redis", log_file=tmp_path / "redis.log")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def network(redis: LocalRedis) -> AsyncIterator[Proxy]:
    """The way of one scheduler to Redis."""
    async with Proxy(redis.port).running() as proxy:
        yield proxy
        proxy.heal()


@pytest.fixture
def lines() -> Iterator[list[str]]:
    with heard() as found:
        yield found


def through(network: Proxy) -> str:
    return f"redis://127.0.0.1:{network.port}/0"


@pytest.mark.parametrize("how", ["killed", "cut off", "stalled"])
@only_duckdb
async def test_loads_wait_while_redis_is_away_and_go_on_when_it_is_back(
    loading: Loading,
    redis: LocalRedis,
    network: Proxy,
    tmp_path: Path,
    lines: list[str],
    how: str,
) -> None:
    async with running(loading, through(network), tmp_path, lock_seconds=1.5) as started:

        async def waits_for(*what: str) -> bool:
            assert not failed.done()
            return await waited_for(started) == set(what)

        failed = asyncio.ensure_future(started.failed)
        await until(lambda: waits_for())
        if how == "killed":
            redis.kill()
        elif how == "cut off":
            network.take_down()
        else:
            network.stalled = True
        await loading.seal({MONDAY: ["a"]})
        await until(lambda: waits_for("redis"))
        assert await loading.ids() == []
        await redis.start()
        network.heal()
        await until(lambda: waits_for())
        await until(lambda: is_clean(loading))
        failed.cancel()
    assert await loading.ids() == ["a"]
    assert errors(lines) == []
    await loading.assert_agreed()


async def is_clean(loading: Loading) -> bool:
    return not await loading.dirty()


class Pause:
    """Holds up the first load that comes to `point`, in its thread, until it is over."""

    def __init__(self, point: str) -> None:
        self.strikes = Strikes()
        self.strikes.at[point] = self._wait
        self.begun, self.over = asyncio.Event(), asyncio.Event()

    async def _wait(self) -> None:
        self.begun.set()
        await self.over.wait()


async def lose_memory(redis: LocalRedis, network: Proxy) -> None:
    redis.kill()
    shutil.rmtree(redis.data_dir)
    await redis.start()


async def outlive_the_lease(redis: LocalRedis, network: Proxy) -> None:
    network.take_down()
    async with Redis.from_url(redis.url) as client:

        async def expired() -> bool:
            return not await client.keys("*:load:*")

        await until(expired)


BY_FENCE, UNDONE = "has loaded with fence", "the session has ended"


@pytest.mark.parametrize(
    ("place", "lose", "point", "says"),
    [
        ("duckdb", lose_memory, "staged", BY_FENCE),
        ("duckdb", outlive_the_lease, "staged", BY_FENCE),
        ("snowflake", lose_memory, "staged", BY_FENCE),
        ("snowflake", outlive_the_lease, "deleted", UNDONE),  # its transaction made way
    ],
    ids=[
        "duckdb: Redis restarted empty",
        "duckdb: the lock expired",
        "snowflake: Redis restarted empty",
        "snowflake: the lock expired in a transaction",
    ],
    indirect=["place"],
)
async def test_a_lock_lost_under_a_running_load_lets_a_newer_one_in_and_its_days_stay(
    loading: Loading,
    redis: LocalRedis,
    network: Proxy,
    tmp_path: Path,
    lines: list[str],
    lose: Callable[[LocalRedis, Proxy], Awaitable[None]],
    point: str,
    says: str,
) -> None:
    await loading.seal({MONDAY: ["a"], TUESDAY: ["b"]})
    await loading.load()
    await loading.seal({MONDAY: ["c"], TUESDAY: ["d"]})
    pause = Pause(point)
    slow = loading.another(pause.strikes)
    async with running(loading, through(network), tmp_path, warehouse=slow, lock_seconds=1):
        await pause.begun.wait()
        await lose(redis, network)
        await loading.seal({MONDAY: ["e"]})
        other = loading.another()
        async with running(loading, redis.url, tmp_path, warehouse=other, name="two"):
            await until(lambda: is_clean(loading))
            newer = await loading.warehouse.loaded(loading.table, [MONDAY, TUESDAY])
            network.heal()
            pause.over.set()
            await until(lambda: any(says in line for line in lines))
    assert len({load.run for load in newer.values()}) == 1
    assert await loading.warehouse.loaded(loading.table, [MONDAY, TUESDAY]) == newer
    assert await loading.ids(day=MONDAY) == ["a", "c", "e"]
    assert await loading.ids(day=TUESDAY) == ["b", "d"]
    assert errors(lines) == []
    await loading.assert_agreed()


HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"


@asynccontextmanager
async def held(file: Path) -> AsyncIterator[None]:
    """Another process has the warehouse's file open, so that a load has to wait."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, str(file), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    try:
        yield
    finally:
        await process.communicate(b"\n")


@only_duckdb
async def test_a_renewal_that_failed_is_made_again_while_the_lease_lasts(
    loading: Loading, redis: LocalRedis, network: Proxy, tmp_path: Path, lines: list[str]
) -> None:
    await loading.seal({MONDAY: ["a"]})
    await loading.load()
    async with (
        running(loading, through(network), tmp_path, lock_seconds=6),
        Redis.from_url(redis.url) as client,
    ):
        async with held(tmp_path / "warehouse.duckdb"):
            await loading.seal({MONDAY: ["b"]})
            lock = await lock_of(client)
            failing = network.rule(lambda chunk: b"EVAL" in chunk, Cut(), times=2)

            async def renewed_after_all() -> bool:
                return not failing.left and await client.pttl(lock) > 5_000

            await until(renewed_after_all)
        await until(lambda: is_clean(loading))
    assert await loading.ids() == ["a", "b"]
    assert lines == []


async def lock_of(client: "Redis") -> bytes:
    """The name of the lock, as soon as a load has taken it."""
    found: list[bytes] = []

    async def taken() -> bool:
        found[:] = await client.keys("*:load:*")
        return bool(found)

    await until(taken)
    return found[0]


@only_duckdb
async def test_a_load_whose_lease_was_lost_before_it_touched_the_warehouse_leaves_it_to_others(
    loading: Loading, redis: LocalRedis, tmp_path: Path, lines: list[str]
) -> None:
    await loading.seal({MONDAY: ["a"]})
    await loading.load()
    strikes = Strikes()
    mine = loading.another(strikes)
    async with (
        running(loading, redis.url, tmp_path, warehouse=mine, lock_seconds=1),
        Redis.from_url(redis.url) as client,
    ):
        async with held(tmp_path / "warehouse.duckdb"):
            await loading.seal({MONDAY: ["b"]})
            lock = await lock_of(client)
            await client.set(lock, "somebody else")
            await asyncio.sleep(1)  # of which one renewal is a third
        await until(lambda: any(TAKEN_OVER in line for line in lines))
        assert strikes.seen == []
        assert await client.get(lock) == b"somebody else"
        assert await loading.ids() == ["a"]
        await client.delete(lock)
        await until(lambda: is_clean(loading))
    assert await loading.ids() == ["a", "b"]
    await loading.assert_agreed()
