"""Where to read on from: the ledger's cursors, checked against Kafka and the dedupe table.

There is no auto.offset.reset: a cursor that Kafka can not serve is an incident, never a skip.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from loguru import logger

from app.core.errors import Transient
from app.core.incarnation import topic_id_of
from app.core.judge import EventType
from app.core.pause import Activity
from app.core.seal import partition_name
from app.ledger.protocol import Ledger
from app.metrics import WORKER_PARTITIONS
from app.retry import until_reached
from app.worker.chains import Chain, Chains, Log
from app.worker.dedupe import Marks
from app.worker.extent import Extent, Place
from app.worker.lane import Lane
from app.worker.open_seal import Span

PATIENCE_SECONDS = 30.0
"""Faust gives up on an assignment, without an error, after its request timeout of 40 s."""


class Assignment:
    """The lanes that are read now; they change with each assignment.

    Of the types in `paused` none is. Those in `held` are paused whatever the ledger says.
    """

    def __init__(
        self,
        extent: Extent,
        kinds: Mapping[str, EventType],
        marks: Mapping[str, Marks],
        ledger: Ledger,
    ) -> None:
        """`kinds` and `marks` are by topic."""
        self.lanes: dict[Place, Lane] = {}
        self._extent, self._kinds, self._marks = extent, kinds, marks
        self._chains = Chains(kinds, ledger, self._logs)
        self._ledger = ledger
        self.paused: set[str] = set()
        self.held: set[str] = set()
        self._skipped: set[str] = set()
        self._ids: Mapping[str, str] | None = None
        self._gone: set[str] = set()
        self._coming: dict[Place, Lane] = {}
        self._last_read: dict[Place, Lane] = {}

    def revoke(self) -> None:
        """Take nothing more from any partition."""
        self.lanes.clear()
        self._coming = {}
        WORKER_PARTITIONS.set(0)

    def leave(self, event: str) -> list[Place]:
        """Take nothing more of one type, until the next assignment; returns what was left."""
        left = [place for place, lane in self.lanes.items() if lane.kind.name == event]
        for place in left:
            del self.lanes[place]
        WORKER_PARTITIONS.set(len(self.lanes))
        return left

    @property
    def kinds_read(self) -> set[str]:
        """The types that this worker would read, were none paused."""
        return {kind.name for kind in self._kinds.values()}

    def pause(self, event: str) -> list[Place]:
        """Take nothing more of one type until it is resumed; returns what was left."""
        self.paused.add(event)
        left = self.leave(event)
        if left:
            self._skipped.add(event)
        return left

    def resume(self, event: str) -> bool:
        """The next assignment reads it; returns whether this one would have."""
        self.paused.discard(event)
        return event in self._skipped

    async def find_cursors(self, assigned: Collection[Any]) -> Mapping[Any, int]:
        """Find where to read on from, after the dedupe tables have recovered.

        `assigned` are partitions of topics and of changelogs.

        Raises:
            Transient: a server could not be reached in time, or a table is behind the ledger:
                starting again helps.
            Fenced: another worker has recorded the same incident.
        """
        self.revoke()
        self._last_read = {}
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._look_at_pauses()
                readable = self._with_their_table(assigned)
                await self._miss_topics()
                found = await self._chains.continued(readable)
                chains = {place: chain for place, (chain, _) in found.items()}
                await self._check_tables(chains)
                offsets = await self._chains.cursors(found)
                lost = await until_reached("ledger", self._chains.lost)
                starts = await self._chains.starts(chains.values())
        except TimeoutError as error:
            raise Transient(f"no cursors within {PATIENCE_SECONDS:.0f} s") from error
        for place, chain in chains.items():
            self._coming[place] = Lane(
                self._kinds[place[0]],
                place[1],
                chain.cursor.topic_id,
                self._marks[place[0]],
                offsets[place],
                lost.get(chain.tp, ()),
                chain.log,
                starts.get(chain.tp, 0),
            )
        return offsets

    def begin_reading(self, places: Iterable[Any], epoch: int) -> None:
        """The consumer seeks the cursors now; lists of this epoch continue the lanes."""
        for place in places:
            self._coming[place].epoch = epoch
        self.lanes.update(self._coming)
        self._coming = {}
        self._last_read = dict(self.lanes)
        WORKER_PARTITIONS.set(len(self.lanes))
        logger.info("reading {} partitions", len(self.lanes))

    def sealed_offsets(self) -> Mapping[Any, int]:
        """How far the ledger is with what is read now or was until the revocation."""
        return {place: lane.sealed for place, lane in self._last_read.items()}

    async def replaced(self) -> set[str]:
        """The types whose topic is no longer the one that is read, or if no partition of it is
        read here, no longer the one that was there when we asked before."""
        if self._ids is None:
            return set()
        ids = await self._extent.topic_ids(self._kinds)
        read = {lane.kind.topic: topic_id_of(lane.incarnation) for lane in self.lanes.values()}
        before, self._ids = {**self._ids, **read}, ids
        return {
            kind.name for topic, kind in self._kinds.items() if ids.get(topic) != before.get(topic)
        }

    async def is_of_one_topic(self, spans: Mapping[Lane, Span]) -> bool:
        """Whether all that was read of these lanes, of one type, was in their own incarnation.

        Asked before it is recorded. What was read of a topic that is gone now was still of that
        topic. If another one stands in its place, the reading may have gone on in it, unless it
        ends before the first offset that was read.
        """
        kept = await self._extent.topic_ids({lane.kind.topic for lane in spans})
        doubtful = {
            lane.place: span.first
            for lane, span in spans.items()
            if kept.get(lane.kind.topic, "") not in ("", topic_id_of(lane.incarnation))
        }
        if not doubtful:
            return True
        ends = await self._extent.ends(doubtful)
        return all(ends[place] <= first for place, first in doubtful.items())

    async def _look_at_pauses(self) -> None:
        found = await until_reached("ledger", self._ledger.pauses)
        self.paused = {p.event for p in found if p.what is Activity.CONSUME} | self.held

    async def _miss_topics(self) -> None:
        ids = await until_reached("kafka", lambda: self._extent.topic_ids(self._kinds))
        gone = self._kinds.keys() - ids.keys()
        for topic in sorted(gone - self._gone):
            logger.error(
                "{} is not there any more: was it deleted? Nothing of it can be read or accepted. "
                "Create it again, as every role does when it starts",
                topic,
            )
        self._gone = set(gone)
        if self._ids is None:
            self._ids = ids

    def _with_their_table(self, assigned: Collection[Place]) -> list[Place]:
        """Leave out partitions whose marks another worker holds, and what is paused.

        While versions with different topics run side by side, Faust spreads a topic that only
        some of them know over those, and its table over all.
        """
        ours = [place for place in assigned if place[0] in self._kinds]
        self._skipped = {self._kinds[topic].name for topic, _ in ours} & self.paused
        places = [place for place in ours if self._kinds[place[0]].name not in self.paused]
        readable = [p for p in places if (self._marks[p[0]].changelog_topic, p[1]) in assigned]
        if len(readable) < len(places):
            waiting = sorted(partition_name(*p) for p in set(places) - set(readable))
            logger.warning("not read until all workers know the same topics: {}", waiting)
        return readable

    async def _logs(self, places: Collection[Place]) -> dict[Place, Log]:
        """Those of topics that do not exist are left out."""
        topics = {topic for topic, _ in places}
        ids = await self._extent.topic_ids(topics)
        there = [place for place in places if place[0] in ids]
        if not there:
            return {}
        starts, ends = await self._extent.starts(there), await self._extent.ends(there)
        if await self._extent.topic_ids(topics) != ids:
            raise Transient("a topic was deleted or created at this very moment")
        return {p: Log(starts[p], ends[p], ids[p[0]]) for p in there}

    async def _check_tables(self, chains: Mapping[Place, Chain]) -> None:
        """A slow former owner may have sealed after our recovery: the table misses its marks."""
        demands: dict[tuple[Marks, Place], int] = {}
        for (topic, partition), chain in chains.items():
            marks = self._marks[topic]
            key = marks, (marks.changelog_topic, partition)
            demands[key] = max(demands.get(key, -1), chain.cursor.changelog)
        if not demands:
            return
        starts = await self._extent.starts({place for _, place in demands})
        for (marks, place), demand in demands.items():
            position = marks.position(place[1])
            have = max(-1 if position is None else position, starts[place] - 1)
            if have < demand:
                raise Transient(
                    f"the dedupe table {partition_name(*place)} is at {have}, the ledger at "
                    f"{demand}; starting again recovers it"
                )
            marks.recovered(place[1], have)
