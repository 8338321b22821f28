"""`forebay topics backtest`: what would become of yesterday's events under other topic files?"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from app.assemble import opened_ledger, opened_objects
from app.backtest.lines import recorded_lines
from app.backtest.stores import from_dead_letters, from_kafka
from app.backtest.trial import Backtest, Recorded, Sample, Side, TypeTrial
from app.commands.context import AsJson, DataDir, console, listing, print_json, settings_here
from app.contracts.examples import EXAMPLE_PII_KEY
from app.contracts.load import load_contracts
from app.contracts.model import UNITS
from app.core.errors import Fatal
from app.settings import Settings

HOURS = UNITS | {"d": 86_400}
MAX_TEXT = 400


def backtest(
    candidate: Annotated[Path, typer.Argument(help="The topic files to try.", metavar="CANDIDATE")],
    since: Annotated[
        str, typer.Option(help="How far back to read, such as 90m, 24h or 7d.", metavar="SPAN")
    ] = "24h",
    file: Annotated[
        Path | None,
        typer.Option(help="Judge an NDJSON file instead of what Kafka has.", metavar="FILE"),
    ] = None,
    event: Annotated[
        str | None, typer.Option("--event", help="One event type; each line of FILE is of it.")
    ] = None,
    dead: Annotated[
        bool, typer.Option("--dead", help="Judge the dead letters in the bucket instead.")
    ] = False,
    topics_dir: Annotated[
        Path, typer.Option("--topics-dir", envvar="TOPICS_DIR", help="The topic files of now.")
    ] = Path("topics"),
    as_json: AsJson = False,
    data_dir: DataDir = Path(".forebay"),
) -> None:
    """Judge recorded events by the topic files of now and by CANDIDATE; show what would differ.

    Reads what Kafka still has of the last hours, good and bad events alike, as they were sent;
    publishes and writes nothing. Exit code 0: the same becomes of all; 1: something differs.

        forebay topics backtest ../my-branch/topics --since 24h

        forebay topics backtest new-topics --file samples.ndjson --event order_placed
    """
    settings = settings_here(data_dir)
    now, then = load_contracts(topics_dir), load_contracts(candidate)
    if event is not None and event not in now and event not in then:
        raise Fatal(f"no topic file for {event}, neither in {topics_dir} nor in {candidate}")
    # Hashes are compared with each other only, so that without a secret any key will do.
    key = settings.pii_key.get_secret_value().encode() or EXAMPLE_PII_KEY
    trial = Backtest(Side(now, key), Side(then, key))
    try:
        if file is not None:
            _run_lines(trial, recorded_lines(file, event))
        else:
            topics = {c.topic: c.event for c in now.values() if event in (None, c.event)}
            source = _source(settings, topics, datetime.now(UTC) - _span(since), dead)
            asyncio.run(_run_stored(trial, source))
    finally:
        trial.close()
    types = [trial.types[name] for name in sorted(trial.types)]
    if as_json:
        print_json([as_json_of(one) for one in types])
    else:
        show(types, console())
    raise typer.Exit(int(any(one.changed for one in types)))


def _span(text: str) -> timedelta:
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in HOURS or int(number) == 0:
        raise typer.BadParameter(f"«{text}» is no span; write 90m, 24h or 7d", param_hint="--since")
    return timedelta(seconds=int(number) * HOURS[unit])


async def _source(
    settings: Settings, topics: Mapping[str, str], since: datetime, dead: bool
) -> AsyncIterator[Recorded]:
    if not dead:
        async for recorded in from_kafka(settings.kafka, topics, since):
            yield recorded
        return
    async with opened_ledger(settings) as ledger, opened_objects(settings) as objects:
        async for recorded in from_dead_letters(ledger, objects, since):
            if recorded.event in topics.values():
                yield recorded


def _run_lines(trial: Backtest, lines: Iterator[Recorded]) -> None:
    with _progress() as progress:
        task = progress.add_task("judged", total=None)
        for recorded in lines:
            trial.take(recorded)
            progress.advance(task)


async def _run_stored(trial: Backtest, events: AsyncIterator[Recorded]) -> None:
    with _progress() as progress:
        task = progress.add_task("judged", total=None)
        async for recorded in events:
            trial.take(recorded)
            progress.advance(task)


def _progress() -> Progress:
    """On a terminal only; on standard error, beside the result."""
    text = TextColumn("{task.description} {task.completed:,.0f} events")
    return Progress(
        SpinnerColumn(), text, TimeElapsedColumn(), console=Console(stderr=True), transient=True
    )


def show(types: list[TypeTrial], out: Console) -> None:
    """For people: what differs, with samples side by side."""
    if not types:
        out.print("No events were recorded in that time.")
        return
    table = listing("event", "judged", "same", "verdict differs", "columns that differ")
    for one in types:
        turned = sum(one.turns.values())
        columns = ", ".join(f"{name} {count:,}" for name, count in one.columns.most_common())
        table.add_row(
            one.event, f"{one.judged:,}", f"{one.judged - turned:,}", f"{turned:,}", columns or "–"
        )
    out.print(table)
    for one in types:
        _show_type(one, out)


def _show_type(one: TypeTrial, out: Console) -> None:
    if not one.changed:
        return
    out.print(f"\n{one.event}", style="bold", markup=False)
    for verdict in sorted(one.now.keys() | one.then.keys()):
        out.print(f"  {verdict}: {one.now[verdict]:,} → {one.then[verdict]:,}", markup=False)
    for change, samples in one.samples.items():
        out.print(f"  {change}, such as", markup=False)
        for sample in samples:
            out.print(f"    {sample.place}", markup=False)
            for side, text in (("now ", _told(sample, 0)), ("then", _told(sample, 1))):
                out.print(f"      {side} {text}", markup=False, soft_wrap=True)


def _told(sample: Sample, side: int) -> str:
    """The verdict, and of the rows what the two sides do not share."""
    mine, other = ((sample.now, sample.then), (sample.then, sample.now))[side]
    if not mine.rows:
        return mine.verdict
    rows: list[Mapping[str, Any]] = list(mine.rows)
    if other.rows:
        pairs = zip(mine.rows, other.rows, strict=False)
        rows = [{n: v for n, v in a.items() if n not in b or b[n] != v} for a, b in pairs]
    text = " ".join(orjson.dumps(row).decode() for row in rows)
    return f"{mine.verdict} {text[:MAX_TEXT]}" + ("…" if len(text) > MAX_TEXT else "")


def as_json_of(one: TypeTrial) -> dict[str, Any]:
    """For machines."""
    return {
        "event": one.event,
        "judged": one.judged,
        "now": dict(one.now),
        "then": dict(one.then),
        "turns": [
            {"from": now, "to": then, "events": count} for (now, then), count in one.turns.items()
        ],
        "columns": dict(one.columns),
        "samples": [
            {"change": change, "place": s.place, "now": _side(s, 0), "then": _side(s, 1)}
            for change, samples in one.samples.items()
            for s in samples
        ],
    }


def _side(sample: Sample, side: int) -> dict[str, Any]:
    outcome = (sample.now, sample.then)[side]
    return {"verdict": outcome.verdict, "rows": list(outcome.rows)}
