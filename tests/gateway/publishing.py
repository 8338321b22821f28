"""A publisher without HTTP before it, for one topic."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer, TopicPartition

from app.gateway.background import Background
from app.gateway.budget import Budget
from app.gateway.delivery import Placed, Record, Unplaced
from app.gateway.options import GatewayOptions
from app.gateway.publish import Publisher
from app.health import Readiness
from app.kafka import KafkaOptions, TopicSpec
from tests.gateway.orders import PARTITIONS, order_type, until


class Publishing:
    """A publisher for one topic, with its live producer at hand to be broken."""

    def __init__(self, publisher: Publisher, topic: str, budget: Budget) -> None:
        self.publisher = publisher
        self.topic = topic
        self.budget = budget

    @property
    def producer(self) -> AIOKafkaProducer:
        producer = self.publisher._producers._producer
        assert producer is not None
        return producer

    def replaced(self, former: AIOKafkaProducer) -> bool:
        ready = self.publisher.unavailable is None
        return ready and self.publisher._producers._producer not in (None, former)

    def hold_up(self, partition: int) -> None:
        """Let the producer send nothing to one partition, as if its leader were slow."""
        self.producer._sender._muted_partitions.add(TopicPartition(self.topic, partition))

    def let_through(self) -> None:
        self.producer._sender._muted_partitions.clear()
        accumulator = self.producer._message_accumulator
        accumulator._wakeup(accumulator.waiter())

    def in_accumulator(self) -> dict[TopicPartition, int]:
        """How many batches wait in the producer, by partition; empty ones are left out."""
        return {tp: len(them) for tp, them in self.producer._message_accumulator._batches.items()}

    async def publish(self, *keys: str) -> list[Placed | Unplaced]:
        records = [Record(self.topic, key.encode(), key.encode()) for key in keys]
        return await self.publisher.publish(records, 1_700_000_000_000)


@asynccontextmanager
async def publishing(kafka: KafkaOptions, **options: float) -> AsyncIterator[Publishing]:
    topic = order_type().topic
    background, budget = Background(), Budget(1 << 20)
    publisher = Publisher(
        GatewayOptions(**options),
        kafka,
        {topic: TopicSpec(PARTITIONS)},
        budget,
        Readiness(),
        background,
    )
    publisher.start()
    await until(lambda: publisher.unavailable is None)
    yield Publishing(publisher, topic, budget)
    assert not background.failed.done()
    await publisher.close()
    await background.cancel()
    assert budget.held == 0
