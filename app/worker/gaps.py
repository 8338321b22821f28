"""The cursor follows where reading went on without a record.

Markers of transactions, what was aborted and what compaction removed take offsets and hand out
nothing. Where they end a log, the chain would end before them: and once retention has passed, that
looks as if something was lost there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from loguru import logger

from app.core.errors import Transient
from app.worker.extent import Extent, Place
from app.worker.lane import Lane
from app.worker.sealing import Sealing


class Standing(NamedTuple):
    """Where the consumer stands in a partition: `offset` is the next that it asks for, once it has
    handed out all lists up to `turn` of this `epoch`."""

    epoch: int
    turn: int
    offset: int


class Gaps:
    """Takes offsets without a record into the open seals, each gap once."""

    def __init__(
        self,
        lanes: Mapping[Place, Lane],
        sealing: Sealing,
        extent: Extent,
        standing: Callable[[], Awaitable[Mapping[Place, Standing]]],
    ) -> None:
        self._lanes, self._sealing, self._extent = lanes, sealing, extent
        self._standing = standing

    async def watch(self, every_seconds: float) -> None:
        """Look without end."""
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await self.follow()
            except Transient as error:
                logger.debug("gaps not looked for: {}", error)

    async def follow(self) -> None:
        """Look once. Raises `Transient` when Kafka can not be reached."""
        passed = {
            place: (lane, stands)
            for place, stands in (await self._standing()).items()
            if (lane := self._lanes.get(place)) and _has_passed(lane, stands)
        }
        if not passed:
            return
        starts = await self._extent.starts(passed)  # asked after the consumer was
        for place, (lane, stands) in passed.items():
            if self._lanes.get(place) is not lane or not _has_passed(lane, stands):
                continue
            if starts[place] <= lane.next:  # else it may have been sent on, by retention
                self._cross(lane, stands.offset)

    def _cross(self, lane: Lane, next: int) -> None:
        seal = self._sealing.opened(lane.kind)
        for notes in lane.overhang.crossed(next):
            seal.mark(lane, notes)
        seal.took(lane, next, 0)


def _has_passed(lane: Lane, stands: Standing) -> bool:
    """All that was handed out was taken, and reading goes on further."""
    return (lane.epoch, lane.turn) == stands[:2] and stands.offset > lane.next
