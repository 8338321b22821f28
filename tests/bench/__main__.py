"""`make bench`: what an event costs, ours and the peers', measured by turns on real servers."""

import asyncio
import json
import logging
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from loguru import logger
from rich.console import Console

from tests.bench import (
    checks,
    flat,
    gateway,
    growth,
    overload,
    recovery,
    start,
    warehouse,
    worker,
)
from tests.bench.ground import Ground, opened_ground
from tests.bench.lines import Lines
from tests.bench.model import Line, Verdict, verdicts
from tests.bench.peers.catalogue import PEERS, Roster, enrolled
from tests.bench.record import read_record, run_now, write_record
from tests.bench.results import PAGE, page, written_by_hand
from tests.bench.table import COLUMNS, show
from tests.bench.targets import TARGETS
from tests.bench.versions import commit, versions

Bench = Callable[[Ground, Roster, Lines], Awaitable[None]]
BENCHES: Mapping[str, Bench] = {
    "gateway": gateway.bench,
    "overload": overload.bench,
    "worker": worker.bench,
    "warehouse": warehouse.bench,
    "start": start.bench,
    "recovery": recovery.bench,
    "growth": growth.bench,
    "checks": checks.bench,
    "flat": flat.bench,
}
LONG = ("recovery", "growth", "flat")
"""Their courses are long because they must be: of ten million events and keys."""
REPEATS = 3
PAIR = ("node",)
progress = Console(stderr=True)


def main(
    quick: Annotated[
        bool, typer.Option(help=f"One repeat, a tenth of the events, one peer: {PAIR[0]}.")
    ] = False,
    only: Annotated[str, typer.Option(help=f"Some of: {','.join(BENCHES)}.")] = "",
    long: Annotated[bool, typer.Option(help=f"Also {', '.join(LONG)}: half an hour more.")] = False,
    against: Annotated[str, typer.Option(help=f"Some of: {','.join(PEERS)}; or: none.")] = "",
    repeats: Annotated[int, typer.Option(min=1, help="Turns of each.")] = REPEATS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not tables.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Keep logs and data here.")] = None,
) -> None:
    """Measure CPU time per event and memory, ours and the peers', by turns on real servers.

    It renews tests/bench/RESULTS.md, the part of each bench that runs. A run that is quick, has
    fewer turns or leaves peers out only prints.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    logger.disable("app")
    short = tuple(name for name in BENCHES if long or quick or name not in LONG)
    benches = _chosen(only, BENCHES, short, "--only")
    peers = _chosen(against, {**PEERS, "none": None}, PAIR if quick else tuple(PEERS), "--against")
    lines = Lines(1 if quick else repeats, quick=quick, say=progress.print)
    place = folder or Path(tempfile.mkdtemp(prefix="bench-"))
    roster = enrolled((PEERS[name] for name in peers if name != "none"), progress.print)
    keep = not quick and not against and repeats >= REPEATS
    failed = asyncio.run(_run(place, benches, roster, lines, _kept if keep else _printed))
    if keep and "flat" in benches and "flat" not in failed:
        for picture in sorted(place.glob("flat.*")):
            shutil.copy(picture, PAGE.parent)
    if folder is None:
        shutil.rmtree(place)
    _tell(lines, verdicts(TARGETS, lines.all), as_json=as_json)
    if failed:
        progress.print(f"No figures of: {', '.join(failed)}; {PAGE.name} keeps those it had.")
        raise typer.Exit(1)


def _printed(name: str, found: Sequence[Line]) -> None:
    """Nothing is kept of a run whose figures do not stand for the others."""


def _kept(name: str, found: Sequence[Line]) -> None:
    """Renew this bench's part of the page."""
    runs = read_record() | {name: run_now(commit(), found)}
    runs = {known: runs[known] for known in BENCHES if known in runs}
    write_record(runs)
    judged = verdicts(TARGETS, [line for run in runs.values() for line in run.lines])
    by_hand = written_by_hand(PAGE.read_text()) if PAGE.exists() else ""
    PAGE.write_text(page(runs, judged, versions=versions(), by_hand=by_hand))
    progress.print(f"written: {PAGE.name}, {name}")


def _chosen(
    given: str, known: Mapping[str, object], default: Sequence[str], option: str
) -> Sequence[str]:
    names = [name for name in given.split(",") if name] or default
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"«{name}»: choose from {', '.join(known)}", param_hint=option)
    return names


async def _run(
    folder: Path,
    benches: Sequence[str],
    roster: Roster,
    lines: Lines,
    keep: Callable[[str, Sequence[Line]], None],
) -> Sequence[str]:
    """Run one bench after the other; returns those that failed, for the others go on."""
    failed = []
    async with opened_ground(folder) as ground:
        for name in benches:
            before = len(lines.all)
            try:
                await BENCHES[name](ground, roster, lines)
            except Exception as error:
                progress.print(f"{name} failed: {type(error).__name__}: {error}", style="red")
                failed.append(name)
            else:
                keep(name, lines.all[before:])
    return failed


def _tell(lines: Lines, judged: Sequence[Verdict], *, as_json: bool) -> None:
    if as_json:
        found = {
            "lines": [asdict(line) | {"median": line.value} for line in lines.all],
            "targets": [
                asdict(v.target) | {"found": v.found, "met": v.met, "verdict": str(v)}
                for v in judged
            ],
        }
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    show(Console(width=COLUMNS), lines.all, judged)
    if lines.quick:
        progress.print("A quick run: a tenth of what the titles say, once; the figures are rough.")


if __name__ == "__main__":
    typer.run(main)
