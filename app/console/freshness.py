"""Who is behind, and why; and the last 24 hours."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.console.cells import NOTHING, Cell, ago, number, span
from app.console.charts import open_chart, sealed_chart, ticks
from app.console.data import Data, History
from app.console.draw import spark
from app.console.kinds import Kind
from app.console.listing import Column, Query, listed
from app.console.page import Page
from app.ledger.sums import Waiting
from app.status.verdict import Freshness, Status

DEFAULTS = {"show": "", "q": "", "sort": "verdict", "dir": "asc"}
SHOWN = {"": "all", "behind": "behind", "goal": "with an objective", "silent": "silent for a day"}
TONES = {Freshness.OK: "good", Freshness.NO_OBJECTIVE: "dim", Freshness.NOT_ARRIVING: "warn"}
SOON_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Row:
    """What Kafka says is missing until it was asked."""

    kind: Kind
    status: Status | None
    history: History
    waiting: Waiting | None

    @property
    def words(self) -> str:
        return f"{self.kind.words} {self.status.verdict if self.status else ''}"


async def freshness_page(data: Data, given: Mapping[str, str]) -> Page:
    """Each type against its objective, with what the ledger saw of it in a day."""
    query, now = Query(DEFAULTS, given), data.now()
    seen = data.statuses.seen()
    statuses = seen.found or {}
    histories, waiting = await data.histories(), await data.waiting()
    rows = [
        Row(kind, statuses.get(event), histories.of(event), waiting.get(event))
        for event, kind in data.kinds.items()
    ]
    table = listed(
        "Freshness by event type",
        rows,
        _columns(now),
        query,
        lambda row: row.words,
        keep={
            "behind": lambda row: row.status is not None and row.status.is_behind,
            "goal": lambda row: row.kind.objective is not None,
            "silent": lambda row: not any(row.history.received),
        }.get(query["show"]),
    )
    is_asking = seen.found is None and not seen.trouble
    said = {
        "query": query,
        "table": table,
        "behind": [one for one in statuses.values() if one.is_behind],
        "asked": ago(seen.at, now),
        "asking": is_asking,
        "trouble": seen.trouble,
        "charts": [sealed_chart(histories.all), open_chart(histories.all)],
        "ticks": ticks(histories.all),
        "shown": SHOWN,
    }
    again = SOON_SECONDS if is_asking else 0
    return Page("freshness.html", "Freshness", "freshness", said, again_seconds=again)


def _columns(now: datetime) -> list[Column[Row]]:
    return [
        Column("type", "Event type", _type, lambda row: row.kind.event),
        Column("verdict", "Verdict", verdict, _rank, about="The worst first"),
        Column("behind", "Behind", _behind, lambda row: row.status and row.status.seen.behind, True,
               "Age of the oldest event that is not in its table"),
        Column("objective", "Objective", lambda row: span(row.kind.objective),
               lambda row: row.kind.objective, True, "`freshness` in the topic file"),
        Column("silent", "Silent", _silent, lambda row: row.status and row.status.seen.silent, True,
               "How long nothing has arrived"),
        Column("unread", "Unread", _unread,
               lambda row: row.status and row.status.seen.unread.records, True,
               "Records in Kafka that no seal covers"),
        Column("waiting", "To load", _waiting, lambda row: row.waiting and row.waiting.days, True,
               "Days with seals that no load has named"),
        Column("sealed", "Last seal", lambda row: ago(row.history.last_sealed, now),
               lambda row: row.history.last_sealed, True, "Within the last day"),
        Column("day", "24 hours", _day, lambda row: sum(row.history.received), True,
               "Events sealed"),
    ]  # fmt: skip


def _type(row: Row) -> Cell:
    return Cell(row.kind.event, f"types/{row.kind.event}", more=row.kind.app, hint=row.kind.summary)


def verdict(row: Row) -> Cell:
    """The verdict, and why where somebody must do something."""
    if row.status is None:
        return Cell("not asked yet", tone="dim")
    tone = TONES.get(row.status.verdict, "bad")
    why = row.status.why if row.status.is_behind else ""
    return Cell(str(row.status.verdict), tone=tone, badge=True, more=why)


def _rank(row: Row) -> tuple[bool, float, float, str]:
    return row.status.rank if row.status else (True, 0.0, 0.0, row.kind.event)


def _behind(row: Row) -> Cell:
    if row.status is None:
        return NOTHING
    return span(row.status.seen.behind, "strong" if row.status.is_behind else "")


def _silent(row: Row) -> Cell:
    return span(row.status.seen.silent) if row.status else NOTHING


def _unread(row: Row) -> Cell:
    return number(row.status.seen.unread.records) if row.status else NOTHING


def _waiting(row: Row) -> Cell:
    if row.waiting is None:
        return number(0)
    days = "1 day" if row.waiting.days == 1 else f"{row.waiting.days} days"
    return Cell(days, tone="warn", hint=f"since {row.waiting.since:%Y-%m-%d %H:%M} UTC")


def _day(row: Row) -> Cell:
    received = row.history.received
    return number(sum(received))._replace(drawn=spark(received))
