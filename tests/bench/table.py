"""The bench's answer on a terminal of 80 columns."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from tests.bench.model import OURS, Line, Verdict, ratio, shown

COLUMNS = 80
HEAD = (("median", 7), ("spread", 13), ("× ours", 6), ("RSS MB", 6), ("per s", 7))
COLOURS = {True: "green", False: "red", None: "yellow"}


def show(console: Console, lines: Sequence[Line], verdicts: Sequence[Verdict]) -> None:
    """Print what was measured, then how it stands to the targets."""
    for bench in dict.fromkeys(line.bench for line in lines):
        of_bench = [line for line in lines if line.bench == bench]
        console.print(measured(of_bench))
        for line in of_bench:
            if line.absent:
                console.print(Text(f"{line.subject} is absent: {line.absent}\n", style="yellow"))
    if verdicts:
        console.print(judged(verdicts))


def measured(lines: Sequence[Line]) -> RenderableType:
    """One bench, without who is absent; `× ours` is the ratio of the medians."""
    unit = next((line.unit for line in lines if not line.absent), lines[0].unit)
    title = Text(f"{lines[0].bench}: {unit}", style="bold")
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    table.add_column("", width=24)
    for name, width in HEAD:
        table.add_column(name, justify="right", no_wrap=True, width=width)
    for line in lines:
        if not line.absent:
            table.add_row(*cells(line, lines))
    return table


def cells(line: Line, lines: Sequence[Line]) -> list[RenderableType]:
    """What the table has in the columns of one line."""
    name = Text(f"{line.subject}{f' ({line.note})' if line.note else ''}")
    if line.subject == OURS:
        name.stylize("bold")
    times, low_high = ratio(line, lines), line.spread
    return [
        name,
        "" if line.value is None else shown(line.value),
        "" if low_high is None else "–".join(map(shown, low_high)),
        "" if times is None else f"{times:.2f}",
        "" if line.rss_mb is None else f"{line.rss_mb:.0f}",
        "" if line.per_second is None else f"{line.per_second:,.0f}",
    ]


def judged(verdicts: Sequence[Verdict]) -> RenderableType:
    """A table of the targets."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, width=COLUMNS)
    for name in ("target", "to be", "is", "verdict"):
        table.add_column(name)
    for verdict in verdicts:
        table.add_row(
            verdict.target.bench,
            str(verdict.target),
            verdict.measured,
            Text(str(verdict), style=COLOURS[verdict.met]),
        )
    return table
