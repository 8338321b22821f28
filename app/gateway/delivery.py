"""The events of one request on their way, and how long anybody waits for them."""

import asyncio
from enum import Enum

from app.core.errors import Reason
from app.core.headers import RECEIVED_AT, REJECTED, RUN, TRACEPARENT
from app.core.once import PerEvent

OVERHEAD_BYTES = 200
"""What an event costs in memory beside its key and value, roughly."""


class Placed(PerEvent, frozen=True, gc=False):
    """Where Kafka stored an event. `offset` is None when Kafka only said that it has it."""

    topic: str
    partition: int
    offset: int | None


class Unplaced(Enum):
    """Why an event has no place."""

    UNKNOWN = "Kafka did not acknowledge it: it may or may not be stored"
    TOO_LARGE = "Kafka's own limit of a message is smaller"


class Delivery:
    """The events of one request on their way; `places[i]` is where event i ended up.

    `given_up`: nobody waits any more, and the answer was «retry»: what was not sent need not be.
    """

    __slots__ = ("_done", "given_up", "headers", "left", "places", "received_ms")

    def __init__(
        self, events: int, received_ms: int, traceparent: bytes | None = None, run: str = ""
    ) -> None:
        self.received_ms = received_ms
        self.headers = [(RECEIVED_AT, b"%d" % received_ms)]
        if traceparent is not None:
            self.headers.append((TRACEPARENT, traceparent))
        if run:
            self.headers.append((RUN, run.encode()))
        self.places: list[Placed | Unplaced] = [Unplaced.UNKNOWN] * events
        self.left = events
        self.given_up = False
        self._done: asyncio.Future[None] | None = None

    def settle(self, index: int, place: Placed | Unplaced) -> None:
        self.places[index] = place
        self.left -= 1
        if not self.left:
            self._end()

    def give_up(self) -> None:
        self.given_up = True
        self._end()

    def _end(self) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    async def over(self) -> None:
        """Return when each event has its place, or when it was given up."""
        if self.left and not self.given_up:
            self._done = asyncio.get_running_loop().create_future()
            try:
                await self._done
            except asyncio.CancelledError:
                self.given_up = True
                raise


class Record(PerEvent, frozen=True, gc=False):
    """What is to be stored. Without a key the partitions take turns. `rejected` is the reason
    for which a dead letter is one."""

    topic: str
    key: bytes | None
    value: bytes
    rejected: Reason | None = None

    @property
    def size(self) -> int:
        """What it holds of the budget."""
        return len(self.value) + len(self.key or b"") + OVERHEAD_BYTES


class Entry(PerEvent, frozen=True, gc=False):
    """One event of a delivery."""

    delivery: Delivery
    position: int
    record: Record

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        rejected = self.record.rejected
        if rejected is None:
            return self.delivery.headers
        return [*self.delivery.headers, (REJECTED, rejected.encode())]


class Patience:
    """Gives up deliveries that take too long. All may take as long, so that one timer does for
    them all, which is set for the oldest."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[Delivery, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, delivery: Delivery) -> None:
        """Return when each event has its place, or at the end of our patience: then some are
        UNKNOWN."""
        if not delivery.left:
            return
        loop = asyncio.get_running_loop()
        self._due[delivery] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._look)
        try:
            await delivery.over()
        finally:
            del self._due[delivery]

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        for delivery, due in self._due.items():  # the oldest first
            if due > now:
                self._timer = loop.call_at(due, self._look)
                return
            delivery.give_up()
