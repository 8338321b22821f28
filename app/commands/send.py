"""`forebay send`: a file of events through the front door."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from app.assemble import contracts_of
from app.commands.context import DATA_DIR, DataDir, settings_here
from app.commands.output import AsJson, console, print_json
from app.contracts.fields import Field, TimestampField
from app.send import SendReport
from app.send import send as send_events
from app.send.gateway import Encoding
from app.send.lines import Source, opened
from app.settings import Settings

WORDS = "Word that means `no value` in a CSV file, besides an empty one."


def send(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, help="NDJSON, or CSV if it ends in .csv; also with .gz."
        ),
    ],
    kind: Annotated[str, typer.Option("--type", help="The event type.")],
    gateway: Annotated[
        str, typer.Option(help="Its address. Otherwise that of the local stack.", metavar="URL")
    ] = "",
    batch: Annotated[int, typer.Option(min=1, help="Events of one request.")] = 500,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Requests at a time.")] = 4,
    encoding: Annotated[Encoding, typer.Option(help="How to pack the requests.")] = "gzip",
    run: Annotated[
        str, typer.Option(help="The open run that they are of, where a day is sent in runs.")
    ] = "",
    missing: Annotated[list[str], typer.Option(help=WORDS)] = ["NA"],  # noqa: B006
    patience: Annotated[
        float, typer.Option(help="Give up after so many seconds without any final answer.")
    ] = 120.0,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Send a file of events, and retry what the gateway says to retry.

    Sending a file again is harmless: what arrives twice counts once. Exit code 0: all accepted;
    1: some were rejected; 2: it can not be sent like this; 3: gave up. A gateway that asks for a
    key is shown the one of SEND_KEY.
    """
    settings = settings_here(DATA_DIR if gateway else data_dir)
    url = gateway or f"http://{settings.gateway.host}:{settings.gateway.port}"
    fields = fields_of(settings, kind)
    types, ways = csv_types(fields), {name: field.way(name) for name, field in fields.items()}
    words = frozenset({"", *missing})
    with opened(file, types, words, ways) as source, watched(source) as progress:
        report = asyncio.run(
            send_events(
                source.events,
                type=kind,
                gateway_url=url,
                batch=batch,
                concurrency=concurrency,
                encoding=encoding,
                patience_seconds=patience,
                key=settings.send_key.get_secret_value(),
                run=run,
                progress=progress,
            )
        )
    if as_json:
        print_json(report.as_json())
    else:
        console().print(render(report))
    raise typer.Exit(report.exit_code)


def fields_of(settings: Settings, kind: str) -> Mapping[str, Field]:
    """The contract's fields, if there are topic files here: only the gateway needs them."""
    if not settings.topics_dir.is_dir():
        return {}
    contract = contracts_of(settings).get(kind)
    return contract.fields if contract else {}


def csv_types(fields: Mapping[str, Field]) -> Mapping[str, str]:
    """What the words of a CSV file become, by field."""
    return {
        name: "number" if isinstance(field, TimestampField) and field.epoch else field.type
        for name, field in fields.items()
    }


@contextmanager
def watched(source: Source) -> Iterator[Callable[[SendReport], None]]:
    """Show how far the file is read and what became of it, on a terminal only."""
    screen = Console(stderr=True)
    text = TextColumn("{task.description}")
    columns = (text, BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("sending", total=source.size_bytes)

        def show(report: SendReport) -> None:
            told = f"{report.accepted:,} accepted, {report.rejections:,} rejected"
            bar.update(task, completed=source.read_bytes, description=told)

        yield show


def render(report: SendReport) -> RenderableType:
    """The report for people: rejections by reason, warnings, a closing sentence, where to go on."""
    parts: list[RenderableType] = []
    if report.rejected:
        table = Table("rejected", "count", "line", "field", "what would be right")
        for reason, rejections in sorted(report.rejected.items()):
            count = f"{rejections.count:,}"
            for line in rejections.first:
                row = (reason, count, str(line.line), line.field or "", line.message)
                table.add_row(*(Text(word) for word in row))
                reason = count = ""
        parts.append(table)
    if report.warnings:
        table = Table("accepted, but", "events")
        for message, times in report.warnings.items():
            table.add_row(Text(message), f"{times:,}")
        parts.append(table)
    told = (
        f"{report.sent:,} sent, {report.accepted:,} accepted, {report.rejections:,} rejected "
        f"({report.kept:,} kept as dead letters), {report.retried:,} sent again, "
        f"in {report.seconds:.1f} s."
    )
    style = {0: "green", 1: "yellow"}.get(report.exit_code, "red")
    parts.append(Text(told, style=style))
    if report.gave_up is not None:
        parts.append(
            Text(
                f"Gave up: {report.gave_up}. Everything before line {report.resume_line} is "
                "settled; sending the file again is harmless.",
                style="bold red",
            )
        )
    return Group(*parts)
