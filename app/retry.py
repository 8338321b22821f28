"""What is tried again, how often and how fast, and the wait for servers that are not there yet."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from loguru import logger
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential
from tenacity.wait import wait_base

from app.core.errors import (
    Fatal,
    Fenced,
    FilteredError,
    ForebayError,
    RejectedError,
    Transient,
)
from app.health import Readiness

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Policy:
    """What is done about an error: `again` after a random pause of up to `first_seconds`, doubled
    each time up to `most_seconds` (exponential backoff with full jitter), or never."""

    again: bool
    why: str
    first_seconds: float = 0.0
    most_seconds: float = 0.0

    @property
    def wait(self) -> wait_base:
        return wait_random_exponential(multiplier=self.first_seconds, max=self.most_seconds)


POLICIES: Mapping[type[ForebayError], Policy] = {
    Transient: Policy(True, "the world is wrong for now", 1.0, 30.0),
    Fatal: Policy(False, "it stays wrong until somebody changes something"),
    Fenced: Policy(False, "another owner has it; trying again would be against him"),
    RejectedError: Policy(False, "the same event gets the same verdict"),
    FilteredError: Policy(False, "the same event gets the same verdict"),
}
"""By class of `app.core.errors`; the nearest class of an error decides."""
NEVER = Policy(False, "nobody knows what it is: a bug stays one")
WAITING = Policy(True, "a role has nothing else to do than to wait for its servers", 0.5, 10.0)


def policy_of(error: BaseException) -> Policy:
    """What is done about this error; what no class is said of is never tried again."""
    for kind in type(error).__mro__:
        if kind in POLICIES:
            return POLICIES[kind]
    return NEVER


def may_pass(error: BaseException) -> bool:
    """Whether trying the same again may help."""
    return policy_of(error).again


def warn_of_a_try(state: RetryCallState) -> None:
    """Say that a try failed and when the next one is; for tenacity's `before_sleep`."""
    error = state.outcome.exception() if state.outcome else None
    pause = state.next_action.sleep if state.next_action else 0.0
    logger.warning("try {} failed, again in {:.1f} s: {}", state.attempt_number, pause, error)


async def until_reached(
    what: str,
    attempt: Callable[[], Awaitable[T]],
    readiness: Readiness | None = None,
    *,
    ready: bool = False,
) -> T:
    """Call `attempt` until it does not raise `Transient`, with backoff up to 10 s.

    Each failure is a log line and shows in `/readyz` under the name `what`: as what the role waits
    for, or, of one that is `ready` all the same, as a trouble.
    """

    def note(state: RetryCallState) -> None:
        why = str(state.outcome.exception()) if state.outcome else ""
        logger.warning("{} can not be reached, trying again: {}", what, why)
        if readiness is not None:
            (readiness.note if ready else readiness.wait_for)(what, why)

    retrying = AsyncRetrying(
        retry=retry_if_exception(may_pass),
        wait=WAITING.wait,
        before_sleep=note,
        reraise=True,
    )
    if readiness is not None and not ready:
        readiness.wait_for(what, "not tried yet")
    async for turn in retrying:
        with turn:
            result = await attempt()
    if readiness is not None:
        (readiness.mended if ready else readiness.reached)(what)
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
