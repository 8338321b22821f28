"""Wait for servers that are not there yet, and say so."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from loguru import logger
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from app.core.errors import Transient
from app.health import Readiness

T = TypeVar("T")


async def until_reached(
    what: str, attempt: Callable[[], Awaitable[T]], readiness: Readiness | None = None
) -> T:
    """Call `attempt` until it does not raise `Transient`, with backoff up to 10 s.

    Each failure is a log line and shows in `/readyz` under the name `what`.
    """

    def note(state: RetryCallState) -> None:
        why = str(state.outcome.exception()) if state.outcome else ""
        logger.warning("{} can not be reached, trying again: {}", what, why)
        if readiness is not None:
            readiness.wait_for(what, why)

    retrying = AsyncRetrying(
        retry=retry_if_exception_type(Transient),
        wait=wait_random_exponential(multiplier=0.5, max=10),
        before_sleep=note,
        reraise=True,
    )
    if readiness is not None:
        readiness.wait_for(what, "not tried yet")
    async for turn in retrying:
        with turn:
            result = await attempt()
    if readiness is not None:
        readiness.reached(what)
    return result


async def together(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait for all of these at the same time; if one raises, give up the others and raise that."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
