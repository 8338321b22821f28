"""`forebay topics sample`: random good events."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer

from app.commands.output import AsJson
from app.commands.topics.options import TOPICS, Folder, chosen
from app.contracts.sample import as_sent, day_of, sample_events
from app.core.errors import Fatal

AN_HOUR = timedelta(hours=1)


def sample(
    event: Annotated[str, typer.Option(help="The event type.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many.")] = 1,
    seed: Annotated[int, typer.Option(help="Another seed, other events.")] = 1,
    day: Annotated[
        str, typer.Option(help="When they happen; otherwise within the last hour.", metavar="DATE")
    ] = "",
    topics_dir: Folder = TOPICS,
    as_json: AsJson = False,
) -> None:
    """Print random events that the topic file accepts, one JSON object a line.

    They hold nobody's data. The same seed and the same --day give the same bytes; without --day
    the events are of the last hour, so that the gateway takes them:

        forebay topics sample --event order_placed -n 1000 > orders.ndjson

        forebay send orders.ndjson --type order_placed
    """
    [contract] = chosen(topics_dir, [event])
    try:
        start, span = (
            day_of(contract, date.fromisoformat(day))
            if day
            else (datetime.now(UTC) - AN_HOUR, AN_HOUR)
        )
    except ValueError as error:
        raise Fatal(f"--day «{day}»: write a day such as 2026-03-01") from error
    events = sample_events(contract, count, seed, start, span)
    if as_json:
        whole = {"event": event, "seed": seed, "events": list(events)}
        typer.echo(json.dumps(whole, ensure_ascii=False, indent=2))  # orjson knows 64 bits only
        return
    for one in events:
        typer.echo(as_sent(one))
