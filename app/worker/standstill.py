"""One event type stands still, and the others go on."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from loguru import logger

from app.core.errors import Transient
from app.health import Readiness
from app.metrics import WORKER_PAUSED
from app.worker.assignment import Assignment
from app.worker.breaker import Tripped

LOOK_SECONDS = 5.0
"""How long a topic that was deleted and created again may go unnoticed."""


class Standstill:
    """Takes the lanes of one type away, for a while or as long as this process lives."""

    def __init__(
        self,
        events: Collection[str],
        assignment: Assignment,
        readiness: Readiness,
        consumer: Callable[[], Any],
    ) -> None:
        """`consumer` returns the `LedgerConsumer`, which is made later."""
        for event in events:
            WORKER_PAUSED.labels(event).set(0)
        self._assignment, self._readiness, self._consumer = assignment, readiness, consumer
        self._asking: set[asyncio.Task[None]] = set()

    def pause(self, trip: Tripped) -> None:
        """Read nothing more of this type. What is open of it is the caller's to drop.

        A restart reads on from its cursor; a rebalance does not.
        """
        left = self._assignment.pause(trip.event)
        self._consumer().pause_partitions(left)
        self._readiness.note(trip.event, str(trip))
        WORKER_PAUSED.labels(trip.event).set(1)
        logger.error("{}", trip)

    def read_again(self, event: str, why: str) -> None:
        """Take nothing more of this type until a new assignment has looked for its place.

        What is open of it is sealed when everything is revoked for that.
        """
        self._assignment.leave(event)
        logger.warning("{}; asking for a new assignment", why)
        asking = asyncio.create_task(self._consumer().ask_for_assignment())
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

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
