"""What our credentials may do in Kafka, asked of the brokers without trying it."""

from collections.abc import Collection
from enum import IntEnum
from typing import Any, NamedTuple

from app.kafka_metadata import Metadata

UNKNOWN = -(2**31)
"""The bit field of a broker that was not asked, or does not know."""


class May(IntEnum):
    """Kafka's `AclOperation`: which bit says that it is allowed."""

    READ = 3
    WRITE = 4
    CREATE = 5
    DESCRIBE = 8


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
    answer = (await admin._send_request(Metadata(None, operations=True))).to_object()
    topics = {}
    for topic in answer["topics"]:
        if partitions := topic["partitions"]:
            replicas = min(len(partition["replicas"]) for partition in partitions)
            in_sync = min(len(partition["isr"]) for partition in partitions)
            operations = topic["authorized_operations"]
            topics[topic["name"]] = Topic(len(partitions), replicas, in_sync, operations)
    return Cluster(len(answer["brokers"]), answer["authorized_operations"], topics)
