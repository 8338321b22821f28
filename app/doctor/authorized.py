"""What our credentials may do in Kafka, asked of the brokers without trying it.

Brokers say so since version 2.3, in answer to Metadata version 8 (KIP-430); aiokafka 0.14 asks in
version 5. The layout of version 8 is Kafka's: `MetadataRequest.json`, `MetadataResponse.json`.
"""

from collections.abc import Collection
from enum import IntEnum
from typing import Any, NamedTuple

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

TEXT = String("utf-8")
UNKNOWN = -(2**31)
"""The bit field of a broker that was not asked, or does not know."""


class May(IntEnum):
    """Kafka's `AclOperation`: which bit says that it is allowed."""

    READ = 3
    WRITE = 4
    CREATE = 5
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10


class _Answer(Response):  # type: ignore[misc]
    API_KEY, API_VERSION = 3, 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", TEXT), ("port", Int32), ("rack", TEXT))),
        ("cluster_id", TEXT),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", TEXT),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("operations", Int32),
            ),
        ),
        ("operations", Int32),
    )


class _Question(RequestStruct):  # type: ignore[misc]
    API_KEY, API_VERSION = 3, 8
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("topics", Array(TEXT)),
        ("allow_auto_topic_creation", Boolean),
        ("of_cluster", Boolean),
        ("of_topics", Boolean),
    )


class _Metadata(Request[_Question]):  # type: ignore[misc]
    API_KEY = 3
    _CLASSES = (_Question,)

    def build(self, request_struct_class: type[_Question]) -> _Question:
        # All topics: to name those that are not there might create them.
        return request_struct_class(None, False, True, True)


class Topic(NamedTuple):
    """`replicas` and `in_sync` are of the partition that has fewest; `may` is a bit field."""

    partitions: int
    replicas: int
    in_sync: int
    may: int

    def lacks(self, wanted: Collection[May]) -> list[May]:
        return lacking(self.may, wanted)


class Cluster(NamedTuple):
    """What a cluster looks like from here; topics that we may not describe are not in it."""

    brokers: int
    may: int
    topics: dict[str, Topic]


def lacking(bits: int, wanted: Collection[May]) -> list[May]:
    """Of `wanted`, what these bits do not allow; nothing where the broker does not know."""
    return [] if bits == UNKNOWN else [may for may in wanted if not bits >> may & 1]


async def look(admin: Any) -> Cluster:
    """Ask a started `AIOKafkaAdminClient`. Raises what aiokafka raises."""
    answer = await admin._send_request(_Metadata())
    topics = {}
    for _, name, _, partitions, operations in answer.topics:
        if partitions:
            replicas = min(len(p[4]) for p in partitions)
            in_sync = min(len(p[5]) for p in partitions)
            topics[name] = Topic(len(partitions), replicas, in_sync, operations)
    return Cluster(len(answer.brokers), answer.operations, topics)
