"""Declared runs: an app sends a day again, whole, and what stands of the day is one such run.

A run is opened, its events are sent with its id, and it is closed with the number of rows that it
must have. It is complete once that many rows of different keys are sealed; then it consists of its
rows in the seals there were, for good. Of the complete runs of a day the one that was opened last
is shown, whichever was completed last: what was computed later knows more.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache

from app.core.errors import Reason, Rejected
from app.core.headers import RUN
from app.core.seal import StoredObject, run_of_key, seal_of_key

_ID = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)


class RunState(StrEnum):
    """What is known of a run."""

    OPEN = "open"
    CLOSED = "closed"
    COMPLETE = "complete"
    SUPERSEDED = "superseded"
    ABANDONED = "abandoned"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DeclaredRun:
    """One day of `event`, sent again. `id` is the day and a ULID: `2026-03-01.01JB…`.

    `expected` rows, once it was closed. `counted` is what the last load found of it, None before
    one has looked. `seals` are those it consists of, once it is complete. Times are aware UTC.
    """

    id: str
    event: str
    opened_at: datetime
    expected: int | None = None
    closed_at: datetime | None = None
    abandoned_at: datetime | None = None
    counted: int | None = None
    seals: frozenset[str] | None = None

    @property
    def day(self) -> date:
        return date.fromisoformat(self.id[:10])

    @property
    def state(self) -> RunState:
        """Of the run alone: only among the others of its day it may be superseded."""
        if self.seals is not None:
            return RunState.COMPLETE
        if self.abandoned_at is not None:
            return RunState.ABANDONED
        return RunState.OPEN if self.closed_at is None else RunState.CLOSED

    @property
    def waits(self) -> bool:
        """It was closed, and no load has looked at it since."""
        return self.state is RunState.CLOSED and self.counted is None


@lru_cache(1_000)
def day_of_run(id: str) -> date | None:
    """The day of a run by its id; None for what is no such id."""
    found = _ID.fullmatch(id)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


NO_RUN = Rejected(
    Reason.RUN,
    "a day of this type is sent whole, in a run: open one by POST /v1/runs, and name it in the "
    "header X-Forebay-Run",
)
BAD_RUN = Rejected(Reason.RUN, "that is no id of a run: POST /v1/runs gives one")
OTHER_DAY = Rejected(Reason.RUN, "the event is of another day than its run: each run is of one day")


def unfit_run(run: str, day: date) -> Rejected | None:
    """What is wrong with the run (empty: none) that a good event of this day was sent in, of a type
    whose days are sent in runs. The same everywhere: it depends on the record alone."""
    if not run:
        return NO_RUN
    of = day_of_run(run)
    if of is None:
        return BAD_RUN
    return None if of == day else OTHER_DAY


def run_in(headers: Iterable[tuple[str, bytes | None]]) -> str:
    """The run that a record was sent in, by its headers; empty: in none."""
    for name, value in headers:
        if name == RUN:
            return (value or b"").decode("ascii", "replace")
    return ""


def is_shown(
    key: str, shown: str, runs: Mapping[str, "DeclaredRun"], loaded: Collection[str]
) -> bool:
    """Whether rows of this object are of the run that a load of the seals `loaded` has shown, and
    were sealed before it was complete."""
    run = runs.get(shown)
    seals = loaded if run is None or run.seals is None else run.seals
    return bool(shown) and run_of_key(key) == shown and seal_of_key(key) in seals


def states(runs: Iterable[DeclaredRun]) -> dict[str, RunState]:
    """The state of each run of one day among them all, by id."""
    found = {run.id: run.state for run in runs}
    complete = [id for id, state in found.items() if state is RunState.COMPLETE]
    last = max(complete, default="")
    late = (RunState.COMPLETE, RunState.CLOSED, RunState.OPEN)
    return {
        id: RunState.SUPERSEDED if state in late and id < last else state
        for id, state in found.items()
    }


@dataclass(frozen=True, slots=True)
class Shown:
    """Which run of a day is to be shown, empty for none, and what it consists of.

    `hidden` rows are of other runs, or too late for this one. `expected` rows must stand then, or
    the run is not complete; None where that is known.
    """

    run: str
    objects: tuple[StoredObject, ...]
    hidden: int
    expected: int | None = None


def choose(
    objects: Sequence[StoredObject], runs: Collection[DeclaredRun], counted: Mapping[str, int]
) -> Shown:
    """Choose among the runs of a day, which has these row objects.

    `counted` are runs that were found to have another number of rows than they should.
    """
    by_run = _by_run(objects)
    total = sum(stored.rows for stored in objects)
    last = max((run for run in runs if run.seals is not None), key=_by_id, default=None)
    for run in sorted(runs, key=_by_id, reverse=True):
        if last is not None and run.id <= last.id:
            break
        own = by_run.get(run.id, [])
        rows = sum(stored.rows for stored in own)
        if run.state is RunState.CLOSED and run.id not in counted and rows >= (run.expected or 0):
            return Shown(run.id, tuple(own), total - rows, run.expected)
    if last is None or last.seals is None:
        return Shown("", (), total)
    own = [stored for stored in by_run.get(last.id, []) if seal_of_key(stored.key) in last.seals]
    return Shown(last.id, tuple(own), total - sum(stored.rows for stored in own))


def _by_id(run: DeclaredRun) -> str:
    return run.id


@dataclass(frozen=True, slots=True)
class Counted:
    """What a load found of a run: `rows`, and if it is complete the `seals` it consists of."""

    id: str
    rows: int
    seals: frozenset[str] | None = None


def judged(
    objects: Sequence[StoredObject],
    runs: Iterable[DeclaredRun],
    counted: Mapping[str, int],
    shown: str,
    rows: int,
) -> list[Counted]:
    """What is to be kept of the runs of a day after a load of these objects, which left `rows` of
    the run `shown`."""
    by_run = _by_run(objects)
    found = []
    for run in runs:
        if run.state is not RunState.CLOSED:
            continue
        own = by_run.get(run.id, [])
        if run.id == shown:
            of = {seal for stored in own if (seal := seal_of_key(stored.key)) is not None}
            found.append(Counted(run.id, rows, frozenset(of)))
        else:
            sealed = sum(stored.rows for stored in own)
            found.append(Counted(run.id, counted.get(run.id, sealed)))
    return found


def _by_run(objects: Iterable[StoredObject]) -> dict[str, list[StoredObject]]:
    found: dict[str, list[StoredObject]] = {}
    for stored in objects:
        found.setdefault(run_of_key(stored.key), []).append(stored)
    return found
