"""How much each source may send: events and bytes a second, counted in Redis for all gateways.

A request is let in while its source has credit, and pays afterwards, when it is known how many
events it had; credit may fall below nothing, and no batch is too large for a limit. Credit comes in
blocks of a tenth of a second's worth, which Redis (the library `limits`) gives out ten of a second.
So Redis is asked a few times a second for each source that is sending, by a task beside the
requests, and not once per request; a request waits for it only where its source has used up all.

Without Redis, or while it does not answer, each gateway counts for itself. Then the limit is as
many times higher as there are gateways. To refuse instead would make of a lost Redis, which loses
nothing else, an outage of the front door.
"""

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any, Literal, get_args

from loguru import logger

from app.gateway.background import Background
from app.gateway.keys import Source
from app.gateway.options import GatewayOptions
from app.gateway.refusal import Refusal
from app.logs import REQUEST
from app.metrics import GATEWAY_LIMITED, GATEWAY_LIMITS_ALONE
from app.redis_options import BAD_URL, NAMES, RedisOptions
from app.tls import advice

if TYPE_CHECKING:  # imported when a limit is set: the Redis client alone takes 10 MB
    pass

What = Literal["events", "bytes"]

BLOCKS = 10
"""A second's worth is given out in so many."""

PATIENCE_SECONDS = 0.25
"""For Redis to answer."""

ALONE_SECONDS = 5.0
"""Redis is left alone for so long when it did not answer."""


class Counts:
    """Where blocks are counted: in Redis; by ourselves while it is away."""

    def __init__(self, redis: RedisOptions) -> None:
        from limits import RateLimitItemPerSecond
        from limits.aio.storage import MemoryStorage, RedisStorage
        from limits.aio.strategies import FixedWindowRateLimiter
        from limits.errors import ConfigurationError
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        self._each_second = RateLimitItemPerSecond(BLOCKS, namespace="forebay")
        self._alone = FixedWindowRateLimiter(MemoryStorage())
        self._alone_until = 0.0
        self._shared: FixedWindowRateLimiter | None = None
        if not redis.url:
            logger.warning("REDIS__URL is not set: limits count for each gateway alone")
            return
        options: dict[str, Any] = {
            "socket_timeout": PATIENCE_SECONDS,
            "socket_connect_timeout": PATIENCE_SECONDS,
            "retry": Retry(NoBackoff(), 0),
            **redis.client(),
        }
        try:
            storage = RedisStorage(
                f"async+{redis.url}", implementation="redispy", wrap_exceptions=True, **options
            )
        except (ValueError, ConfigurationError):
            logger.error("limits count for each gateway alone: {}", BAD_URL)
        else:
            self._shared = FixedWindowRateLimiter(storage)

    async def block(self, source: str, what: What) -> bool:
        """Take one of this second's blocks; False: there is none left."""
        from limits.errors import StorageError

        if self._shared is not None and time.monotonic() >= self._alone_until:
            try:
                return await self._shared.hit(self._each_second, source, what)
            except (StorageError, OSError, TimeoutError) as error:
                self._alone_until = time.monotonic() + ALONE_SECONDS
                GATEWAY_LIMITS_ALONE.inc()
                cause = getattr(error, "storage_error", error)
                logger.warning(
                    "Redis gives no answer, limits count for this gateway alone: {}{}",
                    cause,
                    advice(cause, NAMES),
                )
        return await self._alone.hit(self._each_second, source, what)


class Allowance:
    """What one source may still send of one thing."""

    def __init__(self, source: str, what: What, counts: Counts, background: Background) -> None:
        self.per_second = 0.0
        self._source = source
        self._what: What = what
        self._counts = counts
        self._background = background
        self._credit: float | None = None
        self._used_up = False
        self._filling = False
        self._asked = asyncio.Event()

    def allow(self, per_second: float) -> None:
        """Set the limit; a new one gives a block at once."""
        if per_second != self.per_second:
            self.per_second = per_second
            self._credit = per_second / BLOCKS

    @property
    def empty(self) -> bool:
        return self._credit is not None and self._credit <= 0

    @property
    def seconds_to_wait(self) -> int:
        """How long until there is credit; 0: there is, or Redis was not asked yet."""
        if not (self.empty and self._used_up):
            return 0
        assert self._credit is not None
        return max(1, math.ceil(-self._credit / self.per_second))

    async def asked(self) -> None:
        """Wait until there is credit, or there is none to be had now."""
        while self.empty and not self._used_up:
            self._fill_up()
            self._asked.clear()
            await self._asked.wait()

    def pay(self, number: int) -> None:
        assert self._credit is not None
        self._credit -= number
        self._fill_up()

    def _fill_up(self) -> None:
        if not self._filling and self._credit is not None and self._credit < self._block:
            self._filling = True
            self._background.spawn(self._fill())

    @property
    def _block(self) -> float:
        return self.per_second / BLOCKS

    async def _fill(self) -> None:
        """Take blocks until there is one in store, however long that takes after a large batch."""
        REQUEST.set(None)  # it is not about the request that began it
        try:
            while self._credit is not None and self._credit < self._block:
                if await self._counts.block(self._source, self._what):
                    self._credit += self._block
                    self._used_up = False
                    self._asked.set()
                else:
                    self._used_up = True
                    self._asked.set()
                    await asyncio.sleep(1 / BLOCKS)
        finally:
            self._filling = self._used_up = False
            self._asked.set()


class Limits:
    """The allowances of all sources, made when a source first sends."""

    def __init__(
        self, options: GatewayOptions, redis: RedisOptions, background: Background
    ) -> None:
        """Raises `Fatal`: the URL or a certificate for Redis can not be used."""
        redis.client()  # to learn it now, and not when the first source sends
        self._events_per_second = options.events_per_second
        self._bytes_per_second = options.bytes_per_second
        self._redis = redis
        self._background = background
        self._counts: Counts | None = None
        self._by_source: dict[str, tuple[Source, dict[What, Allowance]]] = {}
        for what in get_args(What):  # a first refusal shows as a rise only if there was a 0 before
            GATEWAY_LIMITED.labels(what)

    def refusal(self, source: Source) -> Refusal | None:
        """What to answer a source that has used up what it may send; None: let it in."""
        for what, allowance in self._allowances(source).items():
            if seconds := allowance.seconds_to_wait:
                GATEWAY_LIMITED.labels(what).inc()
                return Refusal(
                    429,
                    "rate_limited",
                    f"nothing was taken: source {source.name} may send "
                    f"{allowance.per_second:g} {what} a second; send it again later",
                    seconds,
                )
        return None

    async def admit(self, source: Source) -> None:
        """Raises `Refusal` 429 with the seconds to wait."""
        for allowance in self._allowances(source).values():
            if allowance.empty:
                await allowance.asked()
        if (refusal := self.refusal(source)) is not None:
            raise refusal

    def pay(self, source: Source, events: int, bytes: int) -> None:
        """Take off what a request had. One that is refused later for another reason pays too: it
        was read, and that is what there is little of."""
        for what, allowance in self._allowances(source).items():
            allowance.pay(events if what == "events" else bytes)

    def _allowances(self, source: Source) -> dict[What, Allowance]:
        known, found = self._by_source.get(source.name, (None, {}))
        if known is not source:  # the first time, or the file has changed
            found = self._made(source, found)
            self._by_source[source.name] = source, found
        return found

    def _made(self, source: Source, before: dict[What, Allowance]) -> dict[What, Allowance]:
        wanted: dict[What, float | None] = {
            "events": source.events_per_second or self._events_per_second,
            "bytes": source.bytes_per_second or self._bytes_per_second,
        }
        made: dict[What, Allowance] = {}
        for what, per_second in wanted.items():
            if per_second is None:
                continue
            if self._counts is None:
                self._counts = Counts(self._redis)
            made[what] = before.get(what) or Allowance(
                source.name, what, self._counts, self._background
            )
            made[what].allow(per_second)
        return made
