"""The hot path: whole fetch lists in, rows and dead letters into the open seal."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from loguru import logger

from app.core.errors import Rejected, Transient
from app.core.headers import RECEIVED_AT, REJECTED, trace_in
from app.core.judge import EventType, Filtered
from app.core.kill_points import passing
from app.core.seal import ObjectKind
from app.metrics import WORKER_EVENTS, WORKER_WARNED
from app.worker.breaker import Breaker, Tripped
from app.worker.entries import OFFSET
from app.worker.lane import Lane
from app.worker.open_seal import MAX_TRACES, OpenSeal
from app.worker.records import Clock, Good, Received, Record, dead_letter, weigh
from app.worker.sealing import Sealing

CHUNK_RECORDS = 500
"""Between two chunks the event loop turns, and seals may be cut."""

CHUNK_EXPLODED = 10
"""Each may be some MB of rows, and all of a chunk are in memory at once."""

Weighed = tuple[Record, Received, Good | Filtered | Rejected]
LogStart = Callable[[Lane], Awaitable[int]]


class Agent:
    """Takes what Kafka delivers, for the lanes that are read now."""

    def __init__(
        self,
        lanes: Mapping[tuple[str, int], Lane],
        sealing: Sealing,
        breakers: Mapping[str, Breaker],
        pause: Callable[[Tripped], None],
        read_again: Callable[[str, str], None],
        log_start: LogStart,
    ) -> None:
        """`pause` and `read_again` (told the type, and why) take the lanes of one type away."""
        self._lanes, self._sealing, self._breakers = lanes, sealing, breakers
        self._pause, self._read_again, self._log_start = pause, read_again, log_start
        self._clock = Clock()

    async def take(
        self, at: tuple[str, int], epoch: int, turn: int, records: Sequence[Record]
    ) -> None:
        """Take one fetch list of the partition `at` (topic, number).

        A list fetched before the lane's last seek is dropped; it will come again. So is one that
        does not continue the lane, and one that makes the circuit breaker trip: the type stands
        still, others go on.

        Raises:
            Transient: a list before this one never arrived.
        """
        lane = self._lanes.get(at)
        if lane is None or epoch != lane.epoch:
            return
        if turn != lane.turn + 1:
            raise Transient(f"{lane.tp}: fetch list {turn} came after {lane.turn}, one is lost")
        if records[0].offset != lane.next and not await self._continues(lane, records[0].offset):
            return
        step = CHUNK_RECORDS if lane.kind.explode is None else CHUNK_EXPLODED
        for start in range(0, len(records), step):
            if self._lanes.get(at) is not lane:
                return
            seal = self._sealing.opened(lane.kind)
            try:
                self._stage(lane, seal, records[start : start + step])
            except Tripped as trip:
                self._pause(trip)
                await self._sealing.drop(trip.event)
                return
            passing("mid_fetch")
            await self._sealing.make_room(seal)
            await asyncio.sleep(0)
        lane.turn = turn  # all of it was taken: `Gaps` relies on that

    async def _continues(self, lane: Lane, offset: int) -> bool:
        """Transaction markers and compaction leave gaps; retention that overtook us must not."""
        if offset < lane.next:  # it did not know the offset, and the consumer began anew by itself
            why = f"Kafka went back to {offset}, {lane.next} was due"
        elif await self._log_start(lane) > lane.next:
            why = f"retention removed offsets from {lane.next}; reading went on at {offset}"
        else:
            return True
        if self._lanes.get(lane.place) is lane:
            self._read_again(lane.kind.name, f"{lane.tp}: {why}")
        return False

    def _stage(self, lane: Lane, seal: OpenSeal, records: Sequence[Record]) -> None:
        kind, received = lane.kind, self._clock.received
        weighed: list[Weighed] = []
        for record in records:
            at = received(record)
            weighed.append((record, at, weigh(kind, record, at.at, lane.partition)))
            headers = record.headers
            more = len(headers) != 1 or headers[0][0] != RECEIVED_AT  # than the gateway's own
            if more and len(seal.traces) < MAX_TRACES:
                seal.trace(trace_in(headers))
        bad = [(record, at, why) for record, at, why in weighed if isinstance(why, Rejected)]
        surprising = sum(not _is_known(record, why) for record, _, why in bad)
        self._breakers[kind.name].count(len(weighed), surprising)
        staged, duplicates = _settle(lane, seal, weighed)
        for record, at, why in bad:
            _bury(lane, seal, record, at, why)
        if staged + duplicates + len(bad) < len(weighed):
            _leave_out(seal, [why for _, _, why in weighed if isinstance(why, Filtered)])
        seal.took(lane, records[-1].offset + 1, len(records))
        WORKER_EVENTS.labels(kind.name, "staged").inc(staged)
        WORKER_EVENTS.labels(kind.name, "duplicate").inc(duplicates)


def _is_known(record: Record, why: Rejected) -> bool:
    """The gateway came to the same verdict and told the sender: no sign of a bad deploy here."""
    reason = why.reason.encode()
    return any(name == REJECTED and value == reason for name, value in record.headers)


def _settle(lane: Lane, seal: OpenSeal, weighed: Sequence[Weighed]) -> tuple[int, int]:
    """Write the rows of first sightings and mark them; returns events (staged, duplicates).

    A copy is a duplicate only if an *earlier* offset is marked: the same offset is a redelivery,
    and a later one was marked by an attempt that never reached the ledger. Nor did a mark whose
    record was lost, or that is void.
    """
    prefix, overhang = lane.prefix, lane.overhang
    held = (record.offset for record, _, _ in weighed)
    for notes in overhang.crossed(weighed[-1][0].offset + 1, held):
        seal.mark(lane, notes)
    keys = [prefix + verdict.key for _, _, verdict in weighed if isinstance(verdict, Good)]
    known = dict(zip(keys, lane.marks.lookup(lane.partition, keys), strict=True))
    noted = overhang.notes(known.values())
    changes: dict[bytes, bytes] = {}
    pages: dict[date | str, Page] = {}
    duplicates = 0
    for record, at, verdict in weighed:
        if not isinstance(verdict, Good):
            overhang.rejected(record.offset, changes)
            continue
        key, offset = prefix + verdict.key, OFFSET.pack(record.offset)
        seen = known[key]
        if seen is not None and seen < offset and lane.counts(seen, key, changes, noted):
            seal.tally(verdict.day).duplicates += 1
            duplicates += 1
            overhang.good(record.offset, key, changes)
            continue
        changes[key] = known[key] = offset
        _count_warnings(lane.kind, record)
        overhang.good(record.offset, key, changes)
        place = verdict.run or verdict.day  # a run is of one day
        page = pages.get(place)
        if page is None:
            page = pages[place] = Page(verdict.day, verdict.run)
        page.events += 1
        page.rows += len(verdict.lines)
        received = at.text.encode()
        for line in verdict.lines:
            page.text += b'%b%b,"_offset":%d,"_received_at":"%b"}\n' % (
                line[:-1],
                lane.lineage,
                record.offset,
                received,
            )
    for page in pages.values():
        page.into(seal)
    if pages:
        overhang.marked(weighed[-1][0].offset, changes)
    if changes:
        seal.mark(lane, changes)
    return sum(page.events for page in pages.values()), duplicates


@dataclass(slots=True)
class Page:
    """What one list of records adds to a day, or to a run of it: so many events, and the lines of
    their rows."""

    day: date
    run: str
    events: int = 0
    rows: int = 0
    text: bytearray = field(default_factory=bytearray)

    def into(self, seal: OpenSeal) -> None:
        if self.rows:  # an object would have no row in it
            seal.append(ObjectKind.ROWS, self.day, self.text, self.rows, self.run)
        tally = seal.tally(self.day)
        tally.staged += self.events
        tally.rows += self.rows


def _count_warnings(kind: EventType, record: Record) -> None:
    if kind.warnings is not None and record.value is not None:
        for warned in kind.warnings(record.value):
            WORKER_WARNED[warned.kind].labels(kind.name, warned.field).inc(warned.times)


def _leave_out(seal: OpenSeal, filtered: Sequence[Filtered]) -> None:
    for event in filtered:
        seal.tally(event.day).filtered += 1
    WORKER_EVENTS.labels(seal.kind.name, "filtered").inc(len(filtered))


def _bury(lane: Lane, seal: OpenSeal, record: Record, at: Received, why: Rejected) -> None:
    day = at.at.date()
    line = dead_letter(lane.kind, lane.log, lane.partition, record, at, why)
    seal.append(ObjectKind.DEAD, day, bytearray(line), 1)
    seal.tally(day).dead += 1
    seal.reasons[why.reason] += 1
    WORKER_EVENTS.labels(lane.kind.name, why.reason).inc()
    if (trace := trace_in(record.headers)) is not None and trace in seal.traces:
        logger.bind(
            event=lane.kind.name, topic=lane.log, partition=lane.partition, offset=record.offset,
            seal=seal.id, day=day.isoformat(), trace=trace, field=why.field,
        ).info("a dead letter: {}", why.reason)  # fmt: skip
