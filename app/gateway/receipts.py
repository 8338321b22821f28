"""`GET /v1/events/{type}/{key}`: where is my event?

A receipt is a courtesy: it may cost the events nothing. So a few at a time are looked up, a few
more may wait, each has its time, and who looks (`Ask`) reads little and pauses often.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import orjson
from aiohttp import web
from loguru import logger

from app.core.errors import Fatal, ForebayError, Transient
from app.gateway.door import Door
from app.gateway.options import GatewayOptions
from app.gateway.refusal import Refusal

AT_ONCE = 2
MOST_WAITING = 8

Ask = Callable[[str, Sequence[str]], Awaitable[tuple[bool, Mapping[str, Any]]]]
"""Told a type and the words of a key, `NAME=VALUE` or one value, it answers whether the event was
found, and the receipt. Raises `BadKey`, `Transient` or `Fatal`."""


class BadKey(ForebayError):
    """These words are no key of this type, which has these `columns`."""

    def __init__(self, why: str, columns: Sequence[str]) -> None:
        super().__init__(why)
        self.columns = columns


def receipt_routes(
    options: GatewayOptions, kinds: Collection[str], ask: Ask | None, door: Door
) -> list[web.RouteDef]:
    """The route, whether or not there is somebody to ask."""
    return [web.get("/v1/events/{type}/{key}", _Receipts(options, kinds, ask, door).get)]


class _Receipts:
    def __init__(
        self, options: GatewayOptions, kinds: Collection[str], ask: Ask | None, door: Door
    ) -> None:
        self._options, self._kinds, self._ask, self._door = options, kinds, ask, door
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._inside = 0

    async def get(self, request: web.Request) -> web.Response:
        """One receipt: 200 when the event was found, 404 when not, with where it was searched."""
        type, again = request.match_info["type"], self._options.retry_after_seconds
        if type not in self._kinds:
            raise Refusal(404, "unknown_event", "there is no event of this type; /docs lists them")
        if self._ask is None:
            raise Refusal(
                503, "receipts_off",
                "this gateway gives no receipts: set GATEWAY__RECEIPTS=true, with the LEDGER__…, "
                "S3__… and warehouse settings of the scheduler; `forebay trace` needs no gateway",
            )  # fmt: skip
        # The door is not held: stopping waits for events that are inside, not for this.
        if self._door.shut:
            raise Refusal(503, "stopping", "this gateway is stopping: ask again", again)
        if self._inside >= AT_ONCE + MOST_WAITING:
            raise Refusal(429, "too_many_receipts", "too many are asked for at once", again)
        self._inside += 1
        try:
            async with self._slots:
                found, receipt = await self._asked(self._ask, type, words_of(request.raw_path))
        finally:
            self._inside -= 1
        return web.Response(
            status=200 if found else 404,
            body=orjson.dumps(receipt),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    async def _asked(
        self, ask: Ask, type: str, words: Sequence[str]
    ) -> tuple[bool, Mapping[str, Any]]:
        try:
            async with asyncio.timeout(self._options.receipt_timeout_seconds):
                return await ask(type, words)
        except BadKey as error:
            way = f"/v1/events/{type}/" + "&".join(f"{name}=…" for name in error.columns)
            raise Refusal(400, "bad_key", f"{error}; ask for {way}") from error
        except TimeoutError:
            raise Refusal(
                504, "receipt_timeout",
                f"not found within {self._options.receipt_timeout_seconds:g} s, the limit of this "
                "search: `forebay trace` has none",
            ) from None  # fmt: skip
        except Transient as error:
            logger.warning("a receipt could not be given: {}", error)
            raise Refusal(
                503, "receipts_unavailable",
                "ledger, objects or warehouse can not be reached: ask again later",
                self._options.retry_after_seconds,
            ) from error  # fmt: skip
        except Fatal as error:
            logger.error("a receipt could not be given: {}", error)
            raise Refusal(
                503, "receipts_refused", "ledger, objects or warehouse refuse this gateway: see "
                "its log",
            ) from error  # fmt: skip


def words_of(raw_path: str) -> list[str]:
    """The key in the path, as sent: `VALUE`, or `NAME=VALUE&NAME=VALUE` with each part encoded on
    its own, so that a value may hold any character."""
    segment = raw_path.partition("?")[0].rpartition("/")[2]
    return [unquote(word) for word in segment.split("&") if word]
