"""Wait for something to become true, and make a load wait."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable


async def until(what: Callable[[], bool | Awaitable[bool]], seconds: float = 20.0) -> None:
    """Look again and again until `what` is true."""
    async with asyncio.timeout(seconds):
        while True:
            answer = what()
            if await answer if isawaitable(answer) else answer:
                return
            await asyncio.sleep(0.01)


class Gate:
    """Stops the first load that comes to `point`, until opened."""

    def __init__(self, point: str) -> None:
        self.point = point
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self, point: str) -> None:
        if point == self.point and not self.reached.is_set():
            self.reached.set()
            await self.opened.wait()
