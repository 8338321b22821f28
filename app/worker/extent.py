"""Where Kafka's partitions begin and end, and which topic it is that has them."""

from collections.abc import Collection, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.kafka import KafkaOptions
from app.kafka_errors import kafka_errors
from app.topic_ids import TopicIds

Place = tuple[str, int]
"""Topic and partition number; Faust's TP is one."""


class Extent:
    """Asks on connections of its own: on the reading one, a question waits behind a long poll.

    Every method raises `Transient` when Kafka can not be reached.
    """

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options
        self._consumer: Any = None
        self._assigned: set[Place] = set()
        self._topic_ids = TopicIds(options)

    async def start(self) -> None:
        await self._topic_ids.start()
        self._consumer = AIOKafkaConsumer(
            **self._options.client(), enable_auto_commit=False, isolation_level="read_committed"
        )
        with kafka_errors("connecting"):
            await self._consumer.start()

    async def stop(self) -> None:
        await self._topic_ids.close()
        if self._consumer is not None:
            await self._consumer.stop()

    async def starts(self, places: Collection[Place]) -> Mapping[Place, int]:
        """The first offset that is still there."""
        self._learn_leaders(places)
        with kafka_errors("asking where partitions begin"):
            return _by_place(await self._consumer.beginning_offsets(_tps(places)))

    async def ends(self, places: Collection[Place]) -> Mapping[Place, int]:
        """The offset after the last committed record."""
        self._learn_leaders(places)
        with kafka_errors("asking where partitions end"):
            return _by_place(await self._consumer.end_offsets(_tps(places)))

    async def topic_ids(self, topics: Collection[str]) -> Mapping[str, str]:
        """The id of each topic; those that do not exist are left out."""
        return await self._topic_ids.of(topics)

    def _learn_leaders(self, places: Collection[Place]) -> None:
        """Assigned, all topics are learnt in one request; left alone, aiokafka makes one for each,
        one after another (60 topics: 0.5 s of CPU time). Paused, none of them is read."""
        new = set(places) - self._assigned
        if new:
            self._assigned |= new
            self._consumer.assign(_tps(self._assigned))
            self._consumer.pause(*_tps(self._assigned))


def _tps(places: Collection[Place]) -> list[TopicPartition]:
    return [TopicPartition(*place) for place in places]


def _by_place(offsets: Mapping[Any, int]) -> dict[Place, int]:
    return {(tp.topic, tp.partition): offset for tp, offset in offsets.items()}
