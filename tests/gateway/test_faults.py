"""When Kafka, a producer or the gateway itself is not well: no lie, no loss, no standstill."""

import asyncio
import time

import orjson
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from msgspec.structs import replace

from app.core.errors import Fatal
from app.gateway.delivery import Placed, Unplaced
from app.kafka import KafkaOptions
from tests.gateway.orders import (
    PARTITIONS,
    all_records,
    opened,
    order,
    order_type,
    record_at,
    until,
)
from tests.gateway.publishing import publishing

PATH = "/v1/events/order_placed"


async def refused(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return True
    writer.close()
    return False


async def test_too_much_in_flight_is_429_and_nothing_of_it_is_stored(kafka: KafkaOptions) -> None:
    kind = order_type()
    async with opened(kafka, kind, linger_ms=1_500, max_in_flight_bytes=2_000) as client:
        first = asyncio.create_task(client.post(PATH, [order("first")] * 4))
        await until(client.in_flight)
        second = await client.post(PATH, [order("second")] * 4)
        assert (second.status, second.json["error"]) == (429, "too_much_in_flight")
        assert int(second.headers["Retry-After"]) >= 1
        assert (await first).status == 202
        third = await client.post(PATH, [order("third")] * 4)
        assert third.status == 202
    assert {r.key for r in await all_records(kafka, kind.topic)} == {b"first", b"third"}


async def test_leaving_answers_the_requests_inside_and_lets_nobody_in(kafka: KafkaOptions) -> None:
    kind = order_type()
    opening = opened(kafka, kind, linger_ms=1_000)
    client = await opening.__aenter__()
    inside = [asyncio.create_task(client.post(PATH, order(str(n)))) for n in range(20)]
    await until(client.in_flight)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.running.port)
    writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 200 " in await reader.readline()
    leaving = asyncio.create_task(opening.__aexit__(None, None, None))
    await asyncio.sleep(0)
    await until(lambda: refused(client.running.port))
    answers = await asyncio.gather(*inside)
    await leaving
    writer.close()
    assert {answer.status for answer in answers} == {202}
    stored = {orjson.loads(r.value)["event_id"] for r in await all_records(kafka, kind.topic)}
    assert len(stored) == 20


async def test_a_connection_kept_open_is_told_to_go_elsewhere(kafka: KafkaOptions) -> None:
    opening = opened(kafka, order_type(), linger_ms=1_000)
    client = await opening.__aenter__()
    inside = asyncio.create_task(client.post(PATH, order()))
    reader, writer = await asyncio.open_connection("127.0.0.1", client.running.port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"}")
    await until(client.in_flight)
    leaving = asyncio.create_task(opening.__aexit__(None, None, None))
    await asyncio.sleep(0.05)
    writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 503 " in head
    assert b"close" in head.lower()
    assert b"stopping" in await reader.read()
    writer.close()
    assert (await inside).status == 202
    await leaving


async def test_a_topic_with_another_number_of_partitions_ends_the_role_and_says_why(
    kafka: KafkaOptions,
) -> None:
    kind = order_type()
    admin = AIOKafkaAdminClient(**kafka.client())
    await admin.start()
    await admin.create_topics([NewTopic(kind.topic, PARTITIONS + 1, 1)])
    await admin.close()
    async with opened(kafka, kind, ready=False) as client:
        with pytest.raises(Fatal, match=rf"{kind.topic} has 5 partitions, .* wants 4.*version"):
            await asyncio.wait_for(client.running.failed, 30)


async def test_a_producer_with_a_hole_in_its_numbers_is_replaced(kafka: KafkaOptions) -> None:
    async with publishing(kafka) as it:
        (placed,) = await it.publish("A")
        assert isinstance(placed, Placed)
        broken = it.producer
        broken._txn_manager.increment_sequence_number(TopicPartition(it.topic, placed.partition), 3)
        assert await it.publish("A") == [Unplaced.UNKNOWN]
        (again,) = await it.publish("A")
        assert again == replace(placed, offset=1)
        assert it.producer is not broken


async def test_a_producer_whose_sender_died_is_replaced(kafka: KafkaOptions) -> None:
    brief = kafka.model_copy(update={"request_timeout_seconds": 1.0})
    async with publishing(brief, publish_timeout_seconds=0.5) as it:
        await it.publish("A")
        broken = it.producer
        broken._txn_manager._sequence_numbers = None
        assert await it.publish("A") == [Unplaced.UNKNOWN]
        assert broken._sender.sender_task.done()
        await until(lambda: it.replaced(broken))
        (placed,) = await it.publish("A")
        assert isinstance(placed, Placed)


async def test_a_producer_that_never_answers_is_given_up_and_replaced(kafka: KafkaOptions) -> None:
    brief = kafka.model_copy(update={"request_timeout_seconds": 1.0})
    async with publishing(brief, publish_timeout_seconds=0.5) as it:
        await it.publish("A")
        silent = it.producer
        silent._sender.sender_task.cancel()
        assert await it.publish("A") == [Unplaced.UNKNOWN]
        await until(lambda: it.replaced(silent))
        (placed,) = await it.publish("A")
        assert isinstance(placed, Placed)


async def test_partitions_that_are_well_are_served_while_one_is_not(kafka: KafkaOptions) -> None:
    async with publishing(kafka, publish_timeout_seconds=1.0) as it:
        keys = [str(n) for n in range(20)]
        before = await it.publish(*keys)
        sick = before[0]
        assert isinstance(sick, Placed)
        it.hold_up(sick.partition)
        held = 0
        for _ in range(2):
            after = await it.publish(*keys)
            assert held in (0, it.budget.held)  # the second time nothing joins the sick one
            held = it.budget.held
            await until(lambda: time.monotonic() - min(it.publisher._busy()) > 1.0)
            for was, now in zip(before, after, strict=True):
                assert isinstance(was, Placed)
                if was.partition == sick.partition:
                    assert now is Unplaced.UNKNOWN
                else:
                    assert isinstance(now, Placed)
        assert it.publisher.unavailable is None
        it.let_through()
        await until(lambda: not it.publisher._busy())
        assert all(isinstance(place, Placed) for place in await it.publish(*keys))


async def test_what_the_answer_called_unknown_may_be_stored_once(kafka: KafkaOptions) -> None:
    async with publishing(kafka, publish_timeout_seconds=0.3) as it:
        (first,) = await it.publish("A")
        assert isinstance(first, Placed)
        it.hold_up(first.partition)
        assert await it.publish("A") == [Unplaced.UNKNOWN]
        it.let_through()
        await until(lambda: not it.publisher._busy())
        (third,) = await it.publish("A")
        assert third == replace(first, offset=2)
    assert await record_at(kafka, {"topic": it.topic, "partition": first.partition, "offset": 1})
