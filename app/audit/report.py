"""What an audit answers: counts per type and day, offsets per partition, and findings."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from app.core.seal import COUNTED

MAX_FINDINGS = 1_000
MAX_SPANS = 100


class FindingKind(StrEnum):
    """What can fail to add up. Each one makes the audit fail."""

    GAP = "gap"
    OVERLAP = "overlap"
    CHAIN_START = "chain_start"
    CURSOR = "cursor"
    INCIDENT = "incident"
    PAST_LOG_END = "past_log_end"
    TOPIC_REPLACED = "topic_replaced"
    OVERTAKEN = "overtaken"
    TOPIC_MISSING = "topic_missing"
    TOPIC_UNREAD = "topic_unread"
    TOPIC_LOST = "topic_lost"
    LOG_CUT = "log_cut"
    PARTITION_COUNT = "partition_count"
    SEAL = "seal"
    SEAL_MISSING = "seal_missing"
    SEAL_UNCHAINED = "seal_unchained"
    TOTALS = "totals"
    OBJECT_MISSING = "object_missing"
    OBJECT_CHANGED = "object_changed"
    OBJECT_SHARED = "object_shared"
    OBJECT_CONTENT = "object_content"
    LOAD_SEALS = "load_seals"
    LOAD_CONTROL = "load_control"
    WAREHOUSE_ROWS = "warehouse_rows"
    UNKNOWN_DAY = "unknown_day"
    STRANDED = "stranded"
    UNSETTLED = "unsettled"
    NO_CONTRACT = "no_contract"
    DISPOSAL = "disposal"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not add up.

    `text` says what is wrong and what to do; the other fields say where. `first` to `next - 1`
    are offsets of partition `tp`.
    """

    kind: FindingKind
    text: str
    event: str | None = None
    day: date | None = None
    tp: str | None = None
    first: int | None = None
    next: int | None = None
    object: str | None = None
    seal: str | None = None


@dataclass
class Findings:
    """All findings are counted; the first 1,000 of each kind are kept, so that memory stays flat
    when a whole bucket is gone."""

    kept: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, finding: Finding) -> None:
        self.counts[finding.kind] += 1
        if self.counts[finding.kind] <= MAX_FINDINGS:
            self.kept.append(finding)


@dataclass
class DayBalance:
    """One day of one event type.

    In events: received = staged + duplicates + dead + filtered. In rows: `rows` is what the staged
    events became, as many but for a type that explodes a list. `in_flight`: named by no committed
    load yet. `loaded`: standing in the warehouse. `collapsed`: further copies of a key that the
    load left out. `hidden`: of declared runs that are not shown. residual = rows − in_flight −
    loaded − collapsed − hidden: 0, or something is wrong.
    """

    day: date
    received: int = 0
    staged: int = 0
    duplicates: int = 0
    dead: int = 0
    filtered: int = 0
    rows: int = 0
    loaded: int = 0
    collapsed: int = 0
    in_flight: int = 0
    residual: int = 0
    hidden: int = 0


COUNTS = (
    "received", *COUNTED, "loaded", "collapsed", "hidden", "in_flight", "residual"
)  # fmt: skip


@dataclass
class PartitionBalance:
    """One partition; every number but `records` and `entries` is an offset or counts offsets.

    `chain_start` and `cursor` are None while no worker has begun, `log_start` and `log_end` when
    Kafka does not know the partition. `lag` is what is still to be read: it counts offsets, and
    a transaction leaves one more than it has events. `records` is what the seals counted.
    `gaps`, `overlaps` and `incidents` are pairs first, next. `topic_id` is that of the topic that
    the chain was read from; once it has `ended`, of the one that took its name.
    """

    tp: str
    chain_start: int | None = None
    cursor: int | None = None
    log_start: int | None = None
    log_end: int | None = None
    lag: int = 0
    records: int = 0
    entries: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    overlaps: list[tuple[int, int]] = field(default_factory=list)
    incidents: list[tuple[int, int]] = field(default_factory=list)
    topic_id: str = ""
    ended: bool = False


@dataclass(frozen=True)
class LetterBalance:
    """How many of a type's dead letters were sent again, or given up; the others are open."""

    replayed: int = 0
    dropped: int = 0


@dataclass
class TypeBalance:
    """All days and partitions of one event type, and their sums."""

    event: str
    table: str | None
    days: list[DayBalance] = field(default_factory=list)
    partitions: list[PartitionBalance] = field(default_factory=list)
    letters: LetterBalance = LetterBalance()

    @property
    def open_letters(self) -> int:
        """Dead letters of which nobody has done anything."""
        return self.totals["dead"] - self.letters.replayed - self.letters.dropped

    @property
    def totals(self) -> dict[str, int]:
        return sum_days(self.days) | {"lag": sum(p.lag for p in self.partitions)}

    @property
    def idle(self) -> bool:
        """Nothing of it was received, nothing is to be read, and nothing is wrong."""
        seen = (p.records or p.lag or p.gaps or p.overlaps or p.incidents for p in self.partitions)
        return not self.days and not any(seen)


@dataclass
class ObjectBalance:
    """Objects that seals name, and what the store listed in their folders.

    `strays` are named by no seal: the janitor's business, no loss.
    """

    named: int = 0
    bytes: int = 0
    listed: int = 0
    strays: int = 0
    stray_bytes: int = 0
    read: int = 0


@dataclass
class Reading:
    """What the audit had to read: of how many `shelves` of the ledger, and what on them.

    `entries` are documents of the ledger.
    """

    shelves: int = 0
    shelves_read: int = 0
    entries: int = 0


@dataclass
class AuditReport:
    """The whole answer. `notes` are remarks that do not make the audit fail."""

    audited_at: datetime
    deep: bool
    quick: bool = False
    types: list[TypeBalance] = field(default_factory=list)
    objects: ObjectBalance = field(default_factory=ObjectBalance)
    seals: int = 0
    reading: Reading = field(default_factory=Reading)
    found: Findings = field(default_factory=Findings)
    notes: list[str] = field(default_factory=list)

    def note_once(self, note: str) -> None:
        """One remark for all partitions of which it is made."""
        if note not in self.notes:
            self.notes.append(note)

    @property
    def findings(self) -> list[Finding]:
        return self.found.kept

    @property
    def balanced(self) -> bool:
        return not self.found.counts

    @property
    def exit_code(self) -> int:
        """0 when balanced, else 1."""
        return 0 if self.balanced else 1

    @property
    def totals(self) -> dict[str, int]:
        return sum_days(day for kind in self.types for day in kind.days) | {
            "lag": sum(kind.totals["lag"] for kind in self.types)
        }

    def as_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers; days are ISO dates."""
        return {
            "balanced": self.balanced,
            "audited_at": self.audited_at.isoformat(),
            "deep": self.deep,
            "quick": self.quick,
            "totals": self.totals,
            "findings_by_kind": {str(kind): count for kind, count in self.found.counts.items()},
            "findings": [_plain(asdict(finding)) for finding in self.findings],
            "notes": self.notes,
            "seals": self.seals,
            "objects": asdict(self.objects),
            "reading": asdict(self.reading),
            "types": [
                _plain(asdict(kind))
                | {"totals": kind.totals}
                | {"letters": asdict(kind.letters) | {"open": kind.open_letters}}
                for kind in self.types
            ],
        }  # fmt: skip


def sum_days(days: Iterable[DayBalance]) -> dict[str, int]:
    """Add up every count over the days."""
    sums = dict.fromkeys(COUNTS, 0)
    for day in days:
        for name in COUNTS:
            sums[name] += getattr(day, name)
    return sums


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(part) for key, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case date():
            return value.isoformat()
        case _:
            return value
