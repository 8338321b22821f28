"""What stands in a cell of a table, and how numbers, times and spans are told everywhere."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from markupsafe import Markup

from app.status.verdict import told


class Cell(NamedTuple):
    """`tone` is one of good, bad, warn, dim, strong; `hint` is told on
    hovering; `drawn` is a picture beside the text."""

    text: str = ""
    href: str = ""
    tone: str = ""
    hint: str = ""
    drawn: Markup = Markup()
    badge: bool = False
    more: str = ""


NOTHING = Cell("–", tone="dim")


def number(count: int, tone: str = "") -> Cell:
    """A count; nought is told dimly, so that the others stand out."""
    return Cell(f"{count:,}", tone=tone if count else "dim")


def ago(moment: datetime | None, now: datetime) -> Cell:
    """How long ago; the moment itself is the hint."""
    if moment is None:
        return NOTHING
    return Cell(f"{told(max(now - moment, timedelta()))} ago", hint=clock(moment))


def span(length: timedelta | None, tone: str = "") -> Cell:
    return NOTHING if length is None else Cell(told(length), tone=tone)


def clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def short(count: float) -> str:
    """`950`, `12.3k`, `4.5M`: for axes."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return f"{count:.3g}"
