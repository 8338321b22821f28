"""Read stored NDJSON: gzip unpacked in pieces of bounded size, and cut into lines."""

from collections.abc import AsyncIterator, Iterator
from typing import cast

from isal import isal_zlib

GZIP = 31
GZIP_ERROR = cast("type[Exception]", isal_zlib.error)  # its stub says it is an instance
STEP_BYTES = 256 << 10
MAX_LINE_BYTES = 32 << 20


class Damaged(Exception):
    """What is wrong with an object's content."""


async def stored_lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """The lines of an object as stored, without their newlines, some at a time.

    Raises `Damaged`: it is no gzip, or does not end as it should.
    """
    pending, count = b"", 0
    async for text in inflated(chunks):
        *lines, pending = (pending + text).split(b"\n")
        if lines:
            count += len(lines)
            yield lines
        if len(pending) > MAX_LINE_BYTES:
            raise Damaged(f"row {count + 1} does not end within {MAX_LINE_BYTES} bytes")
    if pending:
        raise Damaged("the last row has no end")


async def inflated(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Unpack gzip of any number of members, in pieces of bounded size. Raises `Damaged`."""
    unpack = _Gunzip()
    async for chunk in chunks:
        for piece in unpack.feed(chunk):
            yield piece
    if not unpack.complete:
        raise Damaged("it ends in the middle")


class _Gunzip:
    def __init__(self) -> None:
        self._member = isal_zlib.decompressobj(GZIP)
        self.complete = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member.eof:
                self._member = isal_zlib.decompressobj(GZIP)
            try:
                piece = self._member.decompress(data, STEP_BYTES)
            except GZIP_ERROR as error:
                raise Damaged(f"it is not gzip: {error}") from error
            rest = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if not piece and len(rest) >= len(data):
                raise Damaged("it is gzip that never ends")
            data = rest
            self.complete = self._member.eof
            yield piece
