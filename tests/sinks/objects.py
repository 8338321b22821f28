"""Content to store, and short ways to store and see it."""

import random
from base64 import b64encode

from sinks.protocol import ObjectStore

MiB = 1 << 20
KEY = "order_placed/v1/dt=2026-03-01/01JB.ndjson.gz"


def lines(total_bytes: int, seed: int = 7) -> list[bytes]:
    """Make lines of 64 KB that do not compress well; together they have about `total_bytes`."""
    chance = random.Random(seed)
    one = 64 << 10
    return [b64encode(chance.randbytes(one * 3 // 4)) + b"\n" for _ in range(total_bytes // one)]


async def stored(store: ObjectStore, key: str) -> bytes:
    return b"".join([chunk async for chunk in store.read(key)])


async def keys(store: ObjectStore, prefix: str) -> list[str]:
    return [found.key async for found in store.list(prefix)]


async def put(store: ObjectStore, key: str, content: bytes = b"{}\n") -> None:
    writer = store.writer(key)
    writer.append(content)
    await writer.finish()
