"""Where the logs begin and end, asked of a real Kafka."""

import socket

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from app.audit import LogEnds, kafka_logs
from app.core.errors import Transient
from app.kafka import KafkaOptions, TopicSpec, ensure_topics
from app.topic_ids import topic_ids
from tests.gateway.orders import until


async def test_beginnings_and_ends_of_all_partitions_are_told(kafka: str, unique: str) -> None:
    options = KafkaOptions(brokers=kafka)
    orders, pages = f"events.orders_{unique}.v1", f"events.pages_{unique}.v1"
    await ensure_topics(options, {orders: TopicSpec(3), pages: TopicSpec(1)})
    async with AIOKafkaProducer(**options.client()) as producer:
        for _ in range(5):
            await producer.send_and_wait(orders, b"{}", partition=1)
    admin = AIOKafkaAdminClient(**options.client())
    await admin.start()
    await admin.delete_records({TopicPartition(orders, 1): RecordsToDelete(2)})
    await admin.close()
    ids = await topic_ids(options, [orders, pages])
    assert await kafka_logs(options)([orders, pages, f"events.missing_{unique}.v1"]) == {
        f"{orders}/0": LogEnds(0, 0, ids[orders]),
        f"{orders}/1": LogEnds(2, 5, ids[orders]),
        f"{orders}/2": LogEnds(0, 0, ids[orders]),
        f"{pages}/0": LogEnds(0, 0, ids[pages]),
    }


async def test_every_versions_topic_of_an_event_is_told_and_no_other(
    kafka: str, unique: str
) -> None:
    options = KafkaOptions(brokers=kafka)
    first, later = f"events.orders_{unique}.v1", f"events.orders_{unique}.v12"
    others = [f"{first}.copy", f"events.orders_{unique}_paid.v1", f"events.x_orders_{unique}.v1"]
    await ensure_topics(options, {name: TopicSpec(1) for name in (first, later, *others)})
    found = await kafka_logs(options)([others[1]], [f"orders_{unique}"])
    assert found.keys() == {f"{first}/0", f"{later}/0", f"{others[1]}/0"}


async def test_the_marker_of_a_transaction_takes_an_offset(kafka: str, unique: str) -> None:
    options = KafkaOptions(brokers=kafka)
    topic = f"events.marked_{unique}.v1"
    await ensure_topics(options, {topic: TopicSpec(1)})
    async with (
        AIOKafkaProducer(**options.client(), transactional_id=unique) as producer,
        producer.transaction(),
    ):
        await producer.send_and_wait(topic, b"{}", partition=0)
    logs = kafka_logs(options)

    async def marked() -> bool:
        return (await logs([topic]))[f"{topic}/0"].end == 2

    await until(marked)  # the coordinator writes it a moment after it has answered the commit


async def test_asking_for_a_topic_does_not_create_it(kafka: str, unique: str) -> None:
    logs = kafka_logs(KafkaOptions(brokers=kafka))
    assert await logs([unique]) == {}
    assert await logs([unique]) == {}


async def test_a_kafka_that_does_not_answer_may_do_so_later() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = KafkaOptions(brokers=f"127.0.0.1:{port}", request_timeout_seconds=2)
    with pytest.raises(Transient, match="where its logs end"):
        await kafka_logs(options)(["events.x.v1"])
