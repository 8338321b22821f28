"""What Python can do at best: batches of aiokafka, pydantic, RocksDB, isal's gzip; no changelog.

A crash loses what it has seen and what it has read; one commit, at the end.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from isal import isal_zlib
from pydantic import ValidationError
from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch

from tests.bench.peers.event import Event
from tests.bench.peers.objects import Objects
from tests.bench.peers.settings import (
    BROKERS,
    EVENTS,
    FOLDER,
    GROUP,
    TOPICS,
    stay,
    tell_done,
    tell_read,
    tell_reading,
)  # fmt: skip

SEEN = b"1"


class Staging:
    """Judges, finds duplicates, writes lines."""

    def __init__(self) -> None:
        self.objects, self.events, self.kept = Objects(isal_zlib), 0, 0
        self._seen = Rdict(str(Path(FOLDER) / "seen"), _options())

    def take(self, name: str, values: Sequence[bytes]) -> None:
        """Handle some records of one partition."""
        self.events += len(values)
        good: dict[bytes, bytes] = {}
        for value in values:
            try:
                event = Event.__pydantic_validator__.validate_json(value)
            except ValidationError:
                continue
            good.setdefault(event.event_id.bytes, value)
        ids, batch, lines = list(good), WriteBatch(raw_mode=True), []
        for known, event_id in zip(self._seen.get(ids), ids, strict=True):
            if known is None:
                batch.put(event_id, SEEN)
                lines.append(good[event_id])
        self._seen.write(batch)
        self.kept += len(lines)
        if lines:
            self.objects.write(name, b"\n".join([*lines, b""]))


def _options() -> Options:
    options, blocks = Options(raw_mode=True), BlockBasedOptions()
    blocks.set_bloom_filter(10.0, False)
    blocks.set_block_cache(Cache(16 << 20))
    options.create_if_missing(True)
    options.set_write_buffer_size(8 << 20)
    options.set_max_write_buffer_number(2)
    options.set_block_based_table_factory(blocks)
    return options


async def main() -> None:
    staging = Staging()
    consumer = AIOKafkaConsumer(
        *TOPICS,
        bootstrap_servers=BROKERS,
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_bytes=8 << 20,
        session_timeout_ms=60_000,  # it lets nobody else run while it works
    )
    async with consumer:
        tell_reading()
        while staging.events < EVENTS:
            found = await consumer.getmany(timeout_ms=1_000, max_records=20_000)
            for tp, records in found.items():
                staging.take(f"{tp.topic}-{tp.partition}", [record.value for record in records])
                tell_read(staging.events, staging.events - len(records))
                await asyncio.sleep(0)
        staging.objects.finish()
        await consumer.commit()
        tell_done(staging.events, staging.kept, staging.objects.count)
    stay()


if __name__ == "__main__":
    asyncio.run(main())
