"""What may become of a declared run, and how it looks as a document.

Whatever is said twice, or too late, changes nothing: each of these gives back what is kept.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from app.core.errors import Fatal
from app.core.reruns import Counted, DeclaredRun, RunState, day_of_run
from app.ledger.document import Document, time_text
from app.ledger.protocol import DirtyDay


def refuse_unfit_run(run: DeclaredRun) -> None:
    """Raise `Fatal` for a run that is not just opened, or whose id names no day."""
    if day_of_run(run.id) is None:
        raise Fatal(f"{run.id} is no id of a declared run, such as 2026-03-01.01JB…")
    if run.state is not RunState.OPEN or run.counted is not None:
        raise Fatal(f"run {run.id} was not recorded: it is opened before anything else")


def closed(run: DeclaredRun, expected: int, at: datetime) -> DeclaredRun:
    """Closed by who comes first; an abandoned one stays so."""
    if run.state is not RunState.OPEN:
        return run
    return replace(run, expected=expected, closed_at=at)


def abandoned(run: DeclaredRun, at: datetime) -> DeclaredRun:
    """Given up, unless it is complete."""
    if run.state not in (RunState.OPEN, RunState.CLOSED):
        return run
    return replace(run, abandoned_at=at)


def counted(run: DeclaredRun, found: Counted) -> DeclaredRun:
    """As a load found it. What a complete run consists of never changes again, and one that a load
    shows is complete, though it was given up meanwhile."""
    if run.seals is not None or run.closed_at is None:
        return run
    if found.seals is None and run.abandoned_at is not None:
        return run
    return replace(run, counted=found.rows, seals=found.seals)


def dirty_days(
    sealed: Mapping[str, tuple[Sequence[str], Sequence[str]]],
    closed: Mapping[date, datetime],
    summarised: Collection[date],
) -> list[DirtyDay]:
    """The days that a load can make current: those with seals (ids and times) that wait, and those
    of runs that were `closed`, and when the first one was; but none of which rows were
    `summarised`."""
    found = {
        day: DirtyDay(day, tuple(seals), datetime.fromisoformat(min(times)))
        for text, (seals, times) in sealed.items()
        for day in [date.fromisoformat(text)]
    }
    for day, closed_at in closed.items():
        one = found.get(day, DirtyDay(day, (), closed_at))
        found[day] = replace(one, oldest_sealed_at=min(one.oldest_sealed_at, closed_at))
    return [found[day] for day in sorted(found) if day not in summarised]


def run_document(run: DeclaredRun) -> Document:
    return {
        "_id": run.id,
        "event": run.event,
        "day": run.day.isoformat(),
        "opened_at": time_text(run.opened_at),
        "expected": run.expected,
        "closed_at": run.closed_at and time_text(run.closed_at),
        "abandoned_at": run.abandoned_at and time_text(run.abandoned_at),
        "counted": run.counted,
        "seals": None if run.seals is None else sorted(run.seals),
        "waits": run.waits,
    }


def run_from(document: Mapping[str, Any]) -> DeclaredRun:
    def moment(name: str) -> datetime | None:
        return None if document[name] is None else datetime.fromisoformat(document[name])

    return DeclaredRun(
        id=document["_id"],
        event=document["event"],
        opened_at=datetime.fromisoformat(document["opened_at"]),
        expected=document["expected"],
        closed_at=moment("closed_at"),
        abandoned_at=moment("abandoned_at"),
        counted=document["counted"],
        seals=None if document["seals"] is None else frozenset(document["seals"]),
    )
