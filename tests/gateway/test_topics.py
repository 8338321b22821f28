"""Topics are made as their contracts want them, by whoever comes first."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from loguru import logger

from app.core.errors import Fatal, Transient
from app.kafka import KafkaOptions, TopicSpec, ensure_topics


async def described(kafka: KafkaOptions, topic: str) -> tuple[int, str]:
    """Partitions and retention.ms of a topic."""
    admin = AIOKafkaAdminClient(**kafka.client())
    await admin.start()
    try:
        (found,) = await admin.describe_topics([topic])
        (answer,) = await admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": None})]
        )
    finally:
        await admin.close()
    ((_, _, _, _, ((_, retention, *_),)),) = answer.resources
    return len(found["partitions"]), retention


async def test_many_processes_may_make_the_same_topics_at_once(
    kafka: KafkaOptions, unique: str
) -> None:
    topics = {f"{unique}.{n}": TopicSpec(n, {"retention.ms": "7200000"}) for n in (1, 3, 6)}
    await asyncio.gather(*(ensure_topics(kafka, topics) for _ in range(8)))
    await ensure_topics(kafka, topics)
    for name, spec in topics.items():
        assert await described(kafka, name) == (spec.partitions, "7200000")


async def test_however_many_topics_are_made_it_is_told_in_one_line(
    kafka: KafkaOptions, unique: str
) -> None:
    said: list[str] = []
    sink = logger.add(said.append, level="INFO", format="{message}")
    try:
        for _ in range(2):
            await ensure_topics(kafka, {f"{unique}.{n}": TopicSpec(1) for n in range(3)})
    finally:
        logger.remove(sink)
    assert said == ["created 3 topics\n"]


async def test_every_topic_with_other_partitions_is_named_in_one_message(
    kafka: KafkaOptions, unique: str
) -> None:
    await ensure_topics(kafka, {f"{unique}.a": TopicSpec(2), f"{unique}.b": TopicSpec(3)})
    wanted = {f"{unique}.{name}": TopicSpec(6) for name in "abc"}
    with pytest.raises(Fatal) as error:
        await ensure_topics(kafka, wanted)
    assert f"topic {unique}.a has 2 partitions, its contract wants 6" in str(error.value)
    assert f"topic {unique}.b has 3 partitions, its contract wants 6" in str(error.value)
    await ensure_topics(kafka, {f"{unique}.c": TopicSpec(1)})  # so it was not made with 6


async def test_a_setting_that_kafka_does_not_know_is_fatal(
    kafka: KafkaOptions, unique: str
) -> None:
    with pytest.raises(Fatal, match=unique):
        await ensure_topics(kafka, {unique: TopicSpec(1, {"retention.eons": "3"})})


async def test_more_replicas_than_brokers_may_work_later(kafka: KafkaOptions, unique: str) -> None:
    options = kafka.model_copy(update={"replication_factor": 99})
    with pytest.raises(Transient, match=unique):
        await ensure_topics(options, {unique: TopicSpec(1)})


async def test_no_kafka_may_be_there_later(nowhere: KafkaOptions) -> None:
    with pytest.raises(Transient):
        await ensure_topics(nowhere, {"any": TopicSpec(1)})
