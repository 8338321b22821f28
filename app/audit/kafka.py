"""Where Kafka's logs begin and end, without joining a group or reading a record."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import NamedTuple

from app.core.seal import partition_name
from app.kafka import KafkaOptions, kafka_errors
from app.topic_ids import topic_ids


class LogEnds(NamedTuple):
    """First offset still there, the offset that the next record will get, and the topic's id
    (empty: not known).

    Markers of transactions take offsets too, so `end - start` may exceed the number of events.
    """

    start: int
    end: int
    topic_id: str = ""


KafkaLogs = Callable[[Collection[str]], Awaitable[Mapping[str, LogEnds]]]
"""Topics → the log of each of their partitions, by name (`topic/3`); topics that Kafka does not
have are left out."""


def kafka_logs(options: KafkaOptions) -> KafkaLogs:
    """Ask the brokers of `options`.

    Raises (each call): `Transient` when they can not be reached, `Fatal` when they refuse us.
    """

    async def logs(topics: Collection[str]) -> Mapping[str, LogEnds]:
        with kafka_errors(f"asking {options.brokers} where its logs end"):
            return await _ask(options, topics)

    return logs


async def _ask(options: KafkaOptions, topics: Collection[str]) -> dict[str, LogEnds]:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    found = [TopicPartition(*tp) for tp in await _partitions(options, topics)]
    if not found:
        return {}
    ids = await topic_ids(options, {tp.topic for tp in found})
    consumer = AIOKafkaConsumer(**options.client(), group_id=None, enable_auto_commit=False)
    await consumer.start()
    try:
        # Assigning makes the client learn all leaders in one request; paused, it reads nothing.
        consumer.assign(found)
        consumer.pause(*found)
        starts = await consumer.beginning_offsets(found)
        ends = await consumer.end_offsets(found)
    finally:
        await consumer.stop()
    return {
        partition_name(*tp): LogEnds(starts[tp], ends[tp], ids.get(tp.topic, "")) for tp in found
    }


async def _partitions(options: KafkaOptions, topics: Collection[str]) -> list[tuple[str, int]]:
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(**options.client())
    await admin.start()
    try:
        # Asking by name would create the topic on a broker that creates topics by itself.
        described = await admin.describe_topics(None)
    finally:
        await admin.close()
    return sorted(
        (topic["topic"], partition["partition"])
        for topic in described
        if topic["topic"] in topics
        for partition in topic["partitions"]
    )
