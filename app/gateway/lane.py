"""One partition's queue: events wait a moment for company and travel as one record batch."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
)
from loguru import logger

from app.core.kill_points import passing
from app.gateway.background import Background
from app.gateway.budget import Budget
from app.gateway.delivery import Entry, Placed, Unplaced
from app.gateway.producers import BATCH_BYTES, Producers
from app.gateway.tick import Tick


@dataclass(frozen=True, slots=True)
class LaneSetting:
    """What all lanes share."""

    producers: Producers
    tick: Tick
    background: Background
    budget: Budget
    acknowledged: Callable[[float], None]
    """Called with the time at which the batch had left."""


class Sent(NamedTuple):
    """A batch on its way: who has it, what is in it, and since when."""

    producer: AIOKafkaProducer
    entries: list[Entry]
    answer: asyncio.Future[Any]
    since: float


class Lane:
    """Sends one batch at a time, so that offsets follow the order of arrival.

    While a batch is on its way the next one fills; aiokafka has no second one of a partition in
    flight either. A batch without an acknowledgement stays with its producer, which repeats it,
    and so asks Kafka for a sign of life for everybody; only `give_up` leaves it.
    """

    def __init__(self, topic: str, partition: int, setting: LaneSetting) -> None:
        self.topic = topic
        self.busy_since: float | None = None
        self._partition = partition
        self._setting = setting
        self._waiting: deque[Entry] = deque()
        self._batch_bytes = BATCH_BYTES
        self._working = False
        self._sent: Sent | None = None
        self._when_answered = setting.background.guarded(self._answered)

    def add(self, entry: Entry) -> None:
        """Queue an event; its bytes are already taken from the budget."""
        self._waiting.append(entry)
        if not self._working:
            self._working = True
            self._setting.tick.join(self)

    def due(self, now: float) -> None:
        """From now on it is not for company that events wait here."""
        self.busy_since = now

    async def send(self, producer: AIOKafkaProducer) -> None:
        """Hand the next batch to the producer; what becomes of it is settled when it is known."""
        batch = producer.create_batch()
        entries = self._fill(batch)
        if not entries:
            self._next()
            return
        batch.close()
        passing("before_produce")
        try:
            answer = await producer.send_batch(batch, self.topic, partition=self._partition)
        except ProducerClosed:  # retired before it took the batch: nothing was sent
            self._waiting.extendleft(reversed(entries))
            self._next()
        # send_batch asserts that the partition exists: it may not after a topic was made anew
        except (KafkaError, AssertionError) as error:
            self._failed(producer, entries, error)
        else:
            self._sent = Sent(producer, entries, answer, time.monotonic())
            answer.add_done_callback(self._when_answered)

    def give_up(self, now: float, seconds: float) -> None:
        """Leave a batch that has been on its way for more than `seconds`."""
        if self._sent is not None and now - self._sent.since > seconds:
            self._sent.answer.cancel()

    def _answered(self, answer: asyncio.Future[Any]) -> None:
        sent, self._sent = self._sent, None
        assert sent is not None
        error = KafkaTimeoutError() if answer.cancelled() else answer.exception()
        if error is not None:
            self._failed(sent.producer, sent.entries, error)
            return
        passing("after_produce")
        assert self.busy_since is not None
        self._setting.acknowledged(self.busy_since)
        self._settle(sent.entries, answer.result().offset)
        self._next()

    def _next(self) -> None:
        """The lane is free again."""
        self.busy_since = None
        if self._waiting:
            self._setting.tick.join(self, at_once=True)
        else:
            self._working = False

    def _fill(self, batch: Any) -> list[Entry]:
        """Move entries into the batch until it is full; drop those that nobody waits for."""
        entries: list[Entry] = []
        size = 0
        while self._waiting:
            entry = self._waiting[0]
            delivery = entry.delivery
            if delivery.given_up:
                self._setting.budget.give(self._waiting.popleft().record.size, self.topic)
                continue
            size += len(entry.record.value)
            if entries and size > self._batch_bytes:
                break
            added = batch.append(
                timestamp=delivery.received_ms,
                key=entry.record.key,
                value=entry.record.value,
                headers=entry.headers,
            )
            if added is None:
                break
            entries.append(self._waiting.popleft())
        return entries

    def _settle(self, entries: Sequence[Entry], base: int) -> None:
        for offset, entry in enumerate(entries, base):
            # -1: Kafka had it already from an earlier try, and no longer knows where
            entry.delivery.settle(
                entry.position, Placed(self.topic, self._partition, offset if base >= 0 else None)
            )
        self._setting.budget.give(sum(entry.record.size for entry in entries), self.topic)

    def _failed(
        self, producer: AIOKafkaProducer, entries: Sequence[Entry], error: BaseException
    ) -> None:
        self._setting.producers.retire(producer, error)
        too_large = isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError)
        if too_large and len(entries) > 1:
            # The topic takes less than a broker's default: try again in smaller batches.
            self._batch_bytes = max(1, sum(len(entry.record.value) for entry in entries) // 2)
            self._waiting.extendleft(reversed(entries))
        else:
            logger.warning("{} events of {} got no place: {!r}", len(entries), self.topic, error)
            why = Unplaced.TOO_LARGE if too_large else Unplaced.UNKNOWN
            for entry in entries:
                entry.delivery.settle(entry.position, why)
            self._setting.budget.give(sum(entry.record.size for entry in entries), self.topic)
        self._next()
