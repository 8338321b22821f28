"""The bench's answer as a page: `RESULTS.md` beside this file."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import psutil

from tests.bench.model import Line, Verdict, ratio, shown
from tests.bench.record import Run

PAGE = Path(__file__).with_name("RESULTS.md")
BY_HAND = "<!-- What follows is written by hand, and kept. -->"
INTRODUCTION = """\
# Bench results

`make bench` makes this page anew, down to the part that is written by hand: the parts of the
benches that run, with `ARGS=--long` all of them. The servers are real, ours and the peers' programs
are processes of their own, and they take turns: a repeat is one turn of each. What counts is CPU
time per event as the kernel counts it, the median of the repeats, and ratios within one bench;
rates are walls, which the machine's other load moves, and are only reported. *× ours*: how many
times as much as Forebay the peer takes. MB are 10^6 B, the largest peak of all repeats.
"""
PICTURE = "![Memory over events: Forebay's worker and its peers](flat.svg)\n"


def page(
    runs: Mapping[str, Run],
    verdicts: Sequence[Verdict],
    *,
    versions: Mapping[str, str],
    by_hand: str = "",
) -> str:
    """The whole page, of the last run of each bench; `by_hand` is what follows the marker."""
    parts = [INTRODUCTION, _table(("", ""), machine().items()), "## Targets\n", _targets(verdicts)]
    for name, run in runs.items():
        parts.append(f"## {_capital(name)}\n")
        parts.append(f'`make bench ARGS="--only {name}"`, {_when(run)}\n')
        if name == "flat":
            parts.append(PICTURE)
        for bench in dict.fromkeys(line.bench for line in run.lines):
            of_bench = [line for line in run.lines if line.bench == bench]
            parts += [f"### {_capital(bench)}: {of_bench[0].unit}\n", _measured(of_bench)]
    parts += ["## Versions\n", _table(("", ""), versions.items())]
    return "\n".join(parts) + f"\n{BY_HAND}\n{by_hand}"


def _when(run: Run) -> str:
    return f"{run.at} UTC, commit {run.commit}, load averages in the end {run.load}"


def written_by_hand(old: str) -> str:
    """What follows the marker in a page."""
    return old.partition(f"{BY_HAND}\n")[2]


def machine() -> dict[str, str]:
    """What it ran on."""
    return {
        "processor": f"{_cpu_model()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
    }


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def _targets(verdicts: Sequence[Verdict]) -> str:
    head = ("bench", "to be", "is", "verdict")
    return _table(
        head,
        (
            (v.target.bench, str(v.target), v.measured, str(v) if v.met else f"**{v}**")
            for v in verdicts
        ),
    )


def _measured(lines: Sequence[Line]) -> str:
    head = ("", "median", "spread", "× ours", "RSS MB", "per second")
    return _table(head, (_cells(line, lines) for line in lines))


def _cells(line: Line, lines: Sequence[Line]) -> Sequence[str]:
    if line.absent:
        return (line.subject, f"absent: {line.absent}", "", "", "", "")
    times = ratio(line, lines)
    return (
        f"{line.subject}{f' ({line.note})' if line.note else ''}",
        "" if line.value is None else shown(line.value),
        "" if line.spread is None else "–".join(map(shown, line.spread)),
        "" if times is None else f"{times:.2f}",
        "" if line.rss_mb is None else f"{line.rss_mb:.0f}",
        "" if line.per_second is None else f"{line.per_second:,.0f}",
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in cells)} |\n" for cells in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
