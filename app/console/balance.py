"""The first page: what became of each type's records, and whether it adds up."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.console.cells import NOTHING, Cell, ago, number
from app.console.data import Data
from app.console.draw import Series, shares
from app.console.kinds import Kind
from app.console.listing import Column, Query, listed
from app.console.page import Page
from app.core.seal import DayCounts
from app.ledger.sums import TypeBalance

SPANS = (1, 7, 30, 90)
SHOWN = {"": "all", "active": "with events", "waiting": "waiting", "odd": "not adding up"}
DEFAULTS = {"day": "", "days": "1", "show": "", "q": "", "sort": "received", "dir": "desc"}


@dataclass(frozen=True, slots=True)
class Row:
    """`kind` is None for a type without a topic file."""

    balance: TypeBalance
    kind: Kind | None

    @property
    def words(self) -> str:
        return self.kind.words if self.kind else f"{self.balance.event} no topic file"


async def balance_page(data: Data, given: Mapping[str, str]) -> Page:
    """What became of the events of the days that were asked for."""
    query, now = Query(DEFAULTS, given), data.now()
    last = _day(query["day"], now.date())
    days = int(query["days"]) if query["days"] in map(str, SPANS) else 1
    first = last - timedelta(days=days - 1)
    found = await data.balances(first, last)
    rows = [Row(one, data.kinds.get(event)) for event, one in found.items()]
    table = listed(
        "Balance by event type",
        rows,
        _columns(now),
        query,
        lambda row: row.words,
        keep=_kept(query["show"]),
        foot=_foot,
        empty="No event type has anything to show.",
    )
    sums = total(found.values())
    said = {
        "query": query,
        "table": table,
        "sums": sums,
        "odd": [row.balance for row in rows if row.balance.residual],
        "bar": _bar(sums.counts),
        "first": first,
        "last": last,
        "today": now.date(),
        "before": query.to(day=_told(last - timedelta(days=days), now)),
        "after": query.to(day=_told(last + timedelta(days=days), now)) if last < now.date() else "",
        "spans": [(str(n), "1 day" if n == 1 else f"{n} days") for n in SPANS],
        "shown": SHOWN,
    }
    return Page("balance.html", "Balance", "", said)


def total(balances: Iterable[TypeBalance]) -> TypeBalance:
    """All of them as one."""
    counts = DayCounts()
    loaded = standing = waiting = hidden = 0
    last: datetime | None = None
    for one in balances:
        counts += one.counts
        loaded, standing = loaded + one.loaded, standing + one.standing
        waiting, hidden = waiting + one.waiting, hidden + one.hidden
        last = max(filter(None, (last, one.last_load)), default=None)
    return TypeBalance("", counts, loaded, standing, waiting, last, hidden)


def _columns(now: datetime) -> list[Column[Row]]:
    def counted(name: str, title: str, about: str, tone: str = "") -> Column[Row]:
        def value(row: Row) -> int:
            count: int = getattr(row.balance.counts, name)
            return count

        return Column(name, title, lambda row: number(value(row), tone), value, True, about)

    def summed(name: str, title: str, about: str, tone: str = "") -> Column[Row]:
        def value(row: Row) -> int:
            count: int = getattr(row.balance, name)
            return count

        return Column(name, title, lambda row: number(value(row), tone), value, True, about)

    return [
        Column("type", "Event type", _type, lambda row: row.balance.event),
        counted("received", "Received", "Records read from Kafka", "strong"),
        counted("staged", "Staged", "Good events, in objects for the warehouse"),
        counted("duplicates", "Duplicates", "Copies of an event that is staged"),
        Column("dead", "Dead", _dead, lambda row: row.balance.counts.dead, True,
               "Rejected events, kept as dead letters"),
        counted("filtered", "Filtered", "Left out on purpose by the topic file"),
        summed("loaded", "Loaded", "Rows that went into committed loads"),
        summed("collapsed", "Collapsed", "Copies that a load found, of which one stands"),
        summed("waiting", "Waiting", "Rows in seals that no load has named yet", "warn"),
        Column("residual", "Residual", _residual, lambda row: abs(row.balance.residual), True,
               "Rows that are neither loaded nor waiting: 0, or something is wrong"),
        Column("last_load", "Last load", lambda row: ago(row.balance.last_load, now),
               lambda row: row.balance.last_load, True),
    ]  # fmt: skip


def _type(row: Row) -> Cell:
    event = row.balance.event
    if row.kind is None:
        return Cell(event, more="no topic file", tone="warn")
    return Cell(event, f"types/{event}", more=row.kind.app, hint=row.kind.summary)


def _dead(row: Row) -> Cell:
    count = row.balance.counts.dead
    return Cell(f"{count:,}", f"dead-letters/{row.balance.event}", "bad") if count else number(0)


def _residual(row: Row) -> Cell:
    return residual(row.balance)


def residual(balance: TypeBalance) -> Cell:
    """Nought is good where there is anything at all."""
    if balance.residual:
        return Cell(f"{balance.residual:+,}", tone="bad", badge=True)
    return Cell("0", tone="good") if balance.counts.received else NOTHING


def _foot(rows: Sequence[Row]) -> list[Cell]:
    sums = total([row.balance for row in rows])
    counts = sums.counts
    told = (counts.received, counts.staged, counts.duplicates, counts.dead, counts.filtered,
            sums.loaded, sums.collapsed, sums.waiting)  # fmt: skip
    what = "1 type" if len(rows) == 1 else f"{len(rows)} types"
    return [Cell(what), *map(number, told), residual(sums), Cell()]


def _bar(counts: DayCounts) -> object:
    names = ("staged", "duplicates", "dead", "filtered")
    parts = [Series(name, [getattr(counts, name)]) for name in names]
    label = ", ".join(f"{one.values[0]:,} {one.name}" for one in parts)
    return shares(parts, label) if counts.received else ""


def _kept(show: str) -> Callable[[Row], bool] | None:
    rules: Mapping[str, Callable[[Row], bool]] = {
        "active": lambda row: row.balance.counts.received > 0,
        "waiting": lambda row: row.balance.waiting > 0,
        "odd": lambda row: row.balance.residual != 0,
    }
    return rules.get(show)


def _day(text: str, today: date) -> date:
    try:
        return min(date.fromisoformat(text), today + timedelta(days=1))
    except ValueError:
        return today


def _told(day: date, now: datetime) -> str:
    return "" if day >= now.date() else day.isoformat()
