"""What happens to processes and their files."""

import asyncio
import signal
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing

from redis.asyncio import Redis

from app.local.process import ChildProcess
from tests.chaos.kept import Kept
from tests.chaos.world import World

Run = Callable[[World], Awaitable[None]]


def _one(world: World, role: str) -> Kept:
    return world.random.choice(world.alive(role))


def killed(role: str) -> Run:
    """SIGKILL, at any moment of any of them."""

    async def run(world: World) -> None:
        _one(world, role).kill()

    return run


async def wiped(world: World) -> None:
    """A worker is killed, and its next life finds an empty disk."""
    _one(world, "worker").kill(wipe=True)


def stopped(role: str, seconds: float) -> Run:
    """Frozen for so long, then it goes on as if nothing had happened: a zombie."""

    async def run(world: World) -> None:
        kept = _one(world, role)
        kept.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        kept.signal(signal.SIGCONT)

    return run


def restarted(role: str) -> Run:
    """SIGTERM, and up again."""

    async def run(world: World) -> None:
        _one(world, role).signal(signal.SIGTERM)

    return run


async def scaled(world: World) -> None:
    """To one worker, and back."""
    leaving = world.alive("worker")[1:]
    await asyncio.gather(*(kept.drain() for kept in leaving))
    await asyncio.sleep(5)
    for kept in leaving:
        kept.keep()


def bounced(server: str, seconds: float, *, kill: bool) -> Run:
    """A server goes away, and comes back with its data."""

    async def run(world: World) -> None:
        process = _server(world, server)
        if kill:
            process.kill()
        else:
            await process.stop()
        await asyncio.sleep(seconds)
        await process.start()

    return run


def _server(world: World, name: str) -> ChildProcess:
    servers = world.house.servers
    if name == "snowflake":
        return servers.snowflake.process
    process: ChildProcess = getattr(servers, name)
    return process


async def emptied_redis(world: World) -> None:
    """As after a restart without its file: every lock is gone, whoever holds it."""
    async with Redis.from_url(world.house.servers.redis.url) as redis:
        await redis.flushall()


async def locked_sqlite(world: World) -> None:
    """Another process writes to the ledger's file and takes its time."""
    path = world.house.environment["LEDGER__URL"].removeprefix("sqlite:///")
    await asyncio.to_thread(_hold, path, world.random.uniform(2, 8))


def _hold(path: str, seconds: float) -> None:
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        database.execute("ROLLBACK")
