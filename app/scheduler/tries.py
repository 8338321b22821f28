"""How a scheduler tries its work again: as `app.retry` says, until it is told to stop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from app.core.errors import Transient
from app.retry import POLICIES, may_pass, warn_of_a_try

T = TypeVar("T")


class Tries:
    """Up to `attempts` of each work; `stopping` ends the pause between two, and the trying."""

    def __init__(self, attempts: int, stopping: asyncio.Event) -> None:
        self._is_enough, self._stopping = stop_after_attempt(attempts), stopping

    async def of(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Raises what the last try raised."""
        retrying = AsyncRetrying(
            retry=retry_if_exception(may_pass),
            stop=self._gives_up,
            wait=POLICIES[Transient].wait,
            sleep=self._pause,
            before_sleep=warn_of_a_try,
            reraise=True,
        )

        async def once() -> T:  # a plain function that returns a coroutine would not be awaited
            return await attempt()

        done: T = await retrying(once)
        return done

    def _gives_up(self, state: RetryCallState) -> bool:
        return self._stopping.is_set() or self._is_enough(state)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
