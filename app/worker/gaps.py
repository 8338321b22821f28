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

PIECE_OFFSETS = 5_000


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
        self._last_look: asyncio.Task[None] | None = None

    async def watch(self, every_seconds: float) -> None:
        """Look without end."""
        while True:
            await asyncio.sleep(every_seconds)
            await self.follow()

    async def follow(self) -> None:
        """Look once; if Kafka can not be reached, the next look does it.

        Raises `Transient` when the disk with the marks does not do what was asked.
        """
        for lane, stands in await self._passed():
            await self._cross(lane, stands)

    async def follow_once_more(self, seconds: float) -> None:
        """Look for the last time before everything is sealed, and wait so long for Kafka."""
        last = self._last_look = asyncio.create_task(self.follow())
        await asyncio.wait([last], timeout=seconds)
        if last.done():
            last.result()
        # Else it goes on, and finds that its lanes are gone: a question to the consumer's thread
        # must not be given up.

    async def _passed(self) -> list[tuple[Lane, Standing]]:
        if not self._lanes:
            return []
        try:
            passed = {
                place: (lane, stands)
                for place, stands in (await self._standing()).items()
                if (lane := self._lanes.get(place)) and _has_passed(lane, stands)
            }
            starts = await self._extent.starts(passed) if passed else {}  # asked after the consumer
        except Transient as error:
            logger.debug("gaps not looked for: {}", error)
            return []
        # Where the log begins further on, retention may have sent the consumer on.
        return [passed[place] for place, start in starts.items() if start <= passed[place][0].next]

    async def _cross(self, lane: Lane, stands: Standing) -> None:
        """Piece by piece, for a gap may be wide, and it may be noted of each offset that nothing is
        staged there. Between two of them a seal may be cut, or a record be taken."""
        while self._lanes.get(lane.place) is lane and _has_passed(lane, stands):
            seal = self._sealing.opened(lane.kind)
            end = min(stands.offset, lane.next + PIECE_OFFSETS)
            for notes in lane.overhang.crossed(end):
                seal.mark(lane, notes)
            seal.took(lane, end, 0)
            await self._sealing.make_room(seal)
            await asyncio.sleep(0)


def _has_passed(lane: Lane, stands: Standing) -> bool:
    """All that was handed out was taken, and reading goes on further."""
    return (lane.epoch, lane.turn) == stands[:2] and stands.offset > lane.next
