"""Walks that hold one page in memory and nothing open at the store between pages."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol, TypeVar


class _Entry(Protocol):
    @property
    def id(self) -> str: ...


E = TypeVar("E", bound=_Entry)


async def by_id(page: Callable[[str], Awaitable[Sequence[E]]]) -> AsyncIterator[E]:
    """Walk entries by ascending id; `page` answers those beyond the id it is given."""
    last = ""
    while entries := await page(last):
        for entry in entries:
            yield entry
        last = entries[-1].id


async def newest_first(page: Callable[[str | None], Awaitable[Sequence[E]]]) -> AsyncIterator[E]:
    """Walk entries by descending id; `page` answers those before the id it is given."""
    last: str | None = None
    while entries := await page(last):
        for entry in entries:
            yield entry
        last = entries[-1].id
