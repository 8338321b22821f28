"""Ask Kafka for the ids of topics: a topic deleted and created again has another one."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code

from app.kafka import KafkaOptions
from app.kafka_errors import kafka_errors
from app.kafka_metadata import Metadata


class TopicIds:
    """Asks again and again on one connection."""

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options
        self._client: AIOKafkaClient | None = None

    async def start(self) -> None:
        """Raises `Transient` when Kafka can not be reached; may be tried again."""
        client = AIOKafkaClient(**self._options.client())
        with kafka_errors("asking for topic ids"):
            try:
                await client.bootstrap()
            except BaseException:
                await client.close()
                raise
        self._client = client

    async def of(self, topics: Collection[str]) -> Mapping[str, str]:
        """Find the id of each topic; topics that do not exist are left out.

        Raises:
            Transient: Kafka can not be reached.
            Fatal: the broker is older than 2.8, or we may not describe a topic.
        """
        if not topics:
            return {}
        client = self._client
        assert client is not None, "not started"
        with kafka_errors("asking for topic ids"):
            answer = await client.send(client.get_random_node(), Metadata(topics))
            return _ids(answer.to_object()["topics"])

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None


async def topic_ids(options: KafkaOptions, topics: Collection[str]) -> Mapping[str, str]:
    """Ask once, as `TopicIds.of` does."""
    asking = TopicIds(options)
    await asking.start()
    try:
        return await asking.of(topics)
    finally:
        await asking.close()


def _ids(described: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    ids: dict[str, str] = {}
    for topic in described:
        error = for_code(topic["error_code"])
        if error.__name__ == "UnknownTopicOrPartitionError":
            continue
        if topic["error_code"]:
            raise error(topic["name"])
        ids[topic["name"]] = str(uuid.UUID(bytes=topic["topic_id"]))
    return ids
