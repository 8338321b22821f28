"""Kafka's Metadata API in version 10, for what aiokafka 0.14 does not ask: it stops at version 5.

Version 8 tells what our credentials may do (KIP-430), version 10 (Kafka 2.8) the ids of topics
(KIP-516). The layout is that of Kafka's `MetadataRequest.json` and `MetadataResponse.json`.
"""

from collections.abc import Collection
from io import BytesIO

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


class _Answer(Response):  # type: ignore[misc]
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


class _Question(RequestStruct):  # type: ignore[misc]
    API_KEY = METADATA
    API_VERSION = VERSION
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Answer
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


class Metadata(Request[_Question]):  # type: ignore[misc]
    """Ask for these topics, or for all; with `operations` also what our credentials may do.

    Naming a topic that does not exist does not create it.
    """

    API_KEY = METADATA

    def __init__(self, topics: Collection[str] | None, *, operations: bool = False) -> None:
        self._topics = None if topics is None else [_named(topic) for topic in sorted(topics)]
        self._operations = operations

    def build(self, request_struct_class: type[_Question]) -> _Question:
        of = self._operations
        return request_struct_class(self._topics, False, of, of, {})


def _named(topic: str) -> tuple[bytes, str, dict[int, bytes]]:
    return NO_ID, topic, {}
