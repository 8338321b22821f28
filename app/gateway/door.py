"""Who is inside, so that leaving can wait for their answers."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from app.gateway.refusal import Refusal


class Door:
    """Lets requests in until it is shut."""

    def __init__(self, retry_after: int) -> None:
        self._retry_after = retry_after
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()
        self.shut = False

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Be inside for the length of a request. Raises `Refusal` 503 when the door is shut."""
        if self.shut:
            raise Refusal(
                503, "stopping", "this gateway is stopping: send it again", self._retry_after
            )
        self._inside += 1
        self._empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    async def close(self, seconds: float) -> bool:
        """Let nobody in any more; tell whether all were out within `seconds`."""
        self.shut = True
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True
