"""Events into topics at 6 µs of CPU time each: whole record batches, made here, not `send` by
`send`.

`python -m tests.bench.stream '<job as JSON>'` does it in a process of its own, beside a worker
that reads them.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from aiokafka import AIOKafkaProducer

from app.core.partition import partition_of
from tests.bench.events import USERS, raw

FEW_BYTES, MANY_BYTES = 64 << 10, 16 << 10
"""Of a batch before compression, on few partitions and on many: the latter is what a Java producer
takes if nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Job:
    """The events numbered from 0 to `count` - 1, of `days` days, over topics in turn.

    `topics` have `partitions` each; `seconds` spreads them over a time, 0: as fast as it goes.
    """

    brokers: str
    topics: tuple[str, ...]
    partitions: int
    count: int
    days: int = 1
    batch_bytes: int = FEW_BYTES
    seconds: float = 0.0


class Batches:
    """Open record batches, one for each partition, that are sent when they are full."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer
        self._open: dict[tuple[str, int], Any] = {}

    async def add(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        batch = self._open.get((topic, partition))
        if batch is None or batch.append(key=key, value=value, timestamp=None) is None:
            if batch is not None:
                await self._producer.send_batch(batch, topic, partition=partition)
            batch = self._open[topic, partition] = self._producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)

    async def flush(self) -> None:
        """Send what is open, and wait until Kafka has everything."""
        for (topic, partition), batch in self._open.items():
            await self._producer.send_batch(batch, topic, partition=partition)
        self._open.clear()
        await self._producer.flush()


async def fill(
    client: Mapping[str, Any],
    topics: tuple[str, ...],
    partitions: int,
    numbers: Iterable[int],
    *,
    days: int = 1,
    batch_bytes: int = FEW_BYTES,
) -> None:
    """The events of these numbers, with keys, partitioned as Java does it."""
    keys = [f"user-{user:08}".encode() for user in range(USERS)]
    places = [partition_of(key, partitions) for key in keys]
    options = {"max_batch_size": batch_bytes, "compression_type": "zstd"}
    async with AIOKafkaProducer(**client, **options) as producer:
        batches = Batches(producer)
        for number in numbers:
            user = number % USERS
            topic = topics[number % len(topics)]
            await batches.add(topic, places[user], keys[user], raw(number, days))
        await batches.flush()


async def _sparse(job: Job) -> None:
    """One by one, evenly over the time."""
    pause = job.seconds / job.count
    async with AIOKafkaProducer(bootstrap_servers=job.brokers, linger_ms=5) as producer:
        for number in range(job.count):
            key = f"user-{number % USERS:08}".encode()
            place = partition_of(key, job.partitions)
            topic = job.topics[number % len(job.topics)]
            await producer.send(topic, raw(number, job.days), key=key, partition=place)
            await asyncio.sleep(pause)


async def _main(job: Job) -> None:
    if job.seconds:
        await _sparse(job)
        return
    client = {"bootstrap_servers": job.brokers}
    numbers, batch_bytes = range(job.count), job.batch_bytes
    await fill(client, job.topics, job.partitions, numbers, days=job.days, batch_bytes=batch_bytes)


@asynccontextmanager
async def streaming(job: Job) -> AsyncIterator["asyncio.Task[None]"]:
    """Let the events come while the body runs; the task ends when Kafka has them all.

    Raises:
        RuntimeError: from the task, when the process that sends them ended badly.
    """
    command = [sys.executable, "-m", "tests.bench.stream", json.dumps(asdict(job))]
    process = await asyncio.create_subprocess_exec(*command)

    async def ended() -> None:
        if await process.wait():
            raise RuntimeError(f"the process that sends events ended with {process.returncode}")

    sending = asyncio.create_task(ended())
    try:
        yield sending
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(_main(Job(**given | {"topics": tuple(given["topics"])})))
