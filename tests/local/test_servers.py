"""Each server answers, survives a kill with its data, and says why when it can not start."""

from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.asyncio import Redis

from app.core.errors import Fatal
from app.local.kafka import LocalKafka
from app.local.redis import LocalRedis
from app.local.s3 import LocalS3
from sinks.s3.options import S3Options


async def test_a_topic_and_its_records_survive_a_kill_of_kafka(tmp_path: Path) -> None:
    kafka = LocalKafka(tmp_path / "kafka", log_file=tmp_path / "kafka.log")
    await kafka.start()
    try:
        await produce(kafka.brokers, "orders", b"before")
        kafka.kill()
        await kafka.start()
        assert await first_record(kafka.brokers, "orders") == b"before"
        await kafka.stop()
        await kafka.start()
        assert await first_record(kafka.brokers, "orders") == b"before"
    finally:
        kafka.kill()


async def test_objects_survive_a_kill_of_s3(tmp_path: Path) -> None:
    server = LocalS3(tmp_path / "s3", log_file=tmp_path / "s3.log", bucket="orders")
    await server.start()
    try:
        for body in (b"first", b"second"):
            async with server.client() as s3:
                await s3.put_object(Bucket="orders", Key=body.decode(), Body=body)
            server.kill()
            await server.start()
        async with server.client() as s3:
            listed = await s3.list_objects_v2(Bucket="orders")
            assert [found["Key"] for found in listed["Contents"]] == ["first", "second"]
            for body in (b"first", b"second"):
                answer = await s3.get_object(Bucket="orders", Key=body.decode())
                assert await answer["Body"].read() == body
    finally:
        server.kill()


async def test_keys_survive_a_kill_of_redis(tmp_path: Path) -> None:
    server = LocalRedis(tmp_path / "redis", log_file=tmp_path / "redis.log")
    await server.start()
    try:
        async with Redis.from_url(server.url) as client:
            await client.set("lock", "mine")
            await client.execute_command("WAITAOF", 1, 0, 2000)
        server.kill()
        await server.start()
        async with Redis.from_url(server.url) as client:
            assert await client.get("lock") == b"mine"
    finally:
        server.kill()


async def test_a_port_that_is_taken_is_in_the_message(tmp_path: Path) -> None:
    first = LocalRedis(tmp_path / "first", log_file=tmp_path / "first.log")
    second = LocalRedis(tmp_path / "second", log_file=tmp_path / "second.log", port=first.port)
    second.ready = never
    await first.start()
    try:
        with pytest.raises(Fatal, match=f"(?s)redis ended at its start.*{first.port}.*in use"):
            await second.start()
    finally:
        first.kill()


async def never() -> bool:
    return False


@pytest.fixture
async def topic(kafka: str, unique: str) -> str:
    await produce(kafka, unique, b"hello")
    return unique


async def test_the_fixtures_give_servers_that_answer(
    kafka: str, topic: str, s3: S3Options, redis_url: str
) -> None:
    assert await first_record(kafka, topic) == b"hello"
    assert s3.bucket.startswith("test-")
    async with Redis.from_url(redis_url) as client:
        assert await client.ping()


async def produce(brokers: str, topic: str, value: bytes) -> None:
    """Make a topic with one record."""
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=brokers, enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, value)


async def first_record(brokers: str, topic: str) -> bytes | None:
    async with AIOKafkaConsumer(bootstrap_servers=brokers, enable_auto_commit=False) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.seek_to_beginning()
        record = await consumer.getone()
        value: bytes | None = record.value
        return value
