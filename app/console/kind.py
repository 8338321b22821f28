"""All about one event type: its last day, its days, its dead letters."""

from collections.abc import Mapping
from datetime import date, datetime

from aiohttp import web

from app.console.balance import residual
from app.console.cells import Cell, ago, number
from app.console.charts import behind_chart, open_chart, sealed_chart, ticks
from app.console.data import Data
from app.console.freshness import Row, verdict
from app.console.listing import Column, Query, listed
from app.console.page import Page
from app.console.runs import behind_seconds, runs_of
from app.ledger.protocol import DayLoad, DayTotals
from app.ledger.sums import TypeBalance
from app.status.verdict import told

DEFAULTS = {"q": "", "sort": "day", "dir": "desc"}
SHOWN_DAYS = 90
DEAD_DAYS = 7


async def kind_page(data: Data, event: str, given: Mapping[str, str]) -> Page:
    """One type with a topic file. Raises `HTTPNotFound` for another."""
    if event not in data.kinds:
        raise web.HTTPNotFound
    kind, query, now = data.kinds[event], Query(DEFAULTS, given), data.now()
    histories, waiting = await data.histories(), await data.waiting()
    history = histories.of(event)
    days = [_balance(event, *pair) for pair in (await data.days(kind))[:SHOWN_DAYS]]
    dead = [one for one in await data.dead(DEAD_DAYS) if one.event == event]
    runs = runs_of([], await data.job_runs_of(event))
    status = (data.statuses.seen().found or {}).get(event)
    table = listed(
        f"Days of {event}",
        days,
        _columns(now),
        query,
        lambda one: one[0].isoformat(),
        empty="Nothing of this type was ever sealed.",
        noun="days",
    )
    said = {
        "kind": kind,
        "objective": told(kind.objective) if kind.objective else "",
        "verdict": verdict(Row(kind, status, history, waiting.get(event))),
        "charts": [
            sealed_chart(history),
            open_chart(history),
            behind_chart(
                history,
                behind_seconds(runs, history, now),
                kind.objective.total_seconds() if kind.objective else None,
            ),
        ],
        "ticks": ticks(history),
        "query": query,
        "table": table,
        "dead": dead,
        "dead_days": DEAD_DAYS,
    }
    return Page("kind.html", event, "types", said)


Day = tuple[date, TypeBalance]


def _balance(event: str, totals: DayTotals, load: DayLoad | None) -> Day:
    return totals.day, TypeBalance(
        event,
        totals.counts,
        load.staged if load else 0,
        load.rows if load else 0,
        totals.unloaded,
        load.loaded_at if load else None,
    )


def _columns(now: datetime) -> list[Column[Day]]:
    def counted(name: str, title: str) -> Column[Day]:
        def value(day: Day) -> int:
            count: int = getattr(day[1].counts, name)
            return count

        return Column(name, title, lambda day: number(value(day)), value, True)

    return [
        Column("day", "Day", lambda day: Cell(day[0].isoformat()), lambda day: day[0]),
        counted("received", "Received"),
        counted("staged", "Staged"),
        counted("duplicates", "Duplicates"),
        counted("dead", "Dead"),
        counted("filtered", "Filtered"),
        Column("standing", "In the table", lambda day: number(day[1].standing, "strong"),
               lambda day: day[1].standing, True),
        Column("waiting", "Waiting", lambda day: number(day[1].waiting, "warn"),
               lambda day: day[1].waiting, True),
        Column("residual", "Residual", lambda day: residual(day[1]),
               lambda day: abs(day[1].residual), True),
        Column("load", "Last load", lambda day: ago(day[1].last_load, now),
               lambda day: day[1].last_load, True),
    ]  # fmt: skip
