"""Where Kafka's logs begin and end, without joining a group or reading a record."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from app.core.seal import partition_name
from app.core.versions import event_of
from app.kafka import KafkaOptions
from app.kafka_errors import kafka_errors, started
from app.topic_ids import topic_ids


class LogEnds(NamedTuple):
    """First offset still there, the offset that the next record will get, and the topic's id
    (empty: not known).

    Markers of transactions take offsets too, so `end - start` may exceed the number of events.
    """

    start: int
    end: int
    topic_id: str = ""


class KafkaLogs(Protocol):
    """Something that knows where Kafka's logs begin and end."""

    async def __call__(
        self, topics: Collection[str], events: Collection[str] = ()
    ) -> Mapping[str, LogEnds]:
        """The log of each partition, by name (`topic/3`), of these topics and of every version's
        topic of these events. Topics that Kafka does not have are left out."""


def kafka_logs(options: KafkaOptions) -> KafkaLogs:
    """Ask the brokers of `options`.

    Raises (each call): `Transient` when they can not be reached, `Fatal` when they refuse us.
    """

    async def logs(topics: Collection[str], events: Collection[str] = ()) -> Mapping[str, LogEnds]:
        with kafka_errors(f"asking {options.brokers} where its logs end"):
            return await _ask(options, topics, events)

    return logs


async def _ask(
    options: KafkaOptions, topics: Collection[str], events: Collection[str]
) -> dict[str, LogEnds]:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    found = [TopicPartition(*tp) for tp in await _partitions(options, topics, events)]
    if not found:
        return {}
    ids = await topic_ids(options, {tp.topic for tp in found})
    consumer = AIOKafkaConsumer(**options.client(), group_id=None, enable_auto_commit=False)
    try:
        await consumer.start()
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


async def _partitions(
    options: KafkaOptions, topics: Collection[str], events: Collection[str]
) -> list[tuple[str, int]]:
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(**options.client())
    try:
        await started(admin, options)
        # Asking by name would create the topic on a broker that creates topics by itself.
        described = await admin.describe_topics(None)
    finally:
        await admin.close()
    return sorted(
        (topic["topic"], partition["partition"])
        for topic in described
        if topic["topic"] in topics or event_of(topic["topic"]) in events
        for partition in topic["partitions"]
    )
