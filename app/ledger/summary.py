"""Old seals in one entry: what they counted stays, what they stored is named no more.

A summary takes the place of many seals of one event type, all or nothing. It covers the same
offsets and counts the same records, by day, so chains still tile and the audit still closes; it
keeps which seal had how many rows of a day, so that what a load named can still be compared. The
objects belong to nobody then, and the janitor removes them: such a day can not be made again.

The links inside are free again, and nobody can take them: an entry must continue one that ends
there, and none does. A writer who saw the end before must have been standing still for as long as
seals are kept, and a worker records no seal that is older than half a day.
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from app.core.seal import DayCounts, ObjectKind, Range, Seal, topic_and_number

SUMMED_AT_ONCE = 500
"""Seals of one summary at most: its document stays far below what MongoDB holds, and so does the
transaction that makes it."""


@dataclass(frozen=True, slots=True)
class Summary:
    """So many `seals`, recorded from `sealed_from` to `sealed_to`.

    `ranges` are theirs, joined where one continues the other: a partition may have several, with
    other entries in between. `rows` are those in their row objects, by day and seal.
    """

    id: str
    event: str
    seals: int
    sealed_from: datetime
    sealed_to: datetime
    made_at: datetime
    ranges: tuple[Range, ...]
    days: Mapping[date, DayCounts]
    dead_by_reason: Mapping[str, int]
    rows: Mapping[date, Mapping[str, int]]

    @property
    def received(self) -> int:
        return sum(r.records for r in self.ranges)

    def problems(self) -> list[str]:
        """Say what does not add up, a sentence each."""
        found = [
            f"{r.link}: next {r.next} with {r.records} records"
            for r in self.ranges
            if r.next <= r.first or not 0 <= r.records <= r.next - r.first
        ]
        counted = sum(c.received for c in self.days.values())
        if self.received != counted:
            found.append(f"{self.received} records received, {counted} accounted for")
        found += [
            f"its seals had {held} rows of {day}, the counts say {wanted}"
            for day in sorted({*self.days, *self.rows})
            for held in [sum(self.rows.get(day, {}).values())]
            for wanted in [self.days.get(day, DayCounts()).rows]
            if held != wanted
        ]
        dead = sum(c.dead for c in self.days.values())
        if sum(self.dead_by_reason.values()) != dead:
            found.append(f"dead by reason {dict(self.dead_by_reason)} ≠ {dead} dead")
        return found


@dataclass(frozen=True, slots=True)
class ShelvedSummary:
    """A summary for the audit. `problems` name what the store holds twice and that differs."""

    summary: Summary
    problems: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.summary.id


class Summaries(Protocol):
    """Every method raises `Transient` when the store can not be reached or is busy."""

    def old_seals(self, event: str, before: datetime) -> AsyncIterator[Seal]:
        """Walk, by ascending id, the seals that were recorded before that moment and of which no
        day waits for a load, whichever seal it waits for."""

    async def summarise(self, seals: Sequence[str], at: datetime) -> Summary:
        """Put one entry in the place of these seals (ids) of one event type, durably.

        Raises:
            Fenced: one of them is gone, or one of their days waits for a load again. Nothing was
                changed.
            Fatal: what they say does not add up, or the server knows no transactions.
        """

    def summaries(self, shelf: str) -> AsyncIterator[ShelvedSummary]:
        """Walk those of one shelf by ascending id."""

    async def summed(self, seals: Collection[str]) -> set[str]:
        """Which of these seals (ids) had rows and are summarised; of those without rows no id is
        kept."""

    async def summarised_days(self, event: str) -> frozenset[date]:
        """Days of which some rows have no objects any more: none of them can be made again."""

    async def summary_count(self) -> int:
        """How many there are: as long as it is the same, nothing was summarised meanwhile."""


def summary_of(seals: Sequence[Seal], at: datetime) -> Summary:
    """Add up seals of one event type; the id is that of the newest, marked."""
    (event,) = {seal.event for seal in seals}
    days: dict[date, DayCounts] = {}
    rows: dict[date, Counter[str]] = {}
    dead: Counter[str] = Counter()
    for seal in seals:
        for day, counts in seal.days.items():
            days[day] = days.get(day, DayCounts()) + counts
        for stored in seal.objects:
            if stored.kind is ObjectKind.ROWS:
                rows.setdefault(stored.day, Counter())[seal.id] += stored.rows
        dead.update(seal.dead_by_reason)
    return Summary(
        id=f"{max(seal.id for seal in seals)}.summary",
        event=event,
        seals=len(seals),
        sealed_from=min(seal.sealed_at for seal in seals),
        sealed_to=max(seal.sealed_at for seal in seals),
        made_at=at,
        ranges=tuple(_joined(r for seal in seals for r in seal.ranges)),
        days=days,
        dead_by_reason=dict(dead),
        rows={day: dict(of_day) for day, of_day in rows.items()},
    )


def _joined(ranges: Iterable[Range]) -> list[Range]:
    joined: list[Range] = []
    for r in sorted(ranges, key=lambda r: (topic_and_number(r.tp), r.first)):
        last = joined[-1] if joined else None
        if last is not None and (last.tp, last.next) == (r.tp, r.first):
            changelog = last.changelog if r.changelog < 0 else r.changelog
            records = last.records + r.records
            joined[-1] = Range(r.tp, last.first, r.next, records, changelog)
        else:
            joined.append(r)
    return joined
