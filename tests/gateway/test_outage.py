"""Kafka goes away and comes back, with a broker of our own to kill."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from app.kafka import KafkaOptions
from app.local.kafka import LocalKafka
from tests.gateway.orders import Client, all_records, opened, order, order_type, until

PATH = "/v1/events/order_placed"


@pytest.fixture
async def own_kafka(tmp_path: Path) -> AsyncIterator[LocalKafka]:
    """A broker that this test may kill; not yet started."""
    broker = LocalKafka(tmp_path / "kafka", log_file=tmp_path / "kafka.log")
    yield broker
    broker.kill()


def options(broker: LocalKafka, patience: float = 3) -> KafkaOptions:
    return KafkaOptions(brokers=broker.brokers, request_timeout_seconds=patience)


async def accepted(client: Client, order_id: str) -> str | None:
    """Send one event; its id if it was accepted, None if it is to be sent again."""
    event = order(order_id)
    answer = await client.post(PATH, event)
    assert answer.status in (202, 503), answer.body
    if answer.status == 503:
        assert int(answer.headers["Retry-After"]) >= 1
        return None
    return str(event["event_id"])


# A patient client keeps its batches until Kafka is back; an impatient one gives up its producer.
@pytest.mark.parametrize("patience", [2, 60])
async def test_kafka_may_start_later_and_may_die_and_nothing_accepted_is_lost(
    own_kafka: LocalKafka, patience: float
) -> None:
    kafka = options(own_kafka, patience)
    kind = order_type()
    kept: list[str] = []
    async with opened(kafka, kind, ready=False, publish_timeout_seconds=1) as client:

        async def send() -> bool:
            ids = await asyncio.gather(*(accepted(client, str(n)) for n in range(8)))
            kept.extend(filter(None, ids))
            return None not in ids

        assert not await send()
        await own_kafka.start()
        await until(send)

        own_kafka.kill()
        answer = await client.post(PATH, [order("A"), order("A")])
        assert (answer.status, answer.statuses) == (503, ["retry", "retry"])
        await client.until_status("/readyz", 503, 20)
        assert (await client.get("/livez")).status == 200
        refused = await client.post(PATH, order("A"))
        assert (refused.status, refused.json["error"]) == (503, "kafka_unavailable")
        assert (await client.post("/v1/validate/order_placed", order("A"))).status == 200

        await own_kafka.start()
        await client.until_ready()
        await until(send)
    records = await all_records(kafka, kind.topic)
    stored = [orjson.loads(record.value)["event_id"] for record in records]
    assert set(kept) <= set(stored)
    assert len(stored) == len(set(stored))


async def test_leaving_while_kafka_is_away_answers_and_ends(
    own_kafka: LocalKafka,
) -> None:
    await own_kafka.start()
    async with opened(options(own_kafka), order_type(), publish_timeout_seconds=1) as client:
        own_kafka.kill()
        inside = asyncio.create_task(client.post(PATH, order()))
        await until(client.in_flight)
    assert (await inside).status == 503
