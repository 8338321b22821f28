"""One partition's queue: events wait a moment for company and travel as one record batch."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
)
from loguru import logger

from app.core.errors import Reason
from app.core.headers import RECEIVED_AT, REJECTED
from app.core.kill_points import passing
from app.gateway.background import Background
from app.gateway.budget import Budget
from app.gateway.producers import BATCH_BYTES, Producers

OVERHEAD_BYTES = 200
"""What an event costs in memory beside its key and value, roughly."""


class Placed(NamedTuple):
    """Where Kafka stored an event. `offset` is None when Kafka only said that it has it."""

    topic: str
    partition: int
    offset: int | None


class Unplaced(Enum):
    """Why an event has no place."""

    UNKNOWN = "Kafka did not acknowledge it: it may or may not be stored"
    TOO_LARGE = "Kafka's own limit of a message is smaller"


class Delivery:
    """The events of one request on their way; `places[i]` is where event i ended up."""

    __slots__ = ("done", "headers", "left", "places", "received_ms")

    def __init__(self, events: int, received_ms: int) -> None:
        self.received_ms = received_ms
        self.headers = [(RECEIVED_AT, b"%d" % received_ms)]
        self.places: list[Placed | Unplaced] = [Unplaced.UNKNOWN] * events
        self.left = events
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not events:
            self.done.set_result(None)

    def settle(self, index: int, place: Placed | Unplaced) -> None:
        self.places[index] = place
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)

    async def wait(self, seconds: float) -> None:
        """Return when each event has its place, or after `seconds`: then some are UNKNOWN."""
        try:
            async with asyncio.timeout(seconds):
                await self.done
        except TimeoutError:
            return

    @property
    def given_up(self) -> bool:
        """Nobody waits any more, and the answer was «retry»: what was not sent need not be."""
        return self.done.cancelled()


class Entry(NamedTuple):
    """One event in a lane."""

    delivery: Delivery
    position: int
    key: bytes | None
    value: bytes
    rejected: Reason | None = None

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        if self.rejected is None:
            return self.delivery.headers
        return [*self.delivery.headers, (REJECTED, self.rejected.encode())]

    @property
    def size(self) -> int:
        return len(self.value) + len(self.key or b"") + OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class LaneSetting:
    """What all lanes share."""

    producers: Producers
    background: Background
    budget: Budget
    linger_seconds: float
    give_up_seconds: float
    acknowledged: Callable[[], None]


class Lane:
    """Sends one batch at a time, so that offsets follow the order of arrival.

    While a batch is on its way the next one fills; aiokafka has no second one of a partition in
    flight either. A batch without an acknowledgement stays with its producer, which repeats it,
    and so asks Kafka for a sign of life for everybody; only after `give_up_seconds` is it left.
    """

    def __init__(self, topic: str, partition: int, setting: LaneSetting) -> None:
        self._topic = topic
        self._partition = partition
        self._setting = setting
        self._waiting: deque[Entry] = deque()
        self._batch_bytes = BATCH_BYTES
        self._working = False
        self.busy_since: float | None = None

    def add(self, entry: Entry) -> None:
        """Queue an event; its bytes are already taken from the budget."""
        self._waiting.append(entry)
        if not self._working:
            self._working = True
            self._setting.background.spawn(self._work())

    async def _work(self) -> None:
        await asyncio.sleep(self._setting.linger_seconds)
        while self._waiting:
            self.busy_since = time.monotonic()
            await self._send()
            self.busy_since = None
        self._working = False

    async def _send(self) -> None:
        producer = await self._setting.producers.live()
        batch = producer.create_batch()
        entries = self._fill(batch)
        if not entries:
            return
        batch.close()
        passing("before_produce")
        try:
            answer = await producer.send_batch(batch, self._topic, partition=self._partition)
            done, _ = await asyncio.wait({answer}, timeout=self._setting.give_up_seconds)
            if not done:
                answer.cancel()
                raise KafkaTimeoutError
            base: int = answer.result().offset
        except ProducerClosed:  # retired before it took the batch: nothing was sent
            self._waiting.extendleft(reversed(entries))
        # send_batch asserts that the partition exists: it may not after a topic was made anew
        except (KafkaError, AssertionError) as error:
            self._setting.producers.retire(producer, error)
            self._failed(entries, error)
        else:
            passing("after_produce")
            self._setting.acknowledged()
            self._settle(entries, base)

    def _fill(self, batch: Any) -> list[Entry]:
        """Move entries into the batch until it is full; drop those that nobody waits for."""
        entries: list[Entry] = []
        size = 0
        while self._waiting:
            entry = self._waiting[0]
            delivery = entry.delivery
            if delivery.given_up:
                self._setting.budget.give(self._waiting.popleft().size, self._topic)
                continue
            size += len(entry.value)
            if entries and size > self._batch_bytes:
                break
            added = batch.append(
                timestamp=delivery.received_ms,
                key=entry.key,
                value=entry.value,
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
                entry.position, Placed(self._topic, self._partition, offset if base >= 0 else None)
            )
        self._setting.budget.give(sum(entry.size for entry in entries), self._topic)

    def _failed(self, entries: Sequence[Entry], error: BaseException) -> None:
        too_large = isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError)
        if too_large and len(entries) > 1:
            # The topic takes less than a broker's default: try again in smaller batches.
            self._batch_bytes = max(1, sum(len(entry.value) for entry in entries) // 2)
            self._waiting.extendleft(reversed(entries))
            return
        logger.warning("{} events of {} got no place: {!r}", len(entries), self._topic, error)
        why = Unplaced.TOO_LARGE if too_large else Unplaced.UNKNOWN
        for entry in entries:
            entry.delivery.settle(entry.position, why)
        self._setting.budget.give(sum(entry.size for entry in entries), self._topic)
