"""One scheduler at a time per table: a lease in Redis, renewed for as long as a load runs.

It only saves work. What keeps an old load out of the table is the fence.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from loguru import logger
from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    LockError,
    NoPermissionError,
    RedisError,
)

from app.core.errors import Fatal, ForebayError, Transient
from app.redis_options import BAD_URL, NAMES
from app.tls import advice

TIMEOUT_SECONDS = 5.0
RENEWALS = 3
"""In the time of one lease."""
REFUSED = (AuthenticationError, AuthorizationError, NoPermissionError)


class LeaseLost(ForebayError):
    """The lease ran out or is someone else's now: leave the work to them."""


class Lease:
    """A held lock."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lost = ""

    def check(self) -> None:
        """Raises `LeaseLost` if the lock is not ours any more."""
        if self.lost:
            raise LeaseLost(f"the lock {self.name} is not ours any more: {self.lost}")


class Locks:
    """Locks in one Redis, each leased for `lease_seconds`."""

    def __init__(
        self, url: str, lease_seconds: float, options: Mapping[str, Any] | None = None
    ) -> None:
        """`options` are further ones of the Redis client, such as those of TLS."""
        if not url:
            raise Fatal("REDIS__URL is not set: redis://host:port/0")
        self._lease_seconds = lease_seconds
        # By default a stalled Redis is given up after half a minute: later than a lease may end.
        timeout = min(TIMEOUT_SECONDS, lease_seconds / RENEWALS)
        try:
            self._redis: Redis = Redis.from_url(
                url,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                retry=Retry(NoBackoff(), 1),
                **(options or {}),
            )
        except ValueError as error:
            raise Fatal(BAD_URL) from error

    async def ping(self) -> None:
        """Answer, or raise `Transient`, or `Fatal` when Redis refuses us."""
        with translated(greeting=True):
            await self._redis.ping()

    async def now(self) -> datetime:
        """Redis' clock. Raises `Transient`."""
        with translated():
            seconds, micros = await self._redis.time()
        return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros)

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[Lease | None]:
        """Take a lock without waiting; None when someone else has it. Raises `Transient`."""
        lock = Lock(self._redis, name, timeout=self._lease_seconds, thread_local=False)
        with translated():
            taken = await lock.acquire(blocking=False)
        if not taken:
            yield None
            return
        lease = Lease(name)
        renewal = asyncio.create_task(self._renew(lock, lease))
        try:
            yield lease
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)
            await _release(lock, lease)

    async def close(self) -> None:
        await self._redis.aclose()

    async def _renew(self, lock: Lock, lease: Lease) -> None:
        clock = asyncio.get_running_loop().time
        ends_at = clock() + self._lease_seconds
        while not lease.lost:
            await asyncio.sleep(self._lease_seconds / RENEWALS)
            asked_at = clock()
            try:
                await lock.extend(self._lease_seconds, replace_ttl=True)
                ends_at = asked_at + self._lease_seconds
            except LockError:
                lease.lost = "Redis forgot it, or gave it to someone else"
            except (RedisError, OSError) as error:
                if clock() >= ends_at:
                    lease.lost = f"Redis can not be reached to renew it: {error}"


async def _release(lock: Lock, lease: Lease) -> None:
    try:
        await lock.release()
    except (RedisError, OSError) as error:
        logger.info("the lock {} was not released and will run out: {}", lease.name, error)


@contextmanager
def translated(*, greeting: bool = False) -> Iterator[None]:
    """Raise `Fatal` where Redis refuses us, else `Transient`. `greeting`: nothing was said yet."""
    try:
        yield
    except REFUSED as error:
        raise Fatal(f"Redis refuses us: {error}: correct REDIS__PASSWORD or REDIS__URL") from error
    except (RedisError, OSError) as error:
        raise Transient(f"Redis: {error}{advice(error, NAMES, greeting=greeting)}") from error
