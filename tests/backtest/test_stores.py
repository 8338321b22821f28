"""Recorded traffic from a real Kafka, and from dead letters in a bucket."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from aiokafka import AIOKafkaProducer

from app.backtest.stores import from_dead_letters, from_kafka
from app.backtest.trial import Recorded
from app.core.headers import RECEIVED_AT
from app.core.seal import DayCounts, ObjectKind, Range, Seal, StoredObject
from app.kafka import KafkaOptions, TopicSpec, ensure_topics
from app.kafka_logs import kafka_logs
from app.ledger.protocol import ChainStart
from tests.audit.world import DAY1, empty_world
from tests.worker.world import until

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SEALED = datetime(2026, 3, 2, tzinfo=UTC)
OLD, NEW = 1_700_000_000_000, 1_700_000_600_000


async def produce(kafka: str, topic: str, sent: list[tuple[int, int, bytes]], **more: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, **more)
    await producer.start()
    try:
        if more:
            await producer.begin_transaction()
        for partition, at, raw in sent:
            headers = [(RECEIVED_AT, str(at + 1).encode())] if raw == b"gateway" else []
            await producer.send_and_wait(
                topic, raw, partition=partition, timestamp_ms=at, headers=headers
            )
        if more:
            await producer.commit_transaction()
    finally:
        await producer.stop()


async def read(kafka: str, topic: str, since: int) -> list[Recorded]:
    at = EPOCH + timedelta(milliseconds=since)
    found = from_kafka(KafkaOptions(brokers=kafka), {topic: "sale", "events.none.v1": "none"}, at)
    return sorted([one async for one in found], key=lambda one: one.place)


async def test_kafkas_records_since_a_moment_are_read_as_they_were_sent(
    kafka: str, unique: str
) -> None:
    topic = f"events.{unique}.v1"
    await ensure_topics(KafkaOptions(brokers=kafka), {topic: TopicSpec(2)})
    await produce(
        kafka, topic, [(0, OLD, b"old"), (0, NEW, b"new"), (0, NEW, b"gateway"), (1, OLD, b"old")]
    )
    place = f"{topic}/0@"
    assert await read(kafka, topic, NEW) == [
        Recorded("sale", b"new", EPOCH + timedelta(milliseconds=NEW), place + "1"),
        Recorded("sale", b"gateway", EPOCH + timedelta(milliseconds=NEW + 1), place + "2"),
    ]
    assert len(await read(kafka, topic, OLD)) == 4
    assert await read(kafka, topic, NEW + 1) == []


async def test_a_log_that_ends_in_a_marker_ends(kafka: str, unique: str) -> None:
    topic = f"events.{unique}.v1"
    await ensure_topics(KafkaOptions(brokers=kafka), {topic: TopicSpec(1)})
    await produce(kafka, topic, [(0, NEW, b"one"), (0, NEW, b"two")], transactional_id=unique)

    async def marked() -> bool:
        """The marker comes after the answer."""
        logs = await kafka_logs(KafkaOptions(brokers=kafka))([topic])
        return logs[f"{topic}/0"].end == 3

    await until("the transaction's marker", marked)
    assert [one.raw for one in await read(kafka, topic, NEW)] == [b"one", b"two"]


async def test_the_dead_letters_of_recent_seals_are_read_as_they_were_sent(
    tmp_path: Path,
) -> None:
    letter = {
        "event": "sale",
        "topic": "events.sale.v1",
        "partition": 0,
        "offset": 7,
        "received_at": "2026-03-01T12:00:00.000Z",
        "value": b64encode(b'{"number": -1}').decode(),
    }
    async with empty_world(tmp_path) as world:
        writer = world.objects.writer("dead.gz")
        writer.append(orjson.dumps(letter) + b"\n")
        done = await writer.finish()
        dead = StoredObject(DAY1, ObjectKind.DEAD, "dead.gz", 1, done.bytes, done.sha256, done.etag)
        seal = Seal(
            "01JB", "sale", 1, "worker", SEALED, "sha", (Range("events.sale.v1/0", 7, 8, 1),),
            (dead,), {DAY1: DayCounts(dead=1)}, {"schema": 1},
        )  # fmt: skip
        await world.ledger.start_chains([ChainStart("sale", "events.sale.v1/0", 7, "")])
        await world.ledger.record(seal)

        async def read_since(since: datetime) -> list[Recorded]:
            return [one async for one in from_dead_letters(world.ledger, world.objects, since)]

        (found,) = await read_since(SEALED)
        assert found == Recorded(
            "sale", b'{"number": -1}', datetime(2026, 3, 1, 12, tzinfo=UTC), "events.sale.v1/0@7"
        )
        assert await read_since(SEALED + timedelta(seconds=1)) == []
