"""The rows of one day in objects on a real S3, ten million of them in a quarter of a minute.

A block of rows is written out once; each further one is that text with other numbers put in, so
that no row is formatted by itself. Ids are random where those of a producer are, for gzip and for
DuckDB alike.
"""

import json
import random
from collections.abc import Iterator
from uuid import UUID

from app.core.seal import ObjectKind, StoredObject
from sinks.protocol import ObjectStore
from tests.sinks.warehouse_ground import FIRST, order

BLOCK_ROWS = 1_000
COPY_EVERY = 50
"""Every fiftieth row of a block, from the second block on, is a copy of one of the block before."""
THIS, FORMER, COUNTED = "b10cb10c", "cafecafe", 7_770_000
"""What stands in the text for this block's number, the former one's, and this one's in decimals."""


def collapsed(rows: int) -> int:
    """How many copies there are among so many rows."""
    return (rows // BLOCK_ROWS - 1) * (BLOCK_ROWS // COPY_EVERY)


async def store(objects: ObjectStore, rows: int, files: int) -> list[StoredObject]:
    """Write a day's objects, as workers would; the copies lie in other objects, if there are some.

    `rows` are whole blocks for each of the files.
    """
    assert rows % (BLOCK_ROWS * files) == 0, "whole blocks only"
    text, stored = _text(), []
    for number in range(files):
        key = f"order_placed/v1/dt={FIRST}/{number:05}.ndjson.gz"
        writer = objects.writer(key)
        for block in range(number, rows // BLOCK_ROWS, files):
            writer.append(_numbered(text, block))
            await writer.relieve()
        done = await writer.finish()
        size, sha, etag = done.bytes, done.sha256, done.etag
        stored.append(StoredObject(FIRST, ObjectKind.ROWS, key, rows // files, size, sha, etag))
    return stored


def _text() -> bytes:
    chosen = random.Random(1)
    ids = [f"{chosen.getrandbits(96):024x}" for _ in range(BLOCK_ROWS)]
    return b"".join(json.dumps(row).encode() + b"\n" for row in _rows(ids))


def _rows(ids: list[str]) -> Iterator[dict[str, object]]:
    for number, own in enumerate(ids):
        is_copy = number % COPY_EVERY == COPY_EVERY - 1
        event = FORMER + ids[number - 1] if is_copy else THIS + own
        yield order(COUNTED * BLOCK_ROWS + number, event_id=str(UUID(hex=event)))


def _numbered(text: bytes, block: int) -> bytes:
    number = block + 1  # which has no leading zero before a row's three digits
    for old, new in (
        (THIS, f"{number:08x}"),
        (FORMER, f"{number - 1:08x}"),
        (str(COUNTED), str(number)),
    ):
        text = text.replace(old.encode(), new.encode())
    return text
