"""One event type stands still, and the others go on."""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from datetime import UTC, datetime
from typing import Any

from loguru import logger

from app.core.errors import ForebayError, Transient
from app.core.pause import Activity, Pause, PausedBy
from app.health import Readiness
from app.ledger.operations import Operations
from app.metrics import PAUSED
from app.retry import until_reached
from app.worker.assignment import Assignment
from app.worker.breaker import Tripped

LOOK_SECONDS = 5.0
"""How long a topic that was deleted and created again may go unnoticed."""
PAUSE_LOOK_SECONDS = 2.0
"""How long a pause, or its end, may go unnoticed: one question to the ledger for all types."""


class Standstill:
    """Takes the lanes of one type away, until somebody resumes it or until the next assignment.

    Pauses are kept in the ledger. What the breaker has stopped stands still at once, and whether
    or not the ledger can be reached; until that has it, this process remembers.
    """

    def __init__(
        self,
        events: Collection[str],
        assignment: Assignment,
        readiness: Readiness,
        ledger: Operations,
        consumer: Callable[[], Any],
    ) -> None:
        """`consumer` returns the `LedgerConsumer`, which is made later."""
        for event in events:
            PAUSED.labels(event, Activity.CONSUME).set(0)
        self._assignment, self._readiness, self._consumer = assignment, readiness, consumer
        self._ledger = ledger
        self._told: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def pause(self, trip: Tripped) -> None:
        """The breaker's: read nothing more of this type. What is open of it is the caller's to
        drop, so that reading goes on at its cursor."""
        self._stop(trip.event)
        self._assignment.held.add(trip.event)
        self._tell(trip.event, str(trip))
        logger.error("{}", trip)
        said = Pause(trip.event, Activity.CONSUME, str(trip), PausedBy.BREAKER, datetime.now(UTC))
        self._begin(self._record(said))

    def read_again(self, event: str, why: str) -> None:
        """Take nothing more of this type until a new assignment has looked for its place.

        What is open of it is sealed when everything is revoked for that.
        """
        self._assignment.leave(event)
        logger.warning("{}; asking for a new assignment", why)
        self._begin(self._consumer().ask_for_assignment())

    async def watch_topics(self) -> None:
        """Notice, without end, that a topic was deleted or created again while it was read."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                replaced = await self._assignment.replaced()
            except Transient as error:
                logger.debug("topics not compared: {}", error)
                continue
            for event in sorted(replaced):
                self.read_again(event, f"{event}: its topic was deleted or created")

    async def watch_pauses(self, seal: Callable[[str], None]) -> None:
        """Notice, without end, what is paused and resumed. `seal` is told a type of which nothing
        more is taken, again and again while it is paused."""
        while True:
            try:
                await self._look(seal)
            except Transient as error:
                logger.debug("pauses not looked at: {}", error)
            await asyncio.sleep(PAUSE_LOOK_SECONDS)

    async def _look(self, seal: Callable[[str], None]) -> None:
        assignment = self._assignment
        # Before asking: what the breaker stops meanwhile is not in the answer.
        known = (assignment.paused | self._told) - assignment.held
        found = {p.event: p for p in await self._ledger.pauses() if p.what is Activity.CONSUME}
        for event, pause in found.items():
            if event not in assignment.kinds_read:
                continue
            self._stop(event)
            if event not in self._told:
                self._tell(event, f"{pause}: {pause.why}")
                logger.warning("{}: {}", pause, pause.why)
            seal(event)
        for event in known - found.keys() - assignment.held:
            self._go_on(event)

    def _stop(self, event: str) -> None:
        left = self._assignment.pause(event)
        if left:
            self._consumer().pause_partitions(left)

    def _go_on(self, event: str) -> None:
        """Where it stood: a new assignment looks that up in the ledger. Of several workers the
        first that notices asks for one, and it is one for all of them."""
        self._told.discard(event)
        self._readiness.mended(event)
        PAUSED.labels(event, Activity.CONSUME).set(0)
        if self._assignment.resume(event):
            self.read_again(event, f"{event} is resumed")

    def _tell(self, event: str, why: str) -> None:
        self._told.add(event)
        self._readiness.note(event, why)
        PAUSED.labels(event, Activity.CONSUME).set(1)

    async def _record(self, pause: Pause) -> None:
        try:
            await until_reached("ledger", lambda: self._ledger.pause(pause))
        except ForebayError as error:
            logger.error("{} stands still in this worker alone: {}", pause.event, error)
            return
        self._assignment.held.discard(pause.event)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
