"""Who is behind, and why. No I/O and no clock: the same sight always gets the same verdict."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.core.pause import Activity, Pause


class Freshness(StrEnum):
    """How a type is doing against the objective of its topic file."""

    OK = "ok"
    NO_OBJECTIVE = "no objective"
    NOT_ARRIVING = "not arriving"
    NOT_CONSUMED = "not consumed"
    NOT_SEALED = "not sealed"
    NOT_LOADED = "not loaded"


@dataclass(frozen=True, slots=True)
class Unread:
    """What Kafka has of a type and no seal covers: `records` of it, by offsets.

    `since` is when the oldest of them was received, `tp` where it is, and `sealed_at` when that
    partition was last sealed. `unassigned` are the partitions with unread records that no worker
    has. None and empty where nobody has asked.
    """

    records: int = 0
    since: datetime | None = None
    tp: str = ""
    sealed_at: datetime | None = None
    unassigned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unloaded:
    """What is sealed and not loaded: rows of `days` days, sealed at `since` or later."""

    days: int = 0
    since: datetime | None = None
    loaded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What Kafka and the ledger say of one type at the moment `at`.

    `last_arrival` is the newest record that Kafka has; None when it has none. `ever` says whether
    it had one at any time.
    """

    event: str
    topic: str
    objective: timedelta | None
    kept: timedelta
    at: datetime
    in_kafka: bool = True
    ever: bool = False
    last_arrival: datetime | None = None
    unread: Unread = Unread()
    unloaded: Unloaded = Unloaded()
    paused: tuple[Pause, ...] = ()

    def pause_of(self, what: Activity) -> Pause | None:
        return next((pause for pause in self.paused if pause.what is what), None)

    @property
    def behind(self) -> timedelta | None:
        """The age of the oldest event that is not in the table; None when nothing waits."""
        return _older(self._age(self.unread.since), self._age(self.unloaded.since))

    @property
    def silent(self) -> timedelta | None:
        """How long nothing has arrived, at least; None when nothing ever has."""
        if self.last_arrival is not None:
            return self._age(self.last_arrival)
        return self.kept if self.ever else None

    @property
    def waits_in_kafka(self) -> bool:
        """Whether the oldest event that waits is in Kafka, and not in a seal."""
        return self.behind is not None and self.behind == self._age(self.unread.since)

    def _age(self, moment: datetime | None) -> timedelta | None:
        return None if moment is None else max(self.at - moment, timedelta())


@dataclass(frozen=True, slots=True)
class Status:
    """What was seen of a type, the verdict, and the reason in words."""

    seen: Seen
    verdict: Freshness
    why: str

    @property
    def is_behind(self) -> bool:
        return self.verdict not in (Freshness.OK, Freshness.NO_OBJECTIVE)

    @property
    def rank(self) -> tuple[bool, float, float, str]:
        """Sorts the worst first: by how many times its objective a type is behind."""
        seen = self.seen
        late = seen.silent if self.verdict is Freshness.NOT_ARRIVING else seen.behind
        seconds = late.total_seconds() if late is not None else 0.0
        times = seconds / seen.objective.total_seconds() if seen.objective else 0.0
        return not self.is_behind, -times, -seconds, seen.event


def judged(seen: Seen) -> Status:
    """Judge one type.

    What was received and is not in the table for longer than the objective is behind, by what keeps
    its oldest event. Where nothing waits for so long, a type of which nothing has arrived for as
    long is not arriving; one that never had an event is not missed.
    """
    objective, behind = seen.objective, seen.behind
    if objective is None:
        return Status(seen, Freshness.NO_OBJECTIVE, _waiting(seen))
    if behind is not None and behind > objective:
        return _kept_in_kafka(seen) if seen.waits_in_kafka else _kept_from_table(seen)
    if not seen.in_kafka:
        why = f"Kafka has no topic {seen.topic}: each role makes it when it starts"
        return Status(seen, Freshness.NOT_ARRIVING, why)
    if seen.silent is not None and seen.silent > objective:
        least = "" if seen.last_arrival is not None else "at least "
        why = f"nothing has arrived for {least}{told(seen.silent)}: ask who sends it"
        return Status(seen, Freshness.NOT_ARRIVING, why)
    return Status(seen, Freshness.OK, _waiting(seen))


def _kept_in_kafka(seen: Seen) -> Status:
    unread = seen.unread
    what = f"{unread.records:,} unread, the oldest for {told(seen.behind)} in {unread.tp}"
    if (pause := seen.pause_of(Activity.CONSUME)) is not None:
        return Status(seen, Freshness.NOT_CONSUMED, f"{what}; {_paused(seen, pause)}")
    if unread.unassigned:
        count = len(unread.unassigned)
        which = unread.unassigned[0] + (f" and {count - 1} more" if count > 1 else "")
        why = f"{what}; no worker reads {which}: is one running, and is it ready?"
        return Status(seen, Freshness.NOT_CONSUMED, why)
    if unread.sealed_at is None or (unread.since is not None and unread.sealed_at < unread.since):
        last = "never" if unread.sealed_at is None else f"{told(seen.at - unread.sealed_at)} ago"
        why = (
            f"{what}; a worker has it, and sealed last {last}: its log says which server is in "
            "its way"
        )
        return Status(seen, Freshness.NOT_SEALED, why)
    why = f"{what}; the workers seal, and do not keep up: start more of them"
    return Status(seen, Freshness.NOT_CONSUMED, why)


def _kept_from_table(seen: Seen) -> Status:
    unloaded = seen.unloaded
    days = "1 day waits" if unloaded.days == 1 else f"{unloaded.days} days wait"
    last = (
        "nothing was ever loaded"
        if unloaded.loaded_at is None
        else f"the last load was {told(seen.at - unloaded.loaded_at)} ago"
    )
    if (pause := seen.pause_of(Activity.LOAD)) is not None:
        why = f"{days} for a load, {told(seen.behind)} after the first seal"
        return Status(seen, Freshness.NOT_LOADED, f"{why}; {_paused(seen, pause)}")
    why = f"{days} for a load, {told(seen.behind)} after the first seal; {last}: is a scheduler "
    return Status(seen, Freshness.NOT_LOADED, why + "running? Its log says what failed")


def _paused(seen: Seen, pause: Pause) -> str:
    return (
        f"{pause.what} is paused by {pause.by} for {told(seen.at - pause.at)}: {pause.why}; "
        f"`forebay resume --type {seen.event}` goes on"
    )


def _waiting(seen: Seen) -> str:
    if not seen.in_kafka:
        return f"Kafka has no topic {seen.topic}"
    if seen.behind is None:
        return "nothing waits" if seen.ever else "nothing has ever arrived"
    where = "is not sealed yet" if seen.waits_in_kafka else "waits for a load"
    return f"the oldest event {where}"


def told(span: timedelta | None) -> str:
    """`45 s`, `12 min`, `3.4 h`, `2.1 d`: as much as one needs at night."""
    if span is None:
        return "–"
    seconds = span.total_seconds()
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6_000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h" if seconds < 48 * 3_600 else f"{seconds / 86_400:.1f} d"


def _older(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    ages = [age for age in (one, other) if age is not None]
    return max(ages, default=None)
