"""The dedupe table's changelog: what one worker marked, for the next owner of the partition."""

from typing import Any

from aiokafka import AIOKafkaProducer

from app.kafka import KafkaOptions
from app.kafka_errors import kafka_errors
from app.retry import until_reached
from app.worker.lane import Lane
from app.worker.open_seal import PackedMarks

MAX_REQUEST_BYTES = 1 << 20


class Changelog:
    """Appends packed marks, acknowledged by all replicas, to `<app id>-seen-<n>-changelog`."""

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options
        self._producer: Any = None

    async def start(self) -> None:
        # Not idempotent on purpose: a mark twice is the same mark, and aiokafka's idempotent
        # producer dies for good when a batch expires while the broker is away.
        self._producer = AIOKafkaProducer(
            **self._options.client(), acks="all", max_request_size=MAX_REQUEST_BYTES
        )
        with kafka_errors("starting the changelog's producer"):
            await self._producer.start()

    async def append(self, lane: Lane, marks: PackedMarks, first: int) -> int:
        """Returns the offset of the last message, once acknowledged; tries for ever.

        Messages of a lane go one after another: a removed mark must not overtake a new one.
        """
        topic, last = lane.marks.changelog_topic, -1
        for message in marks.messages:

            async def send(packed: bytes = bytes(message)) -> int:
                with kafka_errors(f"writing to {topic}"):
                    answer = await self._producer.send_and_wait(
                        topic,
                        packed,
                        key=f"{lane.tp}@{first}".encode(),
                        partition=lane.partition,
                    )
                return int(answer.offset)

            last = await until_reached(f"kafka topic {topic}", send)
            lane.marks.acknowledged(lane.partition, last)
        return last

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
