"""`forebay topics backtest`: what would become of yesterday's events under other topic files?"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from app.backtest.lines import recorded_lines
from app.backtest.trial import Backtest, Recorded, Side
from app.commands.output import AsJson, console, print_json
from app.commands.topics.backtest_report import as_json_of, show
from app.commands.topics.options import TOPICS, Folder
from app.contracts.load import load_contracts
from app.contracts.model import UNITS
from app.core.errors import Fatal

if TYPE_CHECKING:
    from app.settings import Settings

KEY_BYTES = 32
SECONDS = UNITS | {"d": 86_400}


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
    topics_dir: Folder = TOPICS,
    as_json: AsJson = False,
    data_dir: Annotated[
        Path, typer.Option(help="Where the local stack keeps its data.", metavar="DIR")
    ] = Path(".forebay"),
) -> None:
    """Judge recorded events by the topic files of now and by CANDIDATE; show what would differ.

    Reads what Kafka still has of the last hours, good and bad events alike, as they were sent;
    publishes and writes nothing. Exit code 0: the same becomes of all; 1: something differs.

        forebay topics backtest ../my-branch/topics --since 24h

        forebay topics backtest new-topics --file samples.ndjson --event order_placed
    """
    from app.commands.context import settings_here

    settings = settings_here(data_dir)
    now, then = load_contracts(topics_dir), load_contracts(candidate)
    if event is not None and event not in now and event not in then:
        raise Fatal(f"no topic file for {event}, neither in {topics_dir} nor in {candidate}")
    # Hashes are compared with each other only. With a key that nobody knows they tell nothing.
    key = token_bytes(KEY_BYTES)
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
    if not number.isdigit() or unit not in SECONDS or int(number) == 0:
        raise typer.BadParameter(f"«{text}» is no span; write 90m, 24h or 7d", param_hint="--since")
    return timedelta(seconds=int(number) * SECONDS[unit])


async def _source(
    settings: "Settings", topics: Mapping[str, str], since: datetime, dead: bool
) -> AsyncIterator[Recorded]:
    from app.assemble import opened_ledger, opened_objects
    from app.backtest.stores import from_dead_letters, from_kafka

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
