"""Runs of loads: what the history of jobs says of each, and what the ledger knows of its days.

The history has failures and how long each took; it keeps runs of schedulers only, for a while. The
ledger's loads are all that stands, by days that no later run has replaced.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.console.data import SLOT, SLOTS, History
from app.core.job_run import JobOutcome, JobRun
from app.ledger.sums import LoadRun


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `began` is None where nothing tells it; `days` are told in words; `staged` is None
    where all days of it were replaced since. `why` says why it failed."""

    id: str
    event: str
    began: datetime | None
    ended: datetime
    failed: bool = False
    tries: int = 1
    days: str = ""
    rows: int = 0
    collapsed: int = 0
    why: str = ""

    @property
    def took(self) -> timedelta | None:
        return None if self.began is None else max(self.ended - self.began, timedelta())


def runs_of(loads: Sequence[LoadRun], history: Iterable[JobRun]) -> list[Run]:
    """All of both, the last ended first; a run of both once."""
    standing = {load.run: load for load in loads}
    found = [
        _from_history(run, standing.pop(run.id, None))
        for run in history
        if run.outcome is not JobOutcome.SKIPPED
    ]
    found += map(_from_ledger, standing.values())
    return sorted(found, key=lambda run: run.ended, reverse=True)


def _from_history(run: JobRun, load: LoadRun | None) -> Run:
    days = run.did.get("days", 0)
    return Run(
        id=run.id,
        event=run.event,
        began=run.started_at,
        ended=run.ended_at,
        failed=run.outcome is JobOutcome.FAILED,
        tries=run.tries,
        days=days_told(load) if load else _count(days),
        rows=run.did.get("rows", 0),
        collapsed=run.did.get("collapsed", 0),
        why=run.why,
    )


def _from_ledger(load: LoadRun) -> Run:
    return Run(
        id=load.run,
        event=load.event,
        began=load.began_at,
        ended=load.loaded_at,
        days=days_told(load),
        rows=load.rows,
        collapsed=load.staged - load.hidden - load.rows,
    )


def days_told(load: LoadRun) -> str:
    """`2026-03-01`, or `2026-03-01 – 03-09, 7 days`."""
    first, last = load.first, load.last
    if load.days == 1:
        return f"{first}"
    until = f"{last:%m-%d}" if first.year == last.year else f"{last}"
    return f"{first} – {until}, {_count(load.days)}"


def _count(days: int) -> str:
    return "" if not days else "1 day" if days == 1 else f"{days} days"


def behind_seconds(runs: Iterable[Run], history: History, now: datetime) -> list[float | None]:
    """By half hour: how old at most was the oldest sealed event that was not in the table.

    What a load does not see waits since its begin, if anything was sealed after it, and until the
    next one commits. None before the first commit that is known, and in the time to come.
    """
    good = sorted(
        (run for run in runs if not run.failed and run.began is not None),
        key=lambda run: run.ended,
    )
    behind: list[float | None] = []
    for at in range(SLOTS):
        begin = history.first + at * SLOT
        end = min(begin + SLOT, now)
        before = [run.began for run in good if run.ended < begin and run.began is not None]
        since = before[-1] if before else None
        waits: list[float] = []
        for run in (run for run in good if begin <= run.ended < end):
            if since is not None:
                waits.append(_wait(history, since, run.ended))
            since = run.began
        if since is not None and begin < now:
            waits.append(_wait(history, since, end))
        behind.append(max(waits, default=None))
    return behind


def _wait(history: History, since: datetime, until: datetime) -> float:
    """Nothing waits if nothing was sealed in between, as far as half hours tell."""
    first, last = ((moment - history.first) // SLOT for moment in (since, until))
    sealed = any(history.seals[max(first, 0) : last + 1])
    return (until - since).total_seconds() if sealed else 0.0
