"""The open seal of one event type: what was taken since the last one, not yet in the ledger."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from ulid import ULID

from app.core.errors import Fatal
from app.core.judge import EventType
from app.core.seal import STRAY_GRACE, DayCounts, ObjectKind, object_key
from app.worker.entries import MARK
from app.worker.lane import Lane
from sinks.protocol import ObjectStore, ObjectWriter

MAX_TRACES = 50
"""That a seal's line in the log names."""

MESSAGE_BYTES = 512 << 10
"""Marks packed into one changelog message; brokers take 1 MB by default."""


@dataclass(slots=True)
class Span:
    """Offsets `first` to `next - 1` of a lane, and how many records were there."""

    first: int
    next: int
    records: int = 0


@dataclass(slots=True)
class OpenObject:
    """One object under construction."""

    day: date
    kind: ObjectKind
    key: str
    writer: ObjectWriter
    rows: int = 0


@dataclass(slots=True)
class Tally:
    """What became of the records of one day."""

    staged: int = 0
    duplicates: int = 0
    dead: int = 0
    filtered: int = 0
    rows: int = 0

    def counts(self) -> DayCounts:
        return DayCounts(self.staged, self.duplicates, self.dead, self.filtered, self.rows)


@dataclass(slots=True)
class PackedMarks:
    """The marks of one lane, as changelog messages to be."""

    messages: list[bytearray] = field(default_factory=lambda: [bytearray()])

    def add(self, changes: dict[bytes, bytes]) -> None:
        if len(self.messages[-1]) + len(changes) * MARK.size > MESSAGE_BYTES:
            self.messages.append(bytearray())
        last = self.messages[-1]
        for key, offset in changes.items():
            last += key
            last += offset

    @property
    def bytes(self) -> int:
        return sum(map(len, self.messages))


class OpenSeal:
    """Its id is a ULID from the moment it is opened: the names of its objects carry it."""

    def __init__(self, kind: EventType, store: ObjectStore) -> None:
        self.kind = kind
        self.id = str(ULID())
        self.opened_at, self._opened_at = time.monotonic(), time.time()
        self.cut_at = self.opened_at  # until it is
        self.writing = asyncio.Lock()  # writers serve one coroutine at a time
        self.text_bytes = self.looked_at_bytes = 0
        self.spans: dict[Lane, Span] = {}
        self.marks: dict[Lane, PackedMarks] = {}
        self.objects: dict[tuple[ObjectKind, date, str], OpenObject] = {}
        self.days: dict[date, Tally] = {}
        self.reasons: Counter[str] = Counter()
        self.traces: dict[str, None] = {}
        self._store = store

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self.opened_at

    def refuse_stale(self) -> None:
        """Raise `Fatal` for a seal that must not be recorded any more: the janitor may take objects
        older than the grace, and half of it is the margin.

        A machine that was suspended knows of that only by the wall clock.
        """
        seconds = max(self.age_seconds, time.time() - self._opened_at)
        if seconds > STRAY_GRACE.total_seconds() / 2:
            raise Fatal(
                f"seal {self.id} of {self.kind.name} is {seconds / 3600:.0f} h old, too "
                "old to be recorded safely; starting again reads its events again"
            )

    @property
    def closing_seconds(self) -> float:
        """Since it was cut."""
        return time.monotonic() - self.cut_at

    @property
    def held_bytes(self) -> int:
        """Memory held by writers and marks."""
        return self.writer_bytes + self.mark_bytes

    @property
    def writer_bytes(self) -> int:
        return sum(opened.writer.held_bytes for opened in self.objects.values())

    @property
    def mark_bytes(self) -> int:
        return sum(marks.bytes for marks in self.marks.values())

    def took(self, lane: Lane, next: int, records: int) -> None:
        """Account for `records` records of `lane`, up to and without `next`."""
        span = self.spans.get(lane)
        if span is None:
            span = self.spans[lane] = Span(lane.next, next)
        span.next = next
        span.records += records
        lane.next = next

    def trace(self, trace: str | None) -> None:
        """Note the trace that a record is part of, if it is of any."""
        if trace is not None and len(self.traces) < MAX_TRACES:
            self.traces[trace] = None

    def append(
        self, kind: ObjectKind, day: date, lines: bytearray, rows: int, run: str = ""
    ) -> None:
        """Add whole NDJSON lines to the object of that kind and day, and of that declared run."""
        opened = self.objects.get((kind, day, run))
        if opened is None:
            key = self._key(kind, day, run)
            opened = OpenObject(day, kind, key, self._store.writer(key))
            self.objects[kind, day, run] = opened
        opened.writer.append(lines)
        opened.rows += rows
        self.text_bytes += len(lines)

    def tally(self, day: date) -> Tally:
        tally = self.days.get(day)
        if tally is None:
            tally = self.days[day] = Tally()
        return tally

    def mark(self, lane: Lane, changes: dict[bytes, bytes]) -> None:
        """Write marks (key → packed offset) into the table, and remember them for the changelog."""
        lane.marks.write(lane.partition, changes)
        marks = self.marks.get(lane)
        if marks is None:
            marks = self.marks[lane] = PackedMarks()
        marks.add(changes)

    def _key(self, kind: ObjectKind, day: date, run: str) -> str:
        return object_key(kind, self.kind.name, self.kind.version, day, self.id, run)
