"""What a worker writes into the ledger, and the arithmetic it must satisfy.

A seal closes the open objects of one event type over all its partitions in one worker. Its ranges
continue the chain of each partition: `first` is where the last entry's `next` ended.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

STRAY_GRACE = timedelta(hours=24)
"""The janitor leaves younger objects alone, named or not; a worker seals in half of it."""


class ObjectKind(StrEnum):
    """Rows for the warehouse, or dead letters."""

    ROWS = "rows"
    DEAD = "dead"


HELD = {ObjectKind.ROWS: "rows", ObjectKind.DEAD: "dead"}
"""Which count says how many lines the objects of a kind hold."""


def partition_name(topic: str, partition: int) -> str:
    """Name a topic-partition as the ledger does, `events.order_placed.v1/3`."""
    return f"{topic}/{partition}"


def topic_and_number(tp: str) -> tuple[str, int]:
    """The topic and the partition of such a name; partitions sort by it as numbers, not as text."""
    topic, number = tp.rsplit("/", 1)
    return topic, int(number)


_KEY = re.compile(
    r"(?:_dead/)?[a-z][a-z0-9_]*/v[0-9]+/dt=\d{4}-\d\d-\d\d/"
    r"(?:run=(?P<run>[0-9A-Z.-]+)/)?(?P<seal>[0-9A-Z]{26})\.ndjson\.gz"
)


def object_key(
    kind: ObjectKind, event: str, version: int, day: date, seal: str, run: str = ""
) -> str:
    """Name the object of one day and kind in a seal (its id), and of one declared `run`."""
    folder = "_dead/" if kind is ObjectKind.DEAD else ""
    of_run = f"run={run}/" if run else ""
    return f"{folder}{event}/v{version}/dt={day.isoformat()}/{of_run}{seal}.ndjson.gz"


def seal_of_key(key: str) -> str | None:
    """The id of the seal that an object was made for; None: no worker of ours made this name."""
    found = _KEY.fullmatch(key)
    return found["seal"] if found else None


def run_of_key(key: str) -> str:
    """The declared run that all rows of an object are of; empty: of none."""
    found = _KEY.fullmatch(key)
    return (found["run"] or "") if found else ""


@dataclass(frozen=True, slots=True)
class Range:
    """Offsets `first` to `next - 1` of one partition.

    `records` counts what was really there: markers and compaction leave gaps in the offsets.
    `changelog` is the last offset of the dedupe changelog that holds the marks of this partition
    up to here; -1 where there is none.
    """

    tp: str
    first: int
    next: int
    records: int
    changelog: int = -1

    @property
    def link(self) -> str:
        return f"{self.tp}@{self.first}"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One durable object. `bytes` and `sha256` are of the object as stored (compressed)."""

    day: date
    kind: ObjectKind
    key: str
    rows: int
    bytes: int
    sha256: str
    etag: str


AS_STAGED = -1
COUNTED = ("staged", "duplicates", "dead", "filtered", "rows")
"""What is counted of a day, in the order of `DayCounts`."""


@dataclass(frozen=True, slots=True)
class DayCounts:
    """What became of the records of one day: received = staged + duplicates + dead + filtered.

    `rows` are those that the staged events became: as many, if it is left out, but for a type that
    explodes a list. The day of a dead letter is the UTC day on which it was received.
    """

    staged: int = 0
    duplicates: int = 0
    dead: int = 0
    filtered: int = 0
    rows: int = AS_STAGED

    def __post_init__(self) -> None:
        if self.rows == AS_STAGED:
            object.__setattr__(self, "rows", self.staged)

    def __add__(self, other: "DayCounts") -> "DayCounts":
        return DayCounts(*(getattr(self, name) + getattr(other, name) for name in COUNTED))

    @property
    def received(self) -> int:
        return self.staged + self.duplicates + self.dead + self.filtered


@dataclass(frozen=True, slots=True)
class Seal:
    """One atomic entry of the ledger. `id` is a ULID, `sealed_at` aware UTC."""

    id: str
    event: str
    version: int
    worker: str
    sealed_at: datetime
    config_sha: str
    ranges: tuple[Range, ...]
    objects: tuple[StoredObject, ...]
    days: Mapping[date, DayCounts]
    dead_by_reason: Mapping[str, int] = field(default_factory=dict)

    @property
    def links(self) -> tuple[str, ...]:
        """One per partition; the ledger lets each be taken once."""
        return tuple(r.link for r in self.ranges)

    @property
    def received(self) -> int:
        return sum(r.records for r in self.ranges)

    def total(self, what: str) -> int:
        """Sum one of what is `COUNTED` over the days."""
        return sum(getattr(counts, what) for counts in self.days.values())

    def problems(self) -> list[str]:
        """Say what does not add up, a sentence each; empty for a seal fit to be recorded."""
        found = [
            f"{r.link}: next {r.next} with {r.records} records"
            for r in self.ranges
            if r.next <= r.first or not 0 <= r.records <= r.next - r.first
        ]
        if len(set(self.links)) != len(self.links):
            found.append("a partition appears twice")
        counted = sum(c.received for c in self.days.values())
        if self.received != counted:
            found.append(f"{self.received} records received, {counted} accounted for")
        for kind, what in HELD.items():
            stored = rows_by_day(self.objects, kind)
            wanted = {day: n for day, c in self.days.items() if (n := getattr(c, what))}
            if stored != wanted:
                found.append(f"objects hold {_told(stored)} {what}, counts say {_told(wanted)}")
        found += [
            f"{c.rows} rows of {day}, and no event of that day is staged"
            for day, c in sorted(self.days.items())
            if c.rows and not c.staged
        ]
        if sum(self.dead_by_reason.values()) != self.total("dead"):
            found.append(f"dead by reason {dict(self.dead_by_reason)} ≠ {self.total('dead')} dead")
        return found


def rows_by_day(objects: Iterable[StoredObject], kind: ObjectKind) -> dict[date, int]:
    """Add up the rows of the objects of one kind, by day; days without rows are left out."""
    rows: dict[date, int] = {}
    for stored in objects:
        if stored.kind is kind and stored.rows:
            rows[stored.day] = rows.get(stored.day, 0) + stored.rows
    return rows


def _told(rows: Mapping[date, int]) -> str:
    return ", ".join(f"{n} of {day}" for day, n in sorted(rows.items())) or "none"
