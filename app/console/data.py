"""What the pages are made of: one question to the ledger for each, kept for a few seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from app.console.answers import Answers, Lookout
from app.console.kinds import Kind, Kinds
from app.core.job_run import JobRun
from app.core.seal import DayCounts
from app.kafka import KafkaOptions
from app.ledger.protocol import DayLoad, DayTotals, Ledger
from app.ledger.sums import SLOT_MINUTES, DeadSum, LoadRun, Slot, TypeBalance, Waiting
from app.status.verdict import Status
from sinks.protocol import ObjectStore, Warehouse

KEPT_SECONDS = 5.0
LOOKED_SECONDS = 20.0
SLOT = timedelta(minutes=SLOT_MINUTES)
SLOTS = 48
LOADS = 500
RUNS = 3_000


@dataclass(slots=True)
class History:
    """A day in half hours, the running one last: events by what became of them, and by how many
    seconds the seal that waited longest was open (None where nothing was sealed)."""

    first: datetime
    staged: list[int] = field(default_factory=lambda: [0] * SLOTS)
    duplicates: list[int] = field(default_factory=lambda: [0] * SLOTS)
    dead: list[int] = field(default_factory=lambda: [0] * SLOTS)
    filtered: list[int] = field(default_factory=lambda: [0] * SLOTS)
    seals: list[int] = field(default_factory=lambda: [0] * SLOTS)
    open_seconds: list[float | None] = field(default_factory=lambda: [None] * SLOTS)
    last_sealed: datetime | None = None

    @property
    def received(self) -> list[int]:
        parts = zip(self.staged, self.duplicates, self.dead, self.filtered, strict=True)
        return [sum(part) for part in parts]

    def take(self, slot: Slot) -> None:
        """Add what was sealed in a half hour; what is from before the day is left out."""
        at = (slot.since - self.first) // SLOT
        if not 0 <= at < SLOTS:
            return
        for name in ("staged", "duplicates", "dead", "filtered"):
            getattr(self, name)[at] += getattr(slot.counts, name)
        self.seals[at] += slot.seals
        if slot.opened is not None:
            seconds = max((slot.sealed - slot.opened).total_seconds(), 0.0)
            self.open_seconds[at] = max(self.open_seconds[at] or 0.0, seconds)
        self.last_sealed = max(self.last_sealed or slot.sealed, slot.sealed)


@dataclass(frozen=True, slots=True)
class Histories:
    """Of each type that sealed anything in the last day, and of all together."""

    all: History
    by_event: Mapping[str, History]

    def of(self, event: str) -> History:
        return self.by_event.get(event) or History(self.all.first)


@dataclass(frozen=True, slots=True)
class Stores:
    """The servers that the console asks. `group` is the workers' consumer group; `pii_key` serves
    keys that land as a hash."""

    ledger: Ledger
    objects: ObjectStore
    warehouse: Warehouse
    kafka: KafkaOptions
    group: str
    pii_key: bytes | None = None


class Data:
    """Everything that pages show. Methods raise `Transient` when the ledger can not be reached."""

    def __init__(self, kinds: Kinds, stores: Stores) -> None:
        self.kinds, self.stores = kinds, stores
        self.answers = Answers(KEPT_SECONDS)
        self.statuses = Lookout(LOOKED_SECONDS, self._statuses)

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def balances(self, first: date, last: date) -> Mapping[str, TypeBalance]:
        """By type, of each one that has a topic file or counts."""

        async def ask() -> Mapping[str, TypeBalance]:
            found = await self.stores.ledger.balances(self.kinds.tables, first, last)
            empty = {event: TypeBalance(event, DayCounts()) for event in self.kinds}
            return empty | {one.event: one for one in found}

        return await self.answers.of(("balances", first, last), ask)

    async def histories(self) -> Histories:
        """The last 24 hours."""

        async def ask() -> Histories:
            now = self.now()
            first = now.replace(minute=now.minute // SLOT_MINUTES * SLOT_MINUTES, second=0,
                                microsecond=0) - (SLOTS - 1) * SLOT  # fmt: skip
            found = Histories(History(first), {})
            by_event: dict[str, History] = {}
            for slot in await self.stores.ledger.activity(first):
                found.all.take(slot)
                by_event.setdefault(slot.event, History(first)).take(slot)
            return Histories(found.all, by_event)

        return await self.answers.of("histories", ask)

    async def waiting(self) -> Mapping[str, Waiting]:
        """By type, of those of which anything waits for a load."""

        async def ask() -> Mapping[str, Waiting]:
            return {one.event: one for one in await self.stores.ledger.waiting()}

        return await self.answers.of("waiting", ask)

    async def loads(self) -> Sequence[LoadRun]:
        """The last ones of all tables."""
        return await self.answers.of("loads", lambda: self.stores.ledger.recent_loads(LOADS))

    async def job_runs(self) -> Sequence[JobRun]:
        """Runs of loads of a day, the newest first."""

        async def ask() -> Sequence[JobRun]:
            found: list[JobRun] = []
            since = self.now() - SLOTS * SLOT
            async for run in self.stores.ledger.job_runs(job="load", since=since):
                found.append(run)
                if len(found) >= RUNS:
                    break
            return found

        return await self.answers.of("job runs", ask)

    async def job_runs_of(self, event: str) -> Sequence[JobRun]:
        """The same of one type."""

        async def ask() -> Sequence[JobRun]:
            since = self.now() - SLOTS * SLOT
            found = self.stores.ledger.job_runs(job="load", event=event, since=since)
            return [run async for run in found]

        return await self.answers.of(("job runs", event), ask)

    async def dead(self, days: int) -> Sequence[DeadSum]:
        """Dead letters by type and reason, of seals of so many days."""
        since = self.now() - timedelta(days=days)
        return await self.answers.of(("dead", days), lambda: self.stores.ledger.dead_sums(since))

    async def days(self, kind: Kind) -> Sequence[tuple[DayTotals, DayLoad | None]]:
        """Each day of a type, the newest first, with its last load."""

        async def ask() -> Sequence[tuple[DayTotals, DayLoad | None]]:
            loads = await self.stores.ledger.loads(kind.event, kind.table.name)
            totals = await self.stores.ledger.totals(kind.event)
            return [(total, loads.get(total.day)) for total in reversed(totals)]

        return await self.answers.of(("days", kind.event), ask)

    async def _statuses(self) -> Mapping[str, Status]:
        from app.status.look import statuses  # with aiokafka, which takes 15 MB: when it is wanted

        stores = self.stores
        found = await statuses(stores.kafka, stores.group, stores.ledger, list(self.kinds.values()))
        return {one.seen.event: one for one in found}
