"""What one search may read, and how gently."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from app.trace.bounded import PIECE_BYTES, Bounded, Exhausted


class Shelf:
    """An object of so many bytes, in one chunk."""

    def __init__(self, size: int) -> None:
        self.body = bytes(n % 251 for n in range(size))

    async def read(self, key: str) -> AsyncIterator[bytes]:
        yield self.body


async def read(objects: Bounded) -> bytes:
    return b"".join([piece async for piece in objects.read("any")])


async def test_an_object_is_given_whole_in_pieces() -> None:
    shelf = Shelf(5 * PIECE_BYTES + 7)
    pieces = [piece async for piece in Bounded(shelf, 1).read("any")]
    assert b"".join(pieces) == shelf.body
    assert max(map(len, pieces)) == PIECE_BYTES


async def test_a_search_reads_no_more_than_it_may_and_the_next_begins_anew() -> None:
    objects = Bounded(Shelf(1_000_000), 2_500_000)
    for _ in range(2):
        with objects.search():
            await read(objects)
            await read(objects)
            with pytest.raises(Exhausted, match=r"only 2\.5 MB"):
                await read(objects)


async def test_searches_at_once_do_not_share_what_they_may_read() -> None:
    objects = Bounded(Shelf(1_000_000), 1_500_000)

    async def search() -> int:
        with objects.search():
            return len(await read(objects))

    assert await asyncio.gather(*(search() for _ in range(4))) == [1_000_000] * 4


async def test_others_work_while_a_search_goes_on() -> None:
    """Of the time that a search takes it works a quarter: the rest is for events."""
    objects = Bounded(Shelf(20 * PIECE_BYTES), 1 << 30)
    worked = 0.0

    async def search() -> None:
        nonlocal worked
        async for _ in objects.read("any"):
            began = time.thread_time()
            while time.thread_time() - began < 0.003:
                pass
            worked += time.thread_time() - began

    turns = 0
    searching = asyncio.create_task(search())
    while not searching.done():
        await asyncio.sleep(0)
        turns += 1
    await searching
    assert turns > 20 * 10
    assert worked > 0
