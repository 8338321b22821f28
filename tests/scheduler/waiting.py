"""Wait for something to become true, make a load wait, and hear what is logged meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from inspect import isawaitable

from loguru import logger


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


@contextmanager
def heard(level: str = "WARNING") -> Iterator[list[str]]:
    """Forebay's own log lines of `level` and above, as «LEVEL message», while this is open.

    What a library says depends on where a test runs: Snowflake's warns of any proxy.
    """
    lines: list[str] = []
    sink = logger.add(
        lambda m: lines.append(f"{m.record['level'].name} {m.record['message']}"),
        level=level,
        filter=lambda record: "logger" not in record["extra"],
    )
    try:
        yield lines
    finally:
        logger.remove(sink)


def errors(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if line.startswith("ERROR")]
