"""One life of a worker without Faust: its own tables, cursors, agent and sealing; Kafka in memory.

What Faust would call, in the order in which it does, is called here: revoked, recovered, cursors
found, reading.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.core.errors import Fenced, Transient
from app.core.judge import EventType
from app.ledger.protocol import Ledger
from app.worker.agent import Agent
from app.worker.assignment import Assignment
from app.worker.breaker import Breaker
from app.worker.dedupe import Marks
from app.worker.lane import Lane
from app.worker.options import SealOptions
from app.worker.sealing import Author, Sealing
from sinks.memory import MemoryObjectStore
from tests.models.log import Log, LogRecord, MemoryChangelog, MemoryExtent, Place, messages_after
from tests.models.stage import Actor, Behind, Stage

FOREVER_SECONDS = 1e6
LEDGER_CALLS = ("start_chains", "record_incident", "record")
EXTENT_CALLS = ("starts", "ends", "topic_ids")


class DoorStore:
    """An object store in memory; finishing an object waits at a door."""

    def __init__(self, stage: Stage, inner: MemoryObjectStore) -> None:
        self._stage, self._inner = stage, inner

    def writer(self, key: str) -> Any:
        return Behind(self._stage, "upload", self._inner.writer(key), ["finish"])


class Worker:
    """`folder` is its disk. What it dies of, it says in `died_of`."""

    def __init__(
        self,
        name: str,
        stage: Stage,
        log: Log,
        ledger: Ledger,
        objects: MemoryObjectStore,
        kinds: Sequence[EventType],
        folder: Path,
    ) -> None:
        self.actor = Actor(name)
        self.died_of: BaseException | None = None
        self.partitions: set[int] = set()
        self._stage, self._log, self._kinds = stage, log, kinds
        self.marks = Marks(folder, "seen", f"{kinds[0].name}-seen", timedelta(days=30))
        doors = Behind(stage, "ledger", ledger, LEDGER_CALLS)
        extent: Any = Behind(stage, "kafka", MemoryExtent(log), EXTENT_CALLS)
        self._extent = extent
        marks = {kind.topic: self.marks for kind in kinds}
        by_topic = {kind.topic: kind for kind in kinds}
        self.assignment = Assignment(extent, by_topic, marks, doors)  # type: ignore[arg-type]
        self._sealing = Sealing(
            SealOptions(max_age_seconds=1e-9),  # whatever is open is due
            Author(name, "c0ffee"),
            DoorStore(stage, objects),  # type: ignore[arg-type]
            doors,  # type: ignore[arg-type]
            MemoryChangelog(log, stage),
            self.assignment.is_of_one_topic,
            self._read_again,
            self._fail,
        )
        breakers = {kind.name: Breaker(kind.name, 1.0, 1_000_000) for kind in kinds}
        self._agent = Agent(
            self.assignment.lanes,
            self._sealing,
            breakers,
            self._fail,
            self._read_again,
            self._log_start,
        )
        self._epoch = 0
        self._positions: dict[Place, int] = {}
        self._turns: dict[Place, int] = {}
        self._buffered: list[tuple[Place, int, int, list[LogRecord]]] = []
        self._reading: Any = None
        self._joining: Any = None

    @property
    def is_reading(self) -> bool:
        """Does it take records now?"""
        return self.died_of is None and bool(self.assignment.lanes)

    def join(self, partitions: Collection[int], *, seconds: float = FOREVER_SECONDS) -> None:
        """A rebalance gives it these partitions of all topics; it may seal for so long before."""
        if self._joining is None or self._joining.done():
            work = self._rebalanced(set(partitions), seconds)
            self._joining = self._stage.start(self.actor, work)

    def read(self, place: Place, most: int, *, hold: bool = False) -> None:
        """Fetch a list of one partition and take it; with `hold`, take it before the next one."""
        if place not in self.assignment.lanes or self.is_busy:
            return
        records = self._log.fetch(place, self._positions[place], most)
        if not records:
            return
        self._positions[place] = records[-1].offset + 1
        self._turns[place] = self._turns.get(place, 0) + 1
        self._buffered.append((place, self._epoch, self._turns[place], records))
        if not hold:
            self._reading = self._stage.start(self.actor, self._take())

    @property
    def is_busy(self) -> bool:
        return self._reading is not None and not self._reading.done()

    def lose_a_list(self, place: Place) -> None:
        """As Faust does now and then."""
        if place in self.assignment.lanes:
            records = self._log.fetch(place, self._positions[place], 1)
            self._positions[place] += len(records)
            self._turns[place] = self._turns.get(place, 0) + len(records)

    def cut(self) -> None:
        """Begin to seal whatever is open."""
        self._stage.do(self.actor, self._sealing.cut_due)

    def leave(self) -> None:
        """Be revoked of everything, and drain."""
        self.join(())

    def bury(self) -> None:
        """What a worker does when it has died of something: drop all."""
        self._stage.start(self.actor, self._sealing.drop_all())
        self.kill()

    def kill(self) -> None:
        """SIGKILL. Its disk is as it was."""
        self._stage.kill(self.actor)
        self.marks.close()

    async def _rebalanced(self, partitions: set[int], seconds: float) -> None:
        try:
            await self._revoked(seconds)
            self.marks.close(self.partitions - partitions)
            self.partitions = partitions
            for number in sorted(partitions):
                await self._recover(number)
            cursors = await self.assignment.find_cursors(self._assigned(partitions))
            self._epoch += 1
            self._positions, self._turns = dict(cursors), {}
            self.assignment.begin_reading(cursors.keys(), self._epoch)
        except Exception as error:
            self._fail(error)

    async def _recover(self, number: int) -> None:
        place = self.marks.changelog_topic, number
        messages = messages_after(self._log, place, self.marks.position(number))
        half = len(messages) // 2
        for part in (messages[:half], messages[half:]):
            if part:
                await self._stage.door("recovery")
            self.marks.apply(number, [(m.offset, m.value or b"") for m in part])

    async def _revoked(self, seconds: float) -> None:
        self.assignment.revoke()
        await self._sealing.seal_all("revocation", seconds)

    def _assigned(self, partitions: set[int]) -> list[Place]:
        """In the same order in each example, whatever its topics are named."""
        topics = [kind.topic for kind in self._kinds] + [self.marks.changelog_topic]
        return [(topic, number) for topic in topics for number in sorted(partitions)]

    async def _take(self) -> None:
        try:
            while self._buffered:
                await self._agent.take(*self._buffered.pop(0))
        except Exception as error:
            self._fail(error)

    async def _log_start(self, lane: Lane) -> int:
        place = lane.kind.topic, lane.partition
        starts: Mapping[Place, int] = await self._extent.starts([place])
        return starts[place]

    def _read_again(self, event: str, why: str) -> None:
        """It asks for a new assignment; starting again is one."""
        self._fail(Transient(why))

    def _fail(self, error: BaseException) -> None:
        if self.died_of is None:
            self.assignment.revoke()
            if isinstance(error, Fenced):
                self.marks.wipe()
            self.died_of = error
