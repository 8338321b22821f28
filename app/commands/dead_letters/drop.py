"""`forebay dead-letters drop`."""

import asyncio
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from app.commands.context import DATA_DIR, DataDir, settings_here
from app.commands.dead_letters.options import (
    Field,
    First,
    Go,
    Last,
    Names,
    Type,
    WhyRejected,
    one_type,
    opened,
    wanted_of,
)
from app.commands.output import AsJson, console, print_json
from app.commands.progress import watched
from app.core.disposal import MAX_LETTERS, Fate
from app.letters.letter import Name
from app.letters.sending import disposal_of
from app.letters.stored import Wanted, stored_letters
from app.settings import Settings


def drop(
    why: Annotated[str, typer.Option("--why", help="Why they may be given up; kept for ever.")],
    names: Names = None,
    event: Type = None,
    reason: WhyRejected = None,
    field: Field = None,
    first: First = None,
    last: Last = None,
    go: Go = False,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Give dead letters up: they count as dropped, and are listed and replayed no more.

    Nothing is deleted, and the ledger keeps the reason. Without `--go` it is only told how many
    that would be.
    """
    if not why.strip():
        raise typer.BadParameter("say why they may be given up", param_hint="--why")
    wanted = wanted_of(event, reason, field, first, last, names)
    one_type(wanted)
    told = asyncio.run(_drop(settings_here(data_dir), wanted, why.strip(), go))
    if as_json:
        print_json(told)
        return
    before = f" ({told['already_done']:,} were replayed or dropped before)"
    text = f"{told['dropped']:,} dead letters of {told['event']} dropped{before}."
    if not go:
        text = f"{told['open']:,} open dead letters of {told['event']}{before}. --go drops them."
    console().print(Text(text, style="green" if go else "yellow"), soft_wrap=True)


async def _drop(settings: Settings, wanted: Wanted, why: str, go: bool) -> dict[str, Any]:
    event = one_type(wanted)
    found = done = dropped = 0
    batch: list[Name] = []
    async with opened(settings, wanted) as parts:

        async def flush() -> None:
            nonlocal dropped
            if batch and go:
                await parts.ledger.record_disposal(disposal_of(event, Fate.DROPPED, why, batch))
                dropped += len(batch)
            batch.clear()

        with watched(Console(stderr=True)) as show:
            async for letter in stored_letters(parts.ledger, parts.objects, wanted):
                if parts.disposed.fate(*letter.name) is not None:
                    done += 1
                    continue
                found += 1
                batch.append(letter.name)
                if len(batch) == MAX_LETTERS:
                    await flush()
                    show("dead letters", found, None)
            await flush()
    return {
        "event": event,
        "dry_run": not go,
        "open": found,
        "dropped": dropped,
        "already_done": done,
        "why": why,
    }
