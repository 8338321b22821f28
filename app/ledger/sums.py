"""What a ledger adds up over all event types at once, for whoever looks at it: one question each.

Nothing that runs depends on these; they are for pages that show a hundred types together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol

from ulid import ULID

from app.core.seal import STRAY_GRACE, DayCounts, StoredObject

OPEN_AT_MOST = STRAY_GRACE / 2
"""No seal is recorded that was open for longer: what was sealed since then has an id from so long
before it, at the earliest."""
SLOT_MINUTES = 30
BEYOND_ULIDS = "8"
"""Sorts after each ULID, and before the ids of chains' starts."""


@dataclass(frozen=True, slots=True)
class TypeBalance:
    """One event type over some days: `loaded` of its rows went into committed loads, after which
    `standing` stood in the table and `hidden` were of declared runs that are not shown; `waiting`
    are in seals that no load has named.
    """

    event: str
    counts: DayCounts
    loaded: int = 0
    standing: int = 0
    waiting: int = 0
    last_load: datetime | None = None
    hidden: int = 0

    @property
    def collapsed(self) -> int:
        return self.loaded - self.hidden - self.standing

    @property
    def residual(self) -> int:
        """Rows that are neither loaded nor waiting: 0, or something is wrong."""
        return self.counts.rows - self.loaded - self.waiting


@dataclass(frozen=True, slots=True)
class Slot:
    """What was sealed of one type in the half hour from `since`.

    Of these `seals` the one that was open first was opened at `opened`, and recorded at `sealed`.
    """

    event: str
    since: datetime
    seals: int
    counts: DayCounts
    opened: datetime | None
    sealed: datetime


@dataclass(frozen=True, slots=True)
class LoadRun:
    """A committed run, by those of its days that no later one has replaced."""

    event: str
    table: str
    run: str
    first: date
    last: date
    days: int
    staged: int
    rows: int
    loaded_at: datetime
    hidden: int = 0

    @property
    def began_at(self) -> datetime | None:
        """By its id; None where that is no ULID."""
        return moment_of(self.run)


@dataclass(frozen=True, slots=True)
class DeadSum:
    """How many dead letters of one type died of one reason, in `seals`, the last at `last`."""

    event: str
    reason: str
    dead: int
    seals: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """Days of one type that have seals no load has named; the oldest of these is of `since`."""

    event: str
    days: int
    since: datetime


class Sums(Protocol):
    """Every method raises `Transient` when the store can not be reached or is busy."""

    async def balances(
        self, tables: Mapping[str, str], first: date, last: date
    ) -> Sequence[TypeBalance]:
        """Add up these days, both inclusive, of every type that has counts there, by name.

        `tables` says which table of a type counts; of a type that is not in it, all do.
        """

    async def activity(self, since: datetime) -> Sequence[Slot]:
        """What was sealed since then, by type and half hour; the first one may be cut."""

    async def recent_loads(self, limit: int) -> Sequence[LoadRun]:
        """The last runs of all tables, newest first."""

    async def dead_sums(self, since: datetime) -> Sequence[DeadSum]:
        """Dead letters of the seals that were opened since then, by type and reason."""

    async def newest_dead(self, event: str, limit: int) -> Sequence[StoredObject]:
        """The last objects of dead letters of a type, those of the newest seal first."""

    async def waiting(self) -> Sequence[Waiting]:
        """What waits for a load, by type."""


def moment_of(id: str) -> datetime | None:
    """When a ULID was made, to the millisecond; None for anything else."""
    try:
        return ULID.from_str(id).datetime.astimezone(UTC)
    except ValueError:
        return None


def first_id(moment: datetime) -> str:
    """Sorts before each ULID that is made from then on."""
    return str(ULID.from_datetime(moment))[:10]


def slot_of(event: str, slot: str, seals: int, counts: DayCounts, oldest: str) -> Slot:
    """From a row of the store: `slot` is `2026-03-01T12:3`, `oldest` the id and the time of the
    seal with the lowest id."""
    id, _, at = oldest.partition("|")
    since = datetime.fromisoformat(f"{slot}0:00+00:00")
    return Slot(event, since, seals, counts, moment_of(id), datetime.fromisoformat(at))
