"""Answers that are kept for some seconds, so that a page that many look at asks the ledger once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Generic, TypeVar

from app.core.errors import ForebayError

T = TypeVar("T")
MOST = 32


class Answers:
    """By question. Who asks what is being asked already waits for that answer; what failed is
    asked again by the next one. At most `MOST` are kept."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: dict[Hashable, tuple[float, asyncio.Future[Any]]] = {}

    async def of(self, question: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer, `seconds` old at most. Raises what `ask` raises."""
        until, answer = self._kept.get(question, (0.0, None))
        if answer is None or monotonic() > until:
            answer = asyncio.ensure_future(ask())
            self._kept.pop(question, None)
            self._kept[question] = (monotonic() + self._seconds, answer)
            while len(self._kept) > MOST:
                del self._kept[next(iter(self._kept))]
        try:
            found: T = await asyncio.shield(answer)
        except BaseException:
            if answer.done() and self._kept.get(question, (0, None))[1] is answer:
                del self._kept[question]
            raise
        return found


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """What was found out, and when (aware UTC); `trouble` says why it is not newer."""

    found: T | None = None
    at: datetime | None = None
    trouble: str = ""


class Lookout(Generic[T]):
    """Something that takes long to find out: a page shows what is known, and never waits for it."""

    def __init__(self, seconds: float, look: Callable[[], Awaitable[T]]) -> None:
        self._seconds, self._look = seconds, look
        self._task: asyncio.Task[None] | None = None
        self._looked_at = float("-inf")
        self._seen: Seen[T] = Seen()

    def seen(self) -> Seen[T]:
        """What is known. If that is older than `seconds`, it is being found out anew from now."""
        idle = self._task is None or self._task.done()
        if idle and monotonic() - self._looked_at > self._seconds:
            self._task = asyncio.create_task(self._refresh(), name="the console looks")
        return self._seen

    async def _refresh(self) -> None:
        self._looked_at = monotonic()
        try:
            self._seen = Seen(await self._look(), datetime.now(UTC))
        except ForebayError as error:
            self._seen = Seen(self._seen.found, self._seen.at, str(error))
        finally:
            self._looked_at = monotonic()

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
