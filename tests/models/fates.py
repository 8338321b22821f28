"""What must have become of each record, told from the log alone; and what a seal says became."""

import gzip
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from datetime import date

import orjson

from app.core.errors import Reason
from app.core.judge import EventType
from app.core.seal import DayCounts, ObjectKind, Seal, StoredObject, partition_name
from sinks.memory import MemoryObjectStore
from tests.models.log import Log
from tests.models.parcels import BAD, FILTERED, Copy, Shape

Position = tuple[str, int]
"""Partition and offset."""


class Fates:
    """The records of one event type: which copy was produced where, and its only right fate.

    The first good copy in a partition is staged, later ones are duplicates; what was lost to
    retention was never there. `bad` says which shapes the contract of the moment rejects, and why,
    `filtered` which it leaves out.

    Only if there was a stricter one before, a copy of what it does not take may be staged again: a
    note that it stands nowhere is never undone. The load leaves it out.
    """

    def __init__(self, kind: EventType, log: Log) -> None:
        self.bad: Mapping[Shape, Reason] = BAD
        self.filtered: Collection[Shape] = FILTERED
        self.were_bad: set[Shape] = set()
        self.staged: dict[Position, Copy] = {}
        self.topic, self._keep, self._log = kind.topic, kind.keep, log
        self._copies: dict[Position, Copy] = {}
        self._seen: dict[tuple[str, int, bytes | None], Copy] = {}

    def produce(self, partition: int, copy: Copy) -> None:
        place = self.topic, partition
        offset = self._log.append(place, copy.value, headers=copy.headers)
        self._copies[partition_name(*place), offset] = copy

    def produce_again(self, partition: int) -> None:
        """Once more all that is staged."""
        for copy in [c for (tp, _), c in self.staged.items() if tp == f"{self.topic}/{partition}"]:
            self.produce(partition, copy)

    def check(self, seal: Seal, objects: MemoryObjectStore) -> None:
        """Each record of the seal's ranges has its fate, its row or dead letter, and its day."""
        days: dict[date, Counter[str]] = defaultdict(Counter)
        reasons: Counter[str] = Counter()
        wanted = set()
        held = [line for stored in seal.objects for line in _lines(stored, objects)]
        rows = {(tp, offset) for fate, _, tp, offset in held if fate == "staged"}
        for r in seal.ranges:
            offsets = [o for o in range(r.first, r.next) if (r.tp, o) in self._copies]
            assert r.records == len(offsets), f"{r} should hold {len(offsets)} records"
            for offset in offsets:
                copy = self._copies[r.tp, offset]
                fate = self._fate(r.tp, offset, copy, rows)
                day = copy.received_at.date() if fate == "dead" else copy.day
                days[day][fate] += 1
                if fate == "dead":
                    reasons[self.bad[copy.shape]] += 1
                if fate not in ("duplicates", "filtered"):
                    wanted.add((fate, day, r.tp, offset))
        should = {day: DayCounts(**counts) for day, counts in days.items()}
        assert seal.days == should, f"{seal.ranges}: {seal.days} should be {should}"
        assert seal.dead_by_reason == reasons
        assert len(held) == len(set(held)), "a record has two lines"
        assert set(held) == wanted

    def _fate(self, tp: str, offset: int, copy: Copy, rows: Collection[Position]) -> str:
        if copy.shape in self.bad:
            return "dead"
        if copy.shape in self.filtered:
            return "filtered"
        key = tp, copy.number, copy.value if self._keep == "last" else None
        first = self._seen.get(key)
        once_more = first is not None and first.shape in self.were_bad and (tp, offset) in rows
        if first is not None and not once_more:
            return "duplicates"
        self._seen[key] = copy
        self.staged[tp, offset] = copy
        return "staged"


def _lines(stored: StoredObject, objects: MemoryObjectStore) -> list[tuple[str, date, str, int]]:
    assert stored.key in objects.objects, f"{stored.key} is named and not there"
    rows = stored.kind is ObjectKind.ROWS
    names = ("_topic", "_partition", "_offset") if rows else ("topic", "partition", "offset")
    lines = [
        orjson.loads(line)
        for line in gzip.decompress(objects.objects[stored.key].body).splitlines()
    ]
    assert len(lines) == stored.rows
    places = [[line[name] for name in names] for line in lines]
    fate = "staged" if rows else "dead"
    return [(fate, stored.day, f"{topic}/{number}", offset) for topic, number, offset in places]
