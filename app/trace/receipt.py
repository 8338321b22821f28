"""What became of one event, as far as it can be known, and what was looked at to know it."""

from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """Where an event is, or what became of it."""

    ROW = "row"
    DUPLICATE = "duplicate"
    COLLAPSED = "collapsed"
    FILTERED = "filtered"
    HIDDEN = "not shown"
    DEAD_LETTER = "dead letter"
    SEALED = "sealed"
    UNREAD = "unread"
    LOST = "lost"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Position:
    """A record's place, `tp@offset`, `tp` being the ledger's name of the partition."""

    tp: str
    offset: int

    def __str__(self) -> str:
        return f"{self.tp}@{self.offset}"


@dataclass(frozen=True, slots=True)
class Sealed:
    """The seal that accounts for a record."""

    id: str
    sealed_at: datetime
    worker: str


@dataclass(frozen=True, slots=True)
class Line:
    """The lines of an event in a seal's object: the first one's number, from 1, and how many.

    `values` are for who may see them.
    """

    object: str
    number: int
    lines: int
    day: date
    values: tuple[Any, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Load:
    """The load that named the seal for the day."""

    run: str
    table: str
    day: date
    loaded_at: datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """Why an event is a dead letter."""

    reason: str
    field: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the event that was `asked` for; `said` in one sentence.

    What is not known is None or empty. `of` is the copy that stands in its stead; `others` are
    places where other copies were seen. `searched` and `unsearched` say where it was looked for.
    """

    event: str
    asked: str
    outcome: Outcome
    said: str
    position: Position | None = None
    received_at: datetime | None = None
    sealed: Sealed | None = None
    line: Line | None = None
    load: Load | None = None
    rows: int = 0
    letter: Letter | None = None
    of: Position | None = None
    others: tuple[Position, ...] = ()
    searched: tuple[str, ...] = ()
    unsearched: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For machines: places and fates, and nothing of what is in the event."""
        found = asdict(self)
        for name in ("position", "of"):
            found[name] = str(getattr(self, name)) if getattr(self, name) else None
        found["others"] = [str(other) for other in self.others]
        if self.line is not None:
            del found["line"]["values"]
        return found
