"""Look at single records of Kafka's logs, without joining a group."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from app.core.seal import partition_name, topic_and_number
from app.kafka import KafkaOptions
from app.kafka_errors import kafka_errors, started

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

AT_ONCE = 64
"""Partitions looked at together: each may send `FETCH_BYTES`, and all of that is held."""
FETCH_BYTES = 256 << 10
WAIT_MS, WAITS = 1_000, 3
"""Where only markers of transactions are left nothing comes: who waits in vain is done."""

Record = Any  # aiokafka's ConsumerRecord, of which `app.worker.records.Record` says what is used


class Stretch(NamedTuple):
    """Offsets `first` to `next - 1` of a log."""

    first: int
    next: int


class Found(NamedTuple):
    """Of the records that came first of a stretch: the first one, and the last one."""

    first: Record
    last: Record


async def look_at(options: KafkaOptions, wanted: Mapping[str, Stretch]) -> Mapping[str, Found]:
    """Read the beginning of a stretch of each partition, by name; those without a record there are
    left out.

    Raises:
        Transient: Kafka can not be reached.
        Fatal: it refuses us.
    """
    from aiokafka import AIOKafkaConsumer, TopicPartition

    left = {
        TopicPartition(*topic_and_number(tp)): stretch
        for tp, stretch in wanted.items()
        if stretch.first < stretch.next
    }
    found: dict[str, Found] = {}
    if not left:
        return found
    consumer = AIOKafkaConsumer(
        **options.client(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
        isolation_level="read_committed",
    )
    with kafka_errors("looking at records"):
        await started(consumer, options)
        try:
            for group in _groups(left):
                async for tp, records in _first_of(consumer, group):
                    found[partition_name(*tp)] = Found(records[0], records[-1])
        finally:
            await consumer.stop()
    return found


def _groups(
    wanted: Mapping["TopicPartition", Stretch],
) -> Iterator[dict["TopicPartition", Stretch]]:
    places = list(wanted)
    for at in range(0, len(places), AT_ONCE):
        yield {tp: wanted[tp] for tp in places[at : at + AT_ONCE]}


async def _first_of(consumer: "AIOKafkaConsumer", wanted: dict["TopicPartition", Stretch]) -> Any:
    consumer.assign(list(wanted))
    for tp, stretch in wanted.items():
        consumer.seek(tp, stretch.first)
    left, waited = dict(wanted), 0
    while left and waited < WAITS:
        fetched = await consumer.getmany(*left, timeout_ms=WAIT_MS)
        waited = 0 if fetched else waited + 1
        for tp, records in fetched.items():
            consumer.pause(tp)
            inside = _within(records, left.pop(tp))
            if inside:
                yield tp, inside
        for tp in [tp for tp, s in left.items() if await consumer.position(tp) >= s.next]:
            del left[tp]


def _within(
    records: list["ConsumerRecord[Any, Any]"], stretch: Stretch
) -> list["ConsumerRecord[Any, Any]"]:
    return [record for record in records if stretch.first <= record.offset < stretch.next]
