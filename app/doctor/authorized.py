"""What our credentials may do in Kafka, asked of the brokers without trying it."""

import asyncio
from collections.abc import Collection
from enum import IntEnum
from typing import Any, NamedTuple

from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request

from app.kafka_metadata import Metadata

UNKNOWN = -(2**31)
"""The bit field of a broker that was not asked, or does not know."""

NOTHING = 0
TRIES, PAUSE_SECONDS = 20, 0.25
"""A cluster that never had a consumer group makes room for them when it is asked of the first."""


class May(IntEnum):
    """Kafka's `AclOperation`: which bit says that it is allowed."""

    READ = 3
    WRITE = 4
    CREATE = 5
    DESCRIBE = 8


class Topic(NamedTuple):
    """`replicas` and `in_sync` are of the partition that has fewest; `may` is a bit field. `placed`
    names the brokers of each partition."""

    partitions: int
    replicas: int
    in_sync: int
    may: int
    placed: tuple[tuple[int, ...], ...] = ()

    def lacks(self, wanted: Collection[May]) -> list[May]:
        return lacking(self.may, wanted)


class Cluster(NamedTuple):
    """What a cluster looks like from here; topics that we may not describe are not in it."""

    brokers: tuple[int, ...]
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
            placed = {p["partition"]: tuple(p["replicas"]) for p in partitions}
            topics[topic["name"]] = Topic(
                len(partitions),
                min(map(len, placed.values())),
                min(len(partition["isr"]) for partition in partitions),
                topic["authorized_operations"],
                tuple(placed[number] for number in sorted(placed)),
            )
    brokers = sorted(broker["node_id"] for broker in answer["brokers"])
    return Cluster(tuple(brokers), answer["authorized_operations"], topics)


class _Question(DescribeGroupsRequest_v3):  # type: ignore[misc]  # aiokafka is untyped here
    # aiokafka takes the answer for one of version 2, which ends before what we are asking for.
    RESPONSE_TYPE = DescribeGroupsResponse_v3


class _Group(Request[_Question]):  # type: ignore[misc]
    API_KEY = _Question.API_KEY

    def __init__(self, name: str) -> None:
        self._name = name

    def build(self, request_struct_class: type[_Question]) -> _Question:
        return request_struct_class([self._name], True)


async def look_at_group(admin: Any, group: str) -> int:
    """What we may do with a consumer group, as a bit field, whether there is such a group or not.

    `UNKNOWN` if no broker answers for it within some seconds. Raises what aiokafka raises.
    """
    from aiokafka import errors as kafka

    passing = (
        kafka.GroupCoordinatorNotAvailableError,
        kafka.GroupLoadInProgressError,
        kafka.NotCoordinatorForGroupError,
    )
    for _ in range(TRIES):
        try:
            return await _bits(admin, group)
        except passing:
            await asyncio.sleep(PAUSE_SECONDS)
        except kafka.GroupAuthorizationFailedError:
            return NOTHING
    return UNKNOWN


async def _bits(admin: Any, group: str) -> int:
    from aiokafka.errors import for_code

    node = await admin.find_coordinator(group)
    (described,) = (await admin._send_request(_Group(group), node)).to_object()["groups"]
    if code := described["error_code"]:
        raise for_code(code)(group)
    return int(described["authorized_operations"])
