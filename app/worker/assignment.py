"""Where to read on from: the ledger's cursors, checked against Kafka and the dedupe table.

There is no auto.offset.reset: a cursor that Kafka can not serve is an incident, never a skip.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from loguru import logger
from ulid import ULID

from app.core.errors import Fatal, Transient
from app.core.judge import EventType
from app.core.seal import Range, partition_name
from app.ledger.protocol import ChainStart, Cursor, Incident, Ledger
from app.metrics import WORKER_INCIDENTS, WORKER_PARTITIONS
from app.retry import until_reached
from app.worker.dedupe import Marks
from app.worker.extent import Extent, Place
from app.worker.lane import Lane

PATIENCE_SECONDS = 30.0
"""Faust gives up on an assignment, without an error, after its request timeout of 40 s."""


@dataclass(frozen=True, slots=True)
class _Log:
    """What Kafka has of one partition: offsets `start` to `end - 1`."""

    start: int
    end: int
    topic_id: str


class Assignment:
    """The lanes that are read now; they change with each assignment."""

    def __init__(
        self,
        extent: Extent,
        kinds: Mapping[str, EventType],
        marks: Mapping[str, Marks],
        ledger: Ledger,
    ) -> None:
        """`kinds` and `marks` are by topic."""
        self.lanes: dict[Place, Lane] = {}
        self._extent, self._kinds, self._marks, self._ledger = extent, kinds, marks, ledger
        self._coming: dict[Place, Lane] = {}
        self._last_read: dict[Place, Lane] = {}

    def revoke(self) -> None:
        """Take nothing more from any partition."""
        self.lanes.clear()
        self._coming = {}
        WORKER_PARTITIONS.set(0)

    async def find_cursors(self, assigned: Collection[Any]) -> Mapping[Any, int]:
        """Find where to read on from, after the dedupe tables have recovered.

        `assigned` are partitions of topics and of changelogs.

        Raises:
            Transient: a server could not be reached in time, or a table is behind the ledger:
                starting again helps.
            Fatal: a topic is not the one that was read before.
            Fenced: another worker has recorded the same incident.
        """
        self.revoke()
        self._last_read = {}
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                readable = self._with_their_table(assigned)
                logs = await until_reached("kafka", lambda: self._logs(readable))
                cursors = await until_reached("ledger", lambda: self._cursors(logs))
                await self._check_tables(cursors)
                offsets = {
                    place: await self._checked(place, cursor, logs[place])
                    for place, cursor in cursors.items()
                }
                lost = await until_reached("ledger", self._lost)
                for place, offset in offsets.items():
                    self._coming[place] = Lane(
                        self._kinds[place[0]],
                        place[1],
                        logs[place].topic_id,
                        self._marks[place[0]],
                        offset,
                        lost.get(partition_name(*place), ()),
                    )
        except TimeoutError as error:
            raise Transient(f"no cursors within {PATIENCE_SECONDS:.0f} s") from error
        return {place: lane.next for place, lane in self._coming.items()}

    def begin_reading(self, epochs: Mapping[Any, int]) -> None:
        """The consumer stands at the cursors; lists of these epochs continue the lanes."""
        for place, epoch in epochs.items():
            self._coming[place].epoch = epoch
        self.lanes.update(self._coming)
        self._coming = {}
        self._last_read = dict(self.lanes)
        WORKER_PARTITIONS.set(len(self.lanes))
        logger.info("reading {} partitions", len(self.lanes))

    def sealed_offsets(self) -> Mapping[Any, int]:
        """How far the ledger is with what is read now or was until the revocation."""
        return {place: lane.sealed for place, lane in self._last_read.items()}

    def _with_their_table(self, assigned: Collection[Place]) -> list[Place]:
        """Leave out partitions whose marks another worker holds.

        While versions with different topics run side by side, Faust spreads a topic that only
        some of them know over those, and its table over all.
        """
        places = [place for place in assigned if place[0] in self._kinds]
        readable = [p for p in places if (self._marks[p[0]].changelog_topic, p[1]) in assigned]
        if len(readable) < len(places):
            waiting = sorted(partition_name(*p) for p in set(places) - set(readable))
            logger.warning("not read until all workers know the same topics: {}", waiting)
        return readable

    async def _logs(self, places: Collection[Place]) -> dict[Place, _Log]:
        if not places:
            return {}
        ids = await self._extent.topic_ids({topic for topic, _ in places})
        starts, ends = await self._extent.starts(places), await self._extent.ends(places)
        return {p: _Log(starts[p], ends[p], ids.get(p[0], "")) for p in places}

    async def _cursors(self, logs: Mapping[Place, _Log]) -> dict[Place, Cursor]:
        starts = {
            place: ChainStart(
                self._kinds[place[0]].name, partition_name(*place), log.start, log.topic_id
            )
            for place, log in logs.items()
        }
        found = await self._ledger.start_chains(list(starts.values()))
        return {place: found[start.tp] for place, start in starts.items()}

    async def _lost(self) -> dict[str, list[Range]]:
        """All that retention ever removed before it was read, by partition."""
        lost: dict[str, list[Range]] = {}
        async for incident in self._ledger.incidents():
            lost.setdefault(incident.range.tp, []).append(incident.range)
        return lost

    async def _check_tables(self, cursors: Mapping[Place, Cursor]) -> None:
        """A slow former owner may have sealed after our recovery: the table misses its marks."""
        demands: dict[tuple[Marks, Place], int] = {}
        for (topic, partition), cursor in cursors.items():
            marks = self._marks[topic]
            key = marks, (marks.changelog_topic, partition)
            demands[key] = max(demands.get(key, -1), cursor.changelog)
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

    async def _checked(self, place: Place, cursor: Cursor, log: _Log) -> int:
        tp = partition_name(*place)
        if cursor.topic_id and log.topic_id and cursor.topic_id != log.topic_id:
            raise Fatal(
                f"{tp}: the topic was deleted and created again (its id was {cursor.topic_id}, is "
                f"{log.topic_id}). Raise the event's version, which makes a new topic"
            )
        if cursor.next > log.end:
            raise Fatal(
                f"{tp}: the ledger has read up to {cursor.next}, but the topic ends at {log.end}. "
                "Did Kafka lose data? Raise the event's version, which makes a new topic"
            )
        if cursor.next < log.start:
            await self._record_loss(place, cursor, log)
            return log.start
        return cursor.next

    async def _record_loss(self, place: Place, cursor: Cursor, log: _Log) -> None:
        tp = partition_name(*place)
        incident = Incident(
            id=str(ULID()),
            event=self._kinds[place[0]].name,
            range=Range(tp, cursor.next, log.start, records=0),
            what="retention removed these offsets before they were read",
            seen_at=datetime.now(UTC),
            topic_id=log.topic_id,
        )
        await until_reached("ledger", lambda: self._ledger.record_incident(incident))
        WORKER_INCIDENTS.labels(incident.event).inc()
        logger.error(
            "{}: retention removed offsets {} to {} before they were read; recorded as {}",
            tp,
            cursor.next,
            log.start - 1,
            incident.id,
        )
