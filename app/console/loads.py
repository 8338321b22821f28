"""What was loaded, and what was not: a timeline of the last day, and the runs one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from app.console.cells import NOTHING, Cell, ago, clock, number
from app.console.data import Data
from app.console.draw import Bar, timeline
from app.console.listing import Column, Query, listed
from app.console.page import Page
from app.console.runs import Run, runs_of
from app.status.verdict import told

DEFAULTS = {"show": "", "q": "", "sort": "ended", "dir": "desc"}
SHOWN = {"": "all", "failed": "failed", "slow": "over a minute", "again": "tried again"}
DAY = timedelta(days=1)
MOST_LANES = 40
MOST_RUNS = 300
HOURS = 4


@dataclass(frozen=True, slots=True)
class Lane:
    """The runs of one type in the last day."""

    event: str
    runs: int
    failed: int
    rows: int
    last: datetime
    drawn: Markup


async def loads_page(data: Data, given: Mapping[str, str]) -> Page:
    """The last runs of all tables."""
    query, now = Query(DEFAULTS, given), data.now()
    runs = runs_of(await data.loads(), await data.job_runs())
    table = listed(
        "Runs",
        runs,
        _columns(data, now),
        query,
        lambda run: _words(data, run),
        keep={
            "failed": lambda run: run.failed,
            "slow": lambda run: run.took is not None and run.took.total_seconds() > 60,
            "again": lambda run: run.tries > 1,
        }.get(query["show"]),
        empty="No run of a load is known.",
        noun="runs",
        most=MOST_RUNS,
    )
    lanes = _lanes(table.chosen, now)
    said = {
        "query": query,
        "table": table,
        "lanes": lanes[:MOST_LANES],
        "more_lanes": max(len(lanes) - MOST_LANES, 0),
        "hours": [f"{now - DAY + n * timedelta(hours=HOURS):%H:%M}" for n in range(24 // HOURS)],
        "failed": sum(run.failed for run in runs),
        "shown": SHOWN,
    }
    return Page("loads.html", "Loads", "loads", said)


def _words(data: Data, run: Run) -> str:
    kind = data.kinds.get(run.event)
    return f"{run.event} {run.id} {run.why} {kind.words if kind else ''}".lower()


def _lanes(runs: Sequence[Run], now: datetime) -> list[Lane]:
    """Those with failures first, then those whose last run is newest."""
    since = now - DAY
    by_event: dict[str, list[Run]] = {}
    for run in runs:
        if run.ended >= since:
            by_event.setdefault(run.event, []).append(run)
    lanes = [
        Lane(
            event,
            len(its),
            sum(run.failed for run in its),
            sum(run.rows for run in its),
            max(run.ended for run in its),
            timeline(map(_bar, its), since, DAY),
        )
        for event, its in by_event.items()
    ]
    return sorted(lanes, key=lambda lane: (lane.failed > 0, lane.last), reverse=True)


def _bar(run: Run) -> Bar:
    what = f"failed: {run.why}" if run.failed else f"{run.days}, {run.rows:,} rows"
    name = "failed" if run.failed else "done"
    return Bar(run.began or run.ended, run.ended, name, f"{run.ended:%H:%M:%S}, {what}")


def _columns(data: Data, now: datetime) -> list[Column[Run]]:
    def event(run: Run) -> Cell:
        kind = data.kinds.get(run.event)
        return Cell(run.event, f"types/{run.event}", more=kind.app) if kind else Cell(run.event)

    return [
        Column("type", "Event type", event, lambda run: run.event),
        Column("outcome", "Outcome", _outcome, lambda run: (not run.failed, -run.tries)),
        Column("ended", "Ended", lambda run: ago(run.ended, now), lambda run: run.ended, True),
        Column("took", "Took", _took, lambda run: run.took, True),
        Column("days", "Days", lambda run: Cell(run.days) if run.days else NOTHING,
               lambda run: run.days, about="Those that no later run has replaced"),
        Column("rows", "Rows", lambda run: number(run.rows, "strong"), lambda run: run.rows, True,
               "Rows that stood in the table"),
        Column("collapsed", "Collapsed", lambda run: number(run.collapsed),
               lambda run: run.collapsed, True, "Copies, of which one stands"),
        Column("run", "Run", lambda run: Cell(run.id, tone="code", hint=clock(run.ended))),
    ]  # fmt: skip


def _outcome(run: Run) -> Cell:
    tries = f"after {run.tries} tries" if run.tries > 1 else ""
    if run.failed:
        return Cell("failed", tone="bad", badge=True, more=f"{run.why} {tries}".strip())
    return Cell("committed", tone="good", badge=True, more=tries)


def _took(run: Run) -> Cell:
    if run.took is None:
        return NOTHING
    total = run.took.total_seconds()
    return Cell(f"{total:.1f} s" if total < 60 else told(run.took))
