"""From judged events to acknowledged Kafka records."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from loguru import logger

from app.core.partition import partition_of
from app.gateway.background import Background
from app.gateway.budget import Budget
from app.gateway.delivery import Delivery, Entry, Patience, Placed, Record, Unplaced
from app.gateway.lane import Lane, LaneSetting
from app.gateway.options import GatewayOptions
from app.gateway.producers import Producers
from app.gateway.tick import Tick
from app.health import Readiness
from app.kafka import KafkaOptions, TopicSpec
from app.metrics import GATEWAY_PUBLISH_SECONDS

SILENCE = "kafka acknowledgements"
WATCH_SECONDS = 0.5


class Publisher:
    """Publishes in the order of the calls, per key; knows whether Kafka answers at all."""

    def __init__(
        self,
        options: GatewayOptions,
        kafka: KafkaOptions,
        topics: Mapping[str, TopicSpec],
        budget: Budget,
        readiness: Readiness,
        background: Background,
    ) -> None:
        self._timeout = options.publish_timeout_seconds
        self._budget = budget
        self._readiness = readiness
        self._background = background
        self._producers = Producers(kafka, topics, readiness, background)
        self._patience = Patience(self._timeout)
        self._give_up_seconds = 2 * kafka.request_timeout_seconds
        self._tick = Tick(self._producers, background, options.linger_ms / 1000)
        setting = LaneSetting(
            producers=self._producers,
            tick=self._tick,
            background=background,
            budget=budget,
            acknowledged=self._acknowledged,
        )
        self._lanes = {
            topic: [Lane(topic, partition, setting) for partition in range(spec.partitions)]
            for topic, spec in topics.items()
        }
        self._turn = 0
        self._left_and_acknowledged = time.monotonic()
        readiness.wait_for("kafka", "not tried yet")

    def start(self) -> None:
        """Begin to connect, in the background."""
        self._background.spawn(self._producers.connect())
        self._background.spawn(self._watch())

    @property
    def unavailable(self) -> str | None:
        """Why nothing can be published at the moment, or None."""
        waiting = self._readiness.waiting
        return waiting.get("kafka") or waiting.get(SILENCE)

    async def publish(
        self,
        records: Sequence[Record],
        received_ms: int,
        traceparent: bytes | None = None,
        run: str = "",
    ) -> list[Placed | Unplaced]:
        """Store each record, of this declared run if it is given; its place, by index. What
        Kafka has not acknowledged in `publish_timeout_seconds` is `Unplaced.UNKNOWN` and may be
        stored all the same.

        Raises:
            Overloaded: nothing was published.
        """
        began = time.monotonic()
        sizes: dict[str, int] = {}
        for record in records:
            sizes[record.topic] = sizes.get(record.topic, 0) + record.size
        self._budget.take_each(sizes)
        delivery = Delivery(len(records), received_ms, traceparent, run)
        for index, record in enumerate(records):
            lane = self._lane(record.topic, record.key)
            if self._stuck(lane, began):
                self._budget.give(record.size, record.topic)
                delivery.settle(index, Unplaced.UNKNOWN)
            else:
                lane.add(Entry(delivery, index, record))
        await self._patience.wait(delivery)
        GATEWAY_PUBLISH_SECONDS.observe(time.monotonic() - began)
        return delivery.places

    async def close(self) -> None:
        """Stop the producer; what is still in a lane by now was answered «retry» already."""
        await self._producers.close()
        self._tick.close()

    def _lane(self, topic: str, key: bytes | None) -> Lane:
        lanes = self._lanes[topic]
        if key is None:
            self._turn += 1
            return lanes[self._turn % len(lanes)]
        return lanes[partition_of(key, len(lanes))]

    def _stuck(self, lane: Lane, now: float) -> bool:
        """An event that joined this lane would only wait for its time to run out."""
        return lane.busy_since is not None and now - lane.busy_since > self._timeout

    def _busy(self) -> list[float]:
        return [
            lane.busy_since
            for lanes in self._lanes.values()
            for lane in lanes
            if lane.busy_since is not None
        ]

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            now = time.monotonic()
            for lanes in self._lanes.values():
                for lane in lanes:
                    lane.give_up(now, self._give_up_seconds)
            silent, known = self._silent(), SILENCE in self._readiness.waiting
            if silent and not known:
                why = f"none for {self._timeout:g} s; what is on its way is tried again and again"
                logger.error("Kafka acknowledges nothing: {}", why)
                self._readiness.wait_for(SILENCE, why)
            elif known and not silent:
                logger.info("Kafka is asked again")
                self._readiness.reached(SILENCE)

    def _silent(self) -> bool:
        """A batch has waited too long, and none was acknowledged that left with it or later."""
        oldest = min(self._busy(), default=None)
        if oldest is None or time.monotonic() - oldest < self._timeout:
            return False
        return self._left_and_acknowledged < oldest

    def _acknowledged(self, left: float) -> None:
        self._left_and_acknowledged = max(left, self._left_and_acknowledged)
