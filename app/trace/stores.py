"""Look for one event where it may be: in the objects of seals, and in Kafka's logs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import orjson

from app.core.seal import topic_and_number
from app.kafka import KafkaOptions
from app.kafka_errors import kafka_errors, started
from app.kafka_records import Stretch
from sinks.protocol import ObjectLost
from sinks.unpacked import Damaged, stored_lines

WAIT_MS, WAITS = 1_000, 5
"""A log may end in a marker, so that its last offset never comes: who waits in vain is done."""
RECORDS_A_TURN = 200
"""Judged at a stretch: in a gateway, events wait meanwhile."""


class Readable(Protocol):
    """All that a trace needs of an object store."""

    def read(self, key: str) -> AsyncIterator[bytes]:
        """Stream an object as stored. Raises `ObjectLost`, `Transient`."""


class Seen(NamedTuple):
    """A line of an object, with its number, from 1."""

    number: int
    line: Mapping[str, Any]


async def lines_with(objects: Readable, key: str, needles: Sequence[bytes]) -> AsyncIterator[Seen]:
    """Stream an object, and give the lines that hold all needles; only those are parsed.

    Raises:
        ObjectLost: there is no such object, or it is damaged.
        Transient: the store can not be reached.
    """
    number = 0
    try:
        async for lines in stored_lines(objects.read(key)):
            for line in lines:
                number += 1
                if all(needle in line for needle in needles):
                    yield Seen(number, orjson.loads(line))
    except Damaged as damage:
        raise ObjectLost(f"object {key}: {damage}") from damage


async def search_logs(
    options: KafkaOptions,
    stretches: Mapping[str, Stretch],
    limit: int,
    is_it: Callable[[Any], bool],
) -> tuple[list[tuple[str, Any]], int]:
    """Find the records of these stretches, by Kafka's partition, for which `is_it` answers yes.

    Returns them and how many records were read: `limit` at most, over all partitions.

    Raises:
        Transient: Kafka can not be reached.
        Fatal: it refuses us.
    """
    from aiokafka import AIOKafkaConsumer, TopicPartition

    ends = {
        TopicPartition(*topic_and_number(tp)): stretch
        for tp, stretch in stretches.items()
        if stretch.first < stretch.next
    }
    found: list[tuple[str, Any]] = []
    read = waited = 0
    if not ends or limit < 1:
        return found, read
    consumer = AIOKafkaConsumer(
        **options.client(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    with kafka_errors("reading what is not sealed yet"):
        await started(consumer, options)
        try:
            consumer.assign(list(ends))
            for tp, stretch in ends.items():
                consumer.seek(tp, stretch.first)
            while ends and waited < WAITS and read < limit:
                fetched = await consumer.getmany(
                    *ends, timeout_ms=WAIT_MS, max_records=min(RECORDS_A_TURN, limit - read)
                )
                waited = 0 if fetched else waited + 1
                for tp, records in fetched.items():
                    inside = [record for record in records if record.offset < ends[tp].next]
                    read += len(inside)
                    found += [(f"{tp.topic}/{tp.partition}", r) for r in inside if is_it(r)]
                ends = {tp: s for tp, s in ends.items() if await consumer.position(tp) < s.next}
                await asyncio.sleep(0)
        finally:
            await consumer.stop()
    return found, read
