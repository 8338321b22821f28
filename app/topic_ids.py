"""Ask Kafka for the ids of topics: a topic deleted and created again has another one.

aiokafka 0.14 knows the Metadata API up to version 5; ids came with version 10 (Kafka 2.8).
"""

import uuid
from collections.abc import Collection, Iterable, Mapping
from io import BytesIO
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from app.kafka import KafkaOptions
from app.kafka_errors import kafka_errors

METADATA = 3
VERSION = 10
NO_ID = bytes(16)


class _Uuid(AbstractType):  # type: ignore[misc]  # aiokafka is untyped here
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


_TEXT = CompactString("utf-8")
_PARTITION = Schema(
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline", CompactArray(Int32)),
    ("tags", TaggedFields),
)
_TOPIC = Schema(
    ("error_code", Int16),
    ("name", _TEXT),
    ("topic_id", _Uuid),
    ("is_internal", Boolean),
    ("partitions", CompactArray(_PARTITION)),
    ("authorized_operations", Int32),
    ("tags", TaggedFields),
)
_BROKER = Schema(
    ("node_id", Int32),
    ("host", _TEXT),
    ("port", Int32),
    ("rack", _TEXT),
    ("tags", TaggedFields),
)


class _TopicIdsResponse(Response):  # type: ignore[misc]
    API_KEY = METADATA
    API_VERSION = VERSION
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(_BROKER)),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        ("topics", CompactArray(_TOPIC)),
        ("authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _TopicIdsStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = METADATA
    API_VERSION = VERSION
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _TopicIdsResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(Schema(("id", _Uuid), ("name", _TEXT), ("tags", TaggedFields))),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _TopicIdsRequest(Request[_TopicIdsStruct]):  # type: ignore[misc]
    API_KEY = METADATA

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = [_named(topic) for topic in sorted(topics)]

    def build(self, request_struct_class: type[_TopicIdsStruct]) -> _TopicIdsStruct:
        return request_struct_class(self._topics, False, False, False, {})


def _named(topic: str) -> tuple[bytes, str, dict[int, bytes]]:
    return NO_ID, topic, {}


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
            answer = await client.send(client.get_random_node(), _TopicIdsRequest(topics))
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
