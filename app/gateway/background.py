"""Tasks that belong to the role and not to a request."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")


class Background:
    """Keeps tasks alive, and their errors from being lost.

    `failed` ends with the first error that a task died of.
    """

    def __init__(self) -> None:
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def guarded(self, call: Callable[[T], None]) -> Callable[[T], None]:
        """The same call, for a loop to make: an error in it counts as one of a task."""

        def guarded(given: T) -> None:
            try:
                call(given)
            except Exception as error:
                self._fail(error)

        return guarded

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)

    async def cancel(self) -> None:
        """End every task and wait until it has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not self.failed.done():
            self.failed.cancel()
