"""The rows that the warehouse is measured with."""

import gzip
import json
from collections import Counter

from sinks.memory import MemoryObjectStore
from tests.bench import days


async def test_a_quickly_made_day_has_the_rows_and_the_copies_that_are_promised() -> None:
    store, rows = MemoryObjectStore(), 3 * 2 * days.BLOCK_ROWS
    stored = await days.store(store, rows, files=2)
    found = []
    for one in stored:
        body = b"".join([chunk async for chunk in store.read(one.key)])
        of_object = [json.loads(line) for line in gzip.decompress(body).splitlines()]
        assert len(of_object) == one.rows
        found += of_object
    copies = Counter(Counter(row["event_id"] for row in found).values())
    assert len({row["_offset"] for row in found}) == len(found) == rows
    assert copies == {1: rows - 2 * days.collapsed(rows), 2: days.collapsed(rows)}
