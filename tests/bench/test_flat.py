"""The courses about memory, in small, on real servers."""

from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.core.partition import partition_of
from tests.bench.curve import thinned
from tests.bench.events import names, raw
from tests.bench.flat import Course, followed_to_its_end, started
from tests.bench.ground import Ground, opened_ground, topic
from tests.bench.model import OURS
from tests.bench.stream import Job, fill, streaming

EVENTS = 5_000


async def read(ground: Ground, event: str, partition: int) -> list[tuple[bytes, bytes]]:
    """Key and value of each record of a partition."""
    place, found = TopicPartition(topic(event), partition), []
    async with AIOKafkaConsumer(bootstrap_servers=ground.kafka.brokers) as consumer:
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        consumer.seek(place, 0)
        while len(found) < end:
            record = await consumer.getone()
            found.append((record.key, record.value))
    return found


async def test_each_event_is_sent_once_to_where_a_java_producer_puts_it_in_batches_or_one_by_one(
    tmp_path: Path,
) -> None:
    async with opened_ground(tmp_path) as ground:
        events = names(2, "batches")
        await ground.topics("batches", events)
        partitions = ground.partitions[events[0]]
        topics = tuple(map(topic, events))
        client = ground.kafka_options.client()
        await fill(client, topics, partitions, range(1_000), batch_bytes=4_096)
        values = []
        for event in events:
            for partition in range(partitions):
                for key, value in await read(ground, event, partition):
                    assert partition_of(key, partitions) == partition
                    assert key in value
                    values.append(value)
        assert sorted(values) == sorted(map(raw, range(1_000)))
        sparse = names(1, "sparse")
        await ground.topics("sparse", sparse)
        job = Job(ground.kafka.brokers, (topic(sparse[0]),), partitions, 20, seconds=0.5)
        async with streaming(job) as sending:
            await sending
        assert await ground.records(sparse) == 20


async def test_a_small_course_has_a_curve(tmp_path: Path) -> None:
    async with opened_ground(tmp_path) as ground:
        course = Course("small", 2, "small", EVENTS, days=3, seal_seconds=1)
        async with started(ground, course) as role:
            curve = thinned(OURS, await followed_to_its_end(ground, course, role), EVENTS // 4)
            assert curve.points[-1].events == EVENTS
            assert curve.peak_mb > 50
