"""Recorded traffic from where it stands: Kafka's topics, and the dead letters in the bucket."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from app.backtest.lines import from_letter
from app.backtest.trial import Recorded
from app.core.seal import partition_name, topic_and_number
from app.kafka import KafkaOptions
from app.kafka_errors import kafka_errors
from app.kafka_logs import LogEnds, kafka_logs
from app.ledger.protocol import Ledger
from app.letters.stored import dead_objects, letters_in
from app.worker.records import Clock
from sinks.protocol import ObjectStore

WAIT_MS, WAITS = 1_000, 10
"""A log may end in a marker, so that its last offset never comes: who waits in vain is done."""


async def from_kafka(
    options: KafkaOptions, topics: Mapping[str, str], since: datetime
) -> AsyncIterator[Recorded]:
    """Read what Kafka received since then, up to what it has now; good and bad events alike.

    `topics` maps topics to events. Joins no group. Those that Kafka does not have are left out.
    Raises `Transient` or `Fatal`.
    """
    from aiokafka import AIOKafkaConsumer

    logs = await kafka_logs(options)(topics)
    consumer = AIOKafkaConsumer(
        **options.client(),
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    clock = Clock()
    with kafka_errors("reading recorded events"):
        await consumer.start()
        try:
            left = await _seek(consumer, logs, since)
            waited = 0
            while left and waited < WAITS:
                fetched = await consumer.getmany(*left, timeout_ms=WAIT_MS)
                waited = 0 if fetched else waited + 1
                for tp, records in fetched.items():
                    for record in records:
                        if record.offset < left[tp]:
                            at = clock.received(record).at
                            place = f"{partition_name(*tp)}@{record.offset}"
                            yield Recorded(topics[tp.topic], record.value or b"", at, place)
                left = {tp: end for tp, end in left.items() if await consumer.position(tp) < end}
        finally:
            await consumer.stop()


async def _seek(consumer: Any, logs: Mapping[str, LogEnds], since: datetime) -> dict[Any, int]:
    """Go to the first record since then; returns the ends of those partitions that have any."""
    from aiokafka import TopicPartition

    ends = {TopicPartition(*topic_and_number(name)): log.end for name, log in logs.items()}
    if not ends:
        return {}
    consumer.assign(list(ends))
    millis = int(since.timestamp() * 1000)
    left: dict[Any, int] = {}
    for tp, start in (await consumer.offsets_for_times(dict.fromkeys(ends, millis))).items():
        if start is None or start.offset >= ends[tp]:
            consumer.pause(tp)
        else:
            consumer.seek(tp, start.offset)
            left[tp] = ends[tp]
    return left


async def from_dead_letters(
    ledger: Ledger, objects: ObjectStore, since: datetime
) -> AsyncIterator[Recorded]:
    """Read the dead letters of all seals since then, which stay longer than Kafka's records."""
    async for seal, stored in dead_objects(ledger):
        if seal.sealed_at >= since:
            async for letter in letters_in(objects, stored.key):
                yield from_letter(letter)
