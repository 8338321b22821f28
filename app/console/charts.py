"""The last 24 hours of one type, or of all: what was sealed, and how long it stayed open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup

from app.console.cells import short
from app.console.data import SLOT, SLOTS, History
from app.console.draw import Series, ceiling, ceiling_seconds, stacked, stepped
from app.status.verdict import told

NAMES = ("staged", "duplicates", "dead", "filtered")
TICKS = 6


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture, what stands around it, and the same as a table."""

    title: str
    drawn: Markup
    top: str
    legend: tuple[str, ...]
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def ticks(history: History) -> list[str]:
    """The times below both charts."""
    every = SLOTS // TICKS
    return [f"{history.first + n * every * SLOT:%H:%M}" for n in range(TICKS)]


def sealed_chart(history: History) -> Chart:
    """Events by half hour, by what became of them."""
    series = [Series(name, getattr(history, name)) for name in NAMES]
    received = history.received
    most = ceiling(max(received))
    hints = [
        f"{_when(history, at)}: "
        + ", ".join(f"{one.values[at]:,} {one.name}" for one in series if one.values[at])
        if received[at]
        else f"{_when(history, at)}: nothing"
        for at in range(SLOTS)
    ]
    label = f"Events sealed by half hour, {sum(received):,} in 24 hours, {max(received):,} at most."
    rows = [
        (_when(history, at), *(f"{one.values[at]:,.0f}" for one in series))
        for at in range(SLOTS)
        if received[at]
    ]
    heads = ("from", *NAMES)
    shown = tuple(one.name for one in series if any(one.values))
    return Chart("Events sealed, by half hour", stacked(series, hints, most, label),
                 short(most), shown, heads, rows)  # fmt: skip


def open_chart(history: History) -> Chart:
    """How long the seal that was open longest waited until it was recorded, by half hour."""
    return _line(
        history,
        history.open_seconds,
        "From Kafka to the ledger: the slowest seal",
        "Time from the first event of a seal to the ledger",
    )


def behind_chart(history: History, behind: Sequence[float | None], goal: float | None) -> Chart:
    """How old the oldest sealed event was that was not in the table, by half hour."""
    return _line(
        history,
        behind,
        "From the ledger to the table: the oldest",
        "Age of the oldest sealed event that was not loaded",
        goal,
    )


def _line(
    history: History,
    values: Sequence[float | None],
    title: str,
    what: str,
    goal: float | None = None,
) -> Chart:
    """Seconds by half hour, with a goal that they should stay below."""
    longest = max((value for value in values if value is not None), default=0.0)
    most = ceiling_seconds(max(longest, goal or 0.0))
    label = f"{what}, by half hour: {_span(longest)} at most."
    rows = [
        (_when(history, at), _span(value)) for at, value in enumerate(values) if value is not None
    ]
    legend = ("objective",) if goal is not None else ()
    drawn = stepped(values, most, label, goal)
    return Chart(title, drawn, _span(most), legend, ("from", "at most"), rows)


def _span(seconds: float) -> str:
    return told(timedelta(seconds=seconds))


def _when(history: History, at: int) -> str:
    return f"{history.first + at * SLOT:%H:%M}"
