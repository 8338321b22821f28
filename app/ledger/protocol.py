"""What the ledger promises; `sqlite` and `mongo` pass one behaviour suite for it.

Four kinds of entry form the chain of a partition: its start (where reading began), seals, incidents
(offsets that can no longer be read), and summaries of old seals. Each takes a link, `tp@start` or
`tp@first`, and a link can be taken once: that is all the fencing a worker needs. A partition has
one chain for each incarnation of its topic (`app.core.incarnation`); an incident without offsets
ends a chain.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from app.core.disposal import Disposal
from app.core.seal import DayCounts, Range, Seal, StoredObject
from app.ledger.declared_runs import DeclaredRuns
from app.ledger.operations import Operations
from app.ledger.summary import Summaries, Summary
from app.ledger.sums import Sums

SHELF = 5
"""Entries whose ids begin with so many characters alike lie on one shelf: ULIDs of nine hours."""


class EntryKind(StrEnum):
    """What an entry of the chain is."""

    START = "start"
    SEAL = "seal"
    INCIDENT = "incident"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class ChainStart:
    """Where the first reader of a partition began. `topic_id` names the topic's incarnation."""

    event: str
    tp: str
    first: int
    topic_id: str


@dataclass(frozen=True, slots=True)
class Incident:
    """Offsets `range.first` to `range.next - 1` that can not be read any more, and why.

    `topic_id` names the incarnation that stands in Kafka now. If the range is empty, it is the one
    that took the place of this chain's: whatever was unread of the old one is gone, as much as it
    was, and nothing can follow.
    """

    id: str
    event: str
    range: Range
    what: str
    seen_at: datetime
    topic_id: str

    @property
    def ends_chain(self) -> bool:
        return self.range.next == self.range.first


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody has looked at an incident, and says why it needs no more looking at.

    `incident` is its id, or the name of a partition: whatever was unread of it when its topic was
    last seen is given up.
    """

    incident: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Cursor:
    """The end of a partition's chain: read on from `next`.

    The dedupe table must have been recovered up to `changelog` at least (-1: no demand). When the
    chain has `ended`, nothing can follow, and `topic_id` names the incarnation to read instead.
    """

    next: int
    changelog: int
    topic_id: str
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """One entry as one partition sees it, for the audit."""

    kind: EntryKind
    id: str
    range: Range


@dataclass(frozen=True, slots=True)
class DirtyDay:
    """A day that has `seals` (ids) which no committed load named, or a declared run that was closed
    since: then there may be none, and `oldest_sealed_at` is when it was."""

    day: date
    seals: tuple[str, ...]
    oldest_sealed_at: datetime


@dataclass(frozen=True, slots=True)
class DaySeals:
    """All the ledger knows of one day of one event type: the load's manifest.

    `seals` are the ids of the seals with row objects for the day, in order; `objects` theirs.
    Rows of seals that are `summarised`, by id, have no objects any more: with some of them the day
    can not be made again.
    """

    day: date
    seals: tuple[str, ...]
    objects: tuple[StoredObject, ...]
    summarised: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(stored.rows for stored in self.objects)


@dataclass(frozen=True, slots=True)
class DayLoad:
    """One day as a committed load left it: of `staged` rows in its seals `rows` stand in the table.

    Where a day is sent in declared runs it shows the run `shown`, and `hidden` rows are of others.
    """

    event: str
    table: str
    day: date
    run: str
    fence: int
    seals: tuple[str, ...]
    staged: int
    rows: int
    loaded_at: datetime
    shown: str = ""
    hidden: int = 0

    @property
    def collapsed(self) -> int:
        return self.staged - self.hidden - self.rows


@dataclass(frozen=True, slots=True)
class DayTotals:
    """Counts of one day over all its seals, and how many of its rows wait for a load."""

    day: date
    counts: DayCounts
    unloaded: int
    objects: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Shelved:
    """A seal for the audit. `problems` name what the store holds twice and that differs."""

    seal: Seal
    problems: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.seal.id


class Ledger(Operations, Sums, DeclaredRuns, Summaries, Protocol):
    """Every method raises `Transient` when the store can not be reached or is busy."""

    async def record(self, seal: Seal) -> None:
        """Append a seal to the chains of its partitions, all or nothing, durably.

        Recording the same seal (by id) again is a no-op, so an unanswered call may be repeated.

        Raises:
            Fenced: a link is taken by another entry, or a range does not start where its chain
                ends. Nothing was written.
        """

    async def start_chains(self, starts: Collection[ChainStart]) -> Mapping[str, Cursor]:
        """Begin the chain of each partition that has none; return the cursor of each given one.

        Whoever comes first decides where the chain starts; the others get that answer.
        """

    async def record_incident(self, incident: Incident) -> None:
        """Append an incident to its partition's chain, or end it. Raises `Fenced` as `record`."""

    async def cursors(self, tps: Collection[str]) -> Mapping[str, Cursor]:
        """Find the end of each partition's chain; partitions without a chain are left out."""

    async def starts(self, tps: Collection[str]) -> Mapping[str, int]:
        """Where each partition's chain begins; partitions without a chain are left out."""

    def chain(self, tp: str) -> AsyncIterator[Link]:
        """Walk a partition's entries by ascending `first`, the start entry before all."""

    async def entry_at(self, tp: str, offset: int) -> Seal | Incident | Summary | None:
        """Find the entry whose range of this partition holds the offset.

        None when the chain has none: it does not reach so far, or began later.
        """

    async def partitions(self) -> Mapping[str, Sequence[str]]:
        """All partitions with a chain, by event."""

    def seals(self, event: str | None = None, *, day: date | None = None) -> AsyncIterator[Seal]:
        """Walk the seals by ascending id, of one event and with objects or counts of one day."""

    async def digests(self) -> Mapping[str, str]:
        """Let the store digest all entries, by shelf (the first `SHELF` characters of their ids).

        As long as a shelf's digest is the same, none of its entries was added, removed or changed;
        MongoDB does not see a text changed into another one of the same length.
        """

    def links(self, shelf: str) -> AsyncIterator[tuple[str, Link]]:
        """Walk the links of all entries of one shelf by ascending entry id, with their event."""

    def shelved(self, shelf: str) -> AsyncIterator[Shelved]:
        """Walk the seals of one shelf by ascending id."""

    async def hints(self) -> Mapping[str, int] | None:
        """Where chains were seen to end, by partition; None for a ledger that keeps no hints.

        A hint may be behind its chain, never beyond its end. Nothing depends on it.
        """

    def incidents(self, event: str | None = None) -> AsyncIterator[Incident]:
        """Walk the incidents by ascending id."""

    async def acknowledge(self, given: Acknowledgement) -> Acknowledgement | None:
        """Keep durably that an incident is known, or that a partition's rest is given up, and
        return what is kept.

        Of an incident the first one stays, whatever is said later; of a partition, whose topic may
        come and go, the last one. None when there is no such incident, and the ledger has neither
        a chain of this partition nor one of the event whose topic it is in.
        """

    async def acknowledged(self) -> Mapping[str, Acknowledgement]:
        """All that is kept, by incident or partition."""

    async def record_disposal(self, disposal: Disposal) -> None:
        """Keep durably what was done about dead letters; recording it again (by id) is a no-op.

        Raises:
            Fenced: another disposal is recorded under this id.
            Fatal: it names no dead letters, too many, or not in order.
        """

    def disposals(self, event: str | None = None) -> AsyncIterator[Disposal]:
        """Walk the disposals by ascending id, of one event or of all."""

    async def dirty(self, event: str) -> Sequence[DirtyDay]:
        """Find the days with seals newer than their last load, or with a declared run that was
        closed since, oldest day first; without those that can not be made again, for rows of
        them are summarised."""

    async def manifest(self, event: str, days: Iterable[date]) -> Sequence[DaySeals]:
        """Name every row object of each day, of all versions; a day without any has none."""

    async def record_load(self, loads: Sequence[DayLoad]) -> None:
        """Remember committed loads: the named seals are no longer dirty on their day.

        Recording a load again is a no-op; one with a lower fence than the recorded one is ignored.
        """

    async def loads(self, event: str, table: str) -> Mapping[date, DayLoad]:
        """The last committed load of each day."""

    async def totals(self, event: str) -> Sequence[DayTotals]:
        """Counts by day, ascending, each day that has any."""

    async def next_fence(self, name: str) -> int:
        """Count up a durable counter and return its new value; never the same twice."""

    async def ping(self) -> None:
        """Answer, or raise `Transient`."""

    async def close(self) -> None:
        """Let go of connections. Nothing recorded depends on it."""
