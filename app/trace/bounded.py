"""Objects of which one search reads so much and no more, and lets others work in between."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from app.core.errors import ForebayError
from app.trace.stores import Readable

PIECE_BYTES = 16 << 10
"""Of an object as stored: unpacked and searched in a few milliseconds."""
REST = 3.0
"""Times the CPU time of a piece is slept after it: a search takes a quarter of a core at most."""
LONGEST_REST_SECONDS = 0.25


class Exhausted(ForebayError):
    """A search has read as much as it may. The text says how much."""


@dataclass
class _Left:
    most: int
    bytes: int


_left: ContextVar[_Left | None] = ContextVar("left of a search", default=None)


class Bounded:
    """Reads objects; within `search`, `most_bytes` of them (as stored) at most."""

    def __init__(self, objects: Readable, most_bytes: int) -> None:
        self._objects, self._most = objects, most_bytes

    @contextmanager
    def search(self) -> Iterator[None]:
        """What this task reads inside is one search."""
        token = _left.set(_Left(self._most, self._most))
        try:
            yield
        finally:
            _left.reset(token)

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """Raises `Exhausted` before it would read more than may be read."""
        async for chunk in self._objects.read(key):
            for at in range(0, len(chunk), PIECE_BYTES):
                piece = chunk[at : at + PIECE_BYTES]
                _take(len(piece))
                began = time.thread_time()
                yield piece
                used = time.thread_time() - began
                await asyncio.sleep(min(used * REST, LONGEST_REST_SECONDS))


def _take(size: int) -> None:
    left = _left.get()
    if left is None:
        return
    left.bytes -= size
    if left.bytes < 0:
        raise Exhausted(f"only {left.most / 1e6:g} MB of objects are read for a receipt")
