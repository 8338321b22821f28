"""What breaks between the gateway and Kafka while events are on their way there."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    NotEnoughReplicasAfterAppendError,
    NotEnoughReplicasError,
    NotLeaderForPartitionError,
    OutOfOrderSequenceNumber,
    RequestTimedOutError,
)

from app.gateway.producers import CLIENT_ID
from tests.faults.steady import all_is_well
from tests.faults.tills import selling
from tests.house.house import House, until
from tests.house.kafka_network import Api, Refuse, Spoil, asks, produce_error
from tests.house.proxy import Action, Cut, LoseAnswer, Stall

pytestmark = pytest.mark.timeout(400)

FAULTS: list[Action] = [
    LoseAnswer(),
    LoseAnswer(after_bytes=6),
    Cut(),
    Cut(after_bytes=100),
    Refuse(NotLeaderForPartitionError),
    Refuse(NotEnoughReplicasError),
    Spoil(produce_error(NotEnoughReplicasAfterAppendError)),
    Spoil(produce_error(RequestTimedOutError)),
]
"""After which the gateway tries again, so that nobody else has to."""

UNKNOWN_END = Spoil(produce_error(OutOfOrderSequenceNumber))
"""After which it must not: what was sent may be stored, and its number is used up."""

IMPATIENT: dict[str, Any] = {
    "GATEWAY__PUBLISH_TIMEOUT_SECONDS": "4",
    "GATEWAY__RETRY_AFTER_SECONDS": "1",
    "KAFKA__REQUEST_TIMEOUT_SECONDS": "2",
}


async def test_no_fault_on_the_way_to_kafka_doubles_loses_or_reorders_what_was_accepted(
    house: House,
) -> None:
    gateway = house.role("gateway", **IMPATIENT)
    await gateway.start()
    async with selling(house, gateway) as tills:
        for action in [*FAULTS * 2, Stall()]:
            await tills.going_on()
            await _produce(house, action, times=2)
        await house.networks.kafka.cut_again_and_again(10)
        await tills.going_on()
        sent_once = sum(times == 1 for times in tills.sent.values())
        assert sent_once > len(tills.told) / 2, "the gateway itself tried again"
        for _ in range(3):
            await tills.going_on()
            await _produce(house, UNKNOWN_END)
        house.servers.kafka.kill()
        await house.servers.kafka.start()
        await tills.going_on()
    await _commit_the_end(house)
    await asyncio.gather(house.role("worker").start(), house.role("scheduler").start())
    await all_is_well(house, tills.load)


async def _produce(house: House, action: Action, times: int = 1) -> None:
    """What happens to the gateway's next requests that carry events."""
    rule = house.networks.kafka.rule(asks(Api.PRODUCE, CLIENT_ID), action, times)

    async def used() -> bool:
        return not rule.left

    await until(used, f"{action} happened", every=0.02)


async def _commit_the_end(house: House) -> None:
    """Have the group's offsets say that a worker has read everything."""
    (kind,) = house.sales
    consumer = AIOKafkaConsumer(
        bootstrap_servers=house.environment["KAFKA__BROKERS"],
        group_id=house.name,
        enable_auto_commit=False,
    )
    async with consumer:
        partitions = [TopicPartition(kind.topic, number) for number in range(2)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        assert min(ends.values()) > 0
        await consumer.commit(ends)
