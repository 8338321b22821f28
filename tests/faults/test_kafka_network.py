"""The network in front of Kafka, tried with Kafka's own protocol, and what Kafka has in the end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    KafkaConnectionError,
    NotEnoughReplicasAfterAppendError,
    NotLeaderForPartitionError,
)
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from app.kafka import KafkaOptions, TopicSpec, ensure_topics
from tests.faults.tills import stored
from tests.house.house import House
from tests.house.kafka_network import Api, Refuse, Spoil, asks, produce_error
from tests.house.proxy import Cut, LoseAnswer


class Talk:
    """One client of one broker, on one connection."""

    def __init__(self, client: AIOKafkaClient, topic: str) -> None:
        self._client, self.topic = client, topic

    async def produce(self, value: bytes) -> int:
        """Send a record to partition 0; the error code of the answer."""
        batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 16)
        batch.append(0, None, b"k", value, [])
        topics = [(self.topic, [(0, bytes(batch.build()))])]
        answer = await self._ask(
            ProduceRequest(required_acks=-1, timeout=5000, topics=topics, transactional_id=None)
        )
        ((_, ((_, code, *_),)),) = answer.topics
        return int(code)

    async def poll(self, max_wait_ms: int) -> Any:
        """Ask for what comes next in partition 1, where nothing comes."""
        topics = [(self.topic, [(1, 0, 1 << 16)])]
        return await self._ask(FetchRequest(max_wait_ms, 1, 1 << 20, 0, topics))

    async def _ask(self, request: Any) -> Any:
        (node,) = [broker.nodeId for broker in self._client.cluster.brokers()]
        return await self._client.send(node, request)


@pytest.fixture
async def talk(house: House) -> AsyncIterator[Talk]:
    brokers = house.environment["KAFKA__BROKERS"]
    topic = house.sales[0].topic
    await ensure_topics(KafkaOptions(brokers=brokers), {topic: TopicSpec(2)})
    client = AIOKafkaClient(bootstrap_servers=brokers, request_timeout_ms=5000)
    await client.bootstrap()
    yield Talk(client, topic)
    await client.close()


async def log(house: House) -> list[int]:
    (kind,) = house.sales
    records = await stored(house.environment["KAFKA__BROKERS"], kind)
    return [event["number"] for event in records.values()]


async def test_what_is_refused_never_arrives(house: House, talk: Talk) -> None:
    house.networks.kafka.rule(asks(Api.PRODUCE, talk.topic), Refuse(NotLeaderForPartitionError))
    assert await talk.produce(b'{"number": 1}') == NotLeaderForPartitionError.errno
    assert await talk.produce(b'{"number": 2}') == 0
    assert await log(house) == [2]


async def test_what_is_spoilt_has_arrived(house: House, talk: Talk) -> None:
    error = Spoil(produce_error(NotEnoughReplicasAfterAppendError))
    house.networks.kafka.rule(asks(Api.PRODUCE, talk.topic), error)
    assert await talk.produce(b'{"number": 1}') == NotEnoughReplicasAfterAppendError.errno
    assert await talk.produce(b'{"number": 2}') == 0
    assert await log(house) == [1, 2]


async def test_a_request_is_met_while_another_waits_on_the_same_connection(
    house: House, talk: Talk
) -> None:
    lost = house.networks.kafka.rule(asks(Api.PRODUCE, talk.topic), LoseAnswer())
    polling = asyncio.create_task(talk.poll(300))
    await asyncio.sleep(0.1)
    with pytest.raises(KafkaConnectionError):
        await talk.produce(b'{"number": 1}')
    assert (await polling).topics  # asked before, and so answered before
    assert lost.hits == 1
    assert await log(house) == [1]


async def test_a_request_that_is_cut_in_its_middle_is_not_obeyed(house: House, talk: Talk) -> None:
    house.networks.kafka.rule(asks(Api.PRODUCE, talk.topic), Cut(after_bytes=100))
    with pytest.raises(KafkaConnectionError):
        await talk.produce(b'{"number": 1}')
    assert await log(house) == []
