"""Put events where workers read them, as fast as that goes; nothing of it is measured."""

from collections.abc import Iterable

from app.local.process import ChildProcess
from tests.bench.events import raw, resent
from tests.bench.ground import Ground, topic
from tests.bench.peers.catalogue import PEERS
from tests.bench.stream import FEW_BYTES, MANY_BYTES, fill

MANY = 100
"""Partitions."""


async def fill_topics(ground: Ground, events: list[str], numbers: Iterable[int]) -> None:
    """The events of these numbers over all topics, with keys, partitioned as Java does it."""
    topics, partitions = tuple(map(topic, events)), ground.partitions[events[0]]
    size = FEW_BYTES if len(topics) * partitions < MANY else MANY_BYTES
    client = ground.kafka_options.client()
    await fill(client, topics, partitions, numbers, batch_bytes=size)


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
