"""Seals beyond their retention: many of them become one summary, and their objects strays.

A seal goes only when every day of it is loaded, and when none of these days can get rows any more:
of a type that takes events of any age, or older ones than the retention, all seals stay.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from app.contracts.model import Contract
from app.janitor.pile import Check, Pile
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


async def sweep_old_seals(
    ledger: Ledger, retention: Retention, pile: Pile, check: Check, *, go: bool
) -> None:
    """Count old seals, and with `go` put summaries in their place.

    Raises:
        Fenced: a load took one of them back meanwhile; the next sweep goes on.
        Fatal: the ledger's server knows no transactions.
    """
    now = datetime.now(UTC)
    for event in sorted(await ledger.partitions()):
        before = retention.before(event, now)
        if before is None:
            continue
        ids: list[str] = []
        async for seal in ledger.old_seals(event, before):
            pile.add(f"{event} {seal.id} {seal.sealed_at:%Y-%m-%d}")
            ids += [seal.id] if go else []
            if len(ids) == SUMMED_AT_ONCE:
                await _summarise(ledger, ids, check)
                ids = []
        await _summarise(ledger, ids, check)


async def _summarise(ledger: Ledger, ids: Iterable[str], check: Check) -> None:
    if these := list(ids):
        check()
        await ledger.summarise(these, datetime.now(UTC))
