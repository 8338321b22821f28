"""`forebay dead-letters list`."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.text import Text

from app.commands.context import DATA_DIR, DataDir, settings_here
from app.commands.dead_letters.options import (
    Field,
    First,
    Last,
    Type,
    WhyRejected,
    opened,
    wanted_of,
)
from app.commands.output import AsJson, console, listing, print_json
from app.commands.progress import watched
from app.letters.groups import Group as LetterGroup
from app.letters.groups import Groups
from app.letters.masked import one_line
from app.letters.stored import Wanted, stored_letters
from app.settings import Settings

TOLD_EVERY = 1_000
MAX_EXAMPLE = 600


def list_letters(
    event: Type = None,
    reason: WhyRejected = None,
    field: Field = None,
    first: First = None,
    last: Last = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also groups of which all were replayed or dropped.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Group dead letters by type, reason and field, with counts and one masked example of each.

    Never shows a value that somebody sent: letters of a text are a and A, digits 9, numbers 0.
    """
    wanted = wanted_of(event, reason, field, first, last)
    groups = asyncio.run(_groups(settings_here(data_dir), wanted)).found(all=every)
    if as_json:
        print_json([group.as_json() for group in groups])
        return
    console().print(render(groups, every=every), soft_wrap=True)


async def _groups(settings: Settings, wanted: Wanted) -> Groups:
    async with opened(settings, wanted) as parts:
        groups = Groups(parts.contracts, parts.disposed)
        count = 0
        with watched(Console(stderr=True)) as show:
            async for letter in stored_letters(parts.ledger, parts.objects, wanted):
                groups.take(letter)
                count += 1
                if count % TOLD_EVERY == 0:
                    show("dead letters", count, None)
        return groups


def render(groups: list[LetterGroup], *, every: bool) -> RenderableType:
    """For people: the counts, then an example of each group."""
    if not groups:
        return Text("No dead letters." if every else "No open dead letters.")
    table = listing("event", "reason", "field", "open", "replayed", "dropped", "received", names=3)
    examples: list[RenderableType] = []
    for group in groups:
        told = group.as_json()
        numbers = (f"{told[name]:,}" for name in ("open", "replayed", "dropped"))
        days = f"{group.first}" if group.first == group.last else f"{group.first} – {group.last}"
        table.add_row(group.event, group.reason, Text(group.field or "–"), *numbers, days)
        text = one_line(group.example)
        shown = text[:MAX_EXAMPLE] + ("…" if len(text) > MAX_EXAMPLE else "")
        head = f"{group.event} {group.reason} {group.field or ''}".rstrip()
        examples += [Text(f"{head}, such as {group.name}", style="bold"), Text(f"  {shown}")]
    total = sum(group.open for group in groups)
    hint = (
        f"{total:,} open. Next: `forebay dead-letters show NAME`, "
        "`forebay dead-letters replay --type EVENT`"
    )
    return Group(table, *examples, Text(hint, style="dim"))
