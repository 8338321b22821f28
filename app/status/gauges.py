"""Tell, as metrics, how each type is doing, and whether the ledger's newest seals add up."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from loguru import logger
from ulid import ULID

from app import metrics
from app.contracts.model import Contract, Kafka
from app.contracts.table import Table
from app.core.errors import ForebayError
from app.kafka import KafkaOptions
from app.ledger.protocol import SHELF, Ledger
from app.status.look import Now, Sight, Watched, look, utc_now

RECENT = timedelta(hours=2)
"""At least so far back the seals are added up."""

SEALS_EVERY_SECONDS = 600.0
"""The seals of a shelf may be thousands."""
END_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Type:
    """What is looked at of an event type: a contract, which says it too, takes 150 KB."""

    event: str
    topic: str
    partitions: int
    objective: timedelta | None
    kafka: Kafka
    table: Table


def type_of(contract: Contract) -> Type:
    return Type(
        contract.event,
        contract.topic,
        contract.partitions,
        contract.objective,
        contract.kafka,
        contract.table,
    )


class Gauges:
    """Looks from time to time. Every scheduler does, so that what they tell is the same."""

    def __init__(
        self,
        kafka: KafkaOptions,
        group: str,
        ledger: Ledger,
        types: Sequence[Watched],
        now: Now = utc_now,
    ) -> None:
        self._kafka, self._group, self._ledger = kafka, group, ledger
        self._types, self._now = types, now
        self._looked_at = monotonic()
        self._checked_at = float("-inf")
        metrics.SCHEDULER_LOOK_AGE.set_function(lambda: monotonic() - self._looked_at)

    async def watch(self, seconds: float) -> None:
        """Look without end; what can not be answered now is asked again."""
        while True:
            try:
                await self.look()
            except ForebayError as error:
                logger.warning("not known who is behind: {}", error)
            await asyncio.sleep(seconds)

    async def look(self) -> None:
        """Look once. Raises `Transient` and `Fatal` as Kafka and the ledger do."""
        _tell(await look(self._kafka, self._group, self._ledger, self._types, self._now))
        if monotonic() - self._checked_at >= SEALS_EVERY_SECONDS:
            await self._check_seals()
            self._checked_at = monotonic()
        self._looked_at = monotonic()

    async def _check_seals(self) -> None:
        """Of the ledger's newest shelf, and of the one before while that is recent."""
        residual = dict.fromkeys((type.event for type in self._types), 0)
        doubtful = dict(residual)
        now = self._now()
        for shelf in {str(ULID.from_datetime(at))[:SHELF] for at in (now - RECENT, now)}:
            async for found in self._ledger.shelved(shelf):
                seal = found.seal
                accounted = sum(counts.received for counts in seal.days.values())
                doubt = bool(found.problems or seal.problems())
                residual[seal.event] = residual.get(seal.event, 0) + seal.received - accounted
                doubtful[seal.event] = doubtful.get(seal.event, 0) + doubt
        for event, records in residual.items():
            metrics.SCHEDULER_RESIDUAL.labels(event).set(records)
            metrics.SCHEDULER_DOUBTFUL_SEALS.labels(event).set(doubtful[event])


def _tell(sight: Sight) -> None:
    """In one step, so that nobody sees the half of it."""
    metrics.SCHEDULER_BEHIND.clear()
    for status in sight.statuses:
        event, behind = status.seen.event, status.seen.behind
        seconds = behind.total_seconds() if behind is not None else 0.0
        metrics.SCHEDULER_BEHIND_SECONDS.labels(event).set(seconds)
        if status.is_behind:
            metrics.SCHEDULER_BEHIND.labels(event, status.verdict).set(1)
    metrics.SCHEDULER_LAG.clear()
    for (event, partition), offsets in sight.unread.items():
        metrics.SCHEDULER_LAG.labels(event, str(partition)).set(offsets)


@asynccontextmanager
async def looking(gauges: Gauges, seconds: float) -> AsyncIterator[None]:
    """Look every so many seconds meanwhile."""
    task = asyncio.create_task(gauges.watch(seconds), name="who is behind")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=END_SECONDS)
