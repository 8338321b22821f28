"""Seals beyond their retention: many of them become one summary, and their objects strays.

A seal goes only when every day of it is loaded, and when none of these days can get rows any more:
of a type that takes events of any age, or older ones than the retention, all seals stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from loguru import logger

from app.contracts.model import Contract
from app.core.errors import Fatal, Fenced
from app.core.seal import Seal
from app.janitor.pile import Check, Kind, Pile
from app.ledger.disposed import Disposed
from app.ledger.protocol import Ledger
from app.ledger.summary import SUMMED_AT_ONCE

MARGIN = timedelta(days=31)
"""Between the last event that a day can get and the day's first seal that goes: for what waits in
Kafka, and for dead letters, which are sent again as of the day they were received."""

LateDays = Mapping[str, int | Literal["any"]]
"""By event type, from its topic file."""


@dataclass(frozen=True)
class Retention:
    """How long seals are kept; `keep` None: for ever."""

    keep: timedelta | None
    late_days: LateDays

    def before(self, event: str, now: datetime) -> datetime | None:
        """Older seals of the type may go; None: none of them, nor of one without a topic file."""
        late = self.late_days.get(event, "any")
        if self.keep is None or late == "any" or timedelta(days=late) + MARGIN > self.keep:
            return None
        return now - self.keep


def late_days_of(contracts: Mapping[str, Contract]) -> LateDays:
    """As the topic files have it."""
    return {event: contract.day.late_days for event, contract in contracts.items()}


NOTHING_GOES = Retention(None, {})


@dataclass
class OldSeals:
    """One sweep: counts old seals and their open dead letters, and with `go` puts summaries in
    their place; without, it counts their objects, too, which go next."""

    ledger: Ledger
    piles: Mapping[Kind, Pile]
    check: Check
    go: bool

    async def sweep(self, retention: Retention) -> Fatal | None:
        """What is wrong with one type keeps nothing from the others: the first such error is
        returned. A load that took seals back meanwhile is no error, the next sweep goes on."""
        wrong: Fatal | None = None
        now = datetime.now(UTC)
        for event in sorted(await self.ledger.partitions()):
            before = retention.before(event, now)
            if before is None:
                continue
            try:
                await self._sweep_type(event, before)
            except Fenced as error:
                logger.warning("{}: the next sweep goes on: {}", event, error)
            except Fatal as error:
                logger.warning("{}: its old seals stay: {}", event, error)
                wrong = wrong or error
        return wrong

    async def _sweep_type(self, event: str, before: datetime) -> None:
        some: list[Seal] = []
        with Disposed() as disposed:
            await disposed.read(self.ledger, event)
            async for seal in self.ledger.old_seals(event, before):
                some.append(seal)
                if len(some) == SUMMED_AT_ONCE:
                    await self._take(some, disposed)
                    some = []
            if some:
                await self._take(some, disposed)

    async def _take(self, seals: Sequence[Seal], disposed: Disposed) -> None:
        if self.go:
            self.check()
            await self.ledger.summarise([seal.id for seal in seals], datetime.now(UTC))
        for seal in seals:
            name = f"{seal.event} {seal.id} {seal.sealed_at:%Y-%m-%d}"
            self.piles[Kind.SEALS].add(name)
            if count := _open_letters(seal, disposed):
                self.piles[Kind.LETTERS].add(f"{name}: {count}", count=count)
            for stored in () if self.go else seal.objects:
                self.piles[Kind.OBJECTS].add(stored.key, stored.bytes)


def _open_letters(seal: Seal, disposed: Disposed) -> int:
    dead = sum(counts.dead for counts in seal.days.values())
    return dead - sum(disposed.count_in(r.tp, r.first, r.next) for r in seal.ranges)
