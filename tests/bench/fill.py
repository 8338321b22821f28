"""Put events where workers read them, as fast as that goes; nothing of it is measured."""

from collections.abc import Iterable

from aiokafka import AIOKafkaProducer

from app.core.partition import partition_of
from app.local.process import ChildProcess
from tests.bench.events import USERS, raw, resent
from tests.bench.ground import Ground, topic
from tests.bench.peers.catalogue import PEERS

BATCH_BYTES = 256 << 10


async def fill_topics(ground: Ground, events: list[str], numbers: Iterable[int]) -> None:
    """The events of these numbers over all topics, with keys, partitioned as Java does it."""
    options = {"linger_ms": 20, "max_batch_size": BATCH_BYTES, "compression_type": "zstd"}
    async with AIOKafkaProducer(**ground.kafka_options.client(), **options) as producer:
        for number in numbers:
            event, key = events[number % len(events)], f"user-{number % USERS:08}".encode()
            partition = partition_of(key, ground.partitions[event])
            await producer.send(topic(event), raw(number), key=key, partition=partition)


async def fill_queue(ground: Ground, queue: str, events: list[str], count: int) -> None:
    """The same events as jobs of BullMQ; all of them stand in Redis afterwards."""
    file = ground.folder / f"{queue}.ndjson"
    file.write_bytes(b"".join(raw(number) + b"\n" for number in resent(count)))
    filler = ChildProcess(
        "fill",
        ["node", "fill.js", str(file)],
        log_file=ground.folder / f"{queue}.log",
        environment=ground.told(queue, events),
        cwd=PEERS["node"].folder,
    )
    await filler.start()
    code, waiting = await filler.wait(), await ground.jobs_waiting(queue)
    file.unlink()
    if code or waiting != count:
        raise RuntimeError(f"of {count} jobs {waiting} stand in Redis: {filler.last_lines()}")
