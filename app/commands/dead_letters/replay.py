"""`forebay dead-letters replay`, and the language of its fixes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from app.assemble import kinds_of
from app.commands.context import DATA_DIR, DataDir, settings_here
from app.commands.dead_letters.options import (
    Field,
    First,
    Go,
    Last,
    Names,
    Parts,
    Type,
    WhyRejected,
    one_type,
    opened,
    wanted_of,
)
from app.commands.output import AsJson, console, listing, print_json
from app.commands.progress import watched
from app.core import kill_points
from app.core.errors import Fatal, Transient
from app.letters.fix.mend import Fix, read_fix
from app.letters.fix.reference import reference
from app.letters.stored import Wanted, stored_letters
from app.letters.trial import Trial
from app.settings import Settings

TOLD_EVERY = 500


def language() -> None:
    """Print what a fix of `replay` may say, in Markdown."""
    typer.echo(reference(), nl=False)


def replay(
    names: Names = None,
    event: Type = None,
    reason: WhyRejected = None,
    field: Field = None,
    first: First = None,
    last: Last = None,
    fix: Annotated[
        str | None,
        typer.Option(
            help="How to mend them first: a YAML file, or YAML; see `fix-language`.",
            metavar="FILE",
        ),
    ] = None,
    go: Go = False,
    why: Annotated[
        str, typer.Option(help="What is kept of it in the ledger, beside the fix.", metavar="TEXT")
    ] = "",
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Send dead letters again, mended by a fix or not; without `--go` tell what would become of
    them.

    They are judged by the topic files of now, at the time they were first received, and only those
    that pass are sent. Doing it again is harmless: each lands once. Exit code 0: all pass; 1: some
    are still rejected.

        forebay dead-letters replay --type order_placed --fix '{do: trim, field: currency}'
    """
    wanted = wanted_of(event, reason, field, first, last, names)
    one_type(wanted)
    mending = read_fix(fix) if fix else None
    told = asyncio.run(_replay(settings_here(data_dir), wanted, mending, why.strip(), go))
    if as_json:
        print_json(told)
    else:
        _render(told, console())
    raise typer.Exit(int(bool(told["rejected"])))


async def _replay(
    settings: Settings, wanted: Wanted, fix: Fix | None, why: str, go: bool
) -> dict[str, Any]:
    event = one_type(wanted)
    if settings.crash_at:
        kill_points.arm(kill_points.killing_at(settings.crash_at))
    async with opened(settings, wanted) as parts:
        (contract,) = parts.contracts.chosen([event])
        kind = kinds_of(settings, parts.contracts)[event]
        trial = Trial(kind, contract, fix, await parts.ledger.summarised_days(event))
        reason = "; ".join(filter(None, (why, fix.name if fix else "as it was sent")))
        with watched(Console(stderr=True)) as show:
            async with _sending(parts, event, reason, go) as send:
                count = 0
                async for letter in stored_letters(parts.ledger, parts.objects, wanted):
                    count += 1
                    if count % TOLD_EVERY == 0:
                        show("sent again" if go else "judged", count, None)
                    if parts.disposed.fate(*letter.name) is not None:
                        trial.outcomes.done += 1
                    elif (raw := trial.judge(letter)) is not None:
                        await send.take(letter, raw)
    steps = zip(fix.told(), fix.changed, strict=True) if fix else ()
    return {
        "event": event,
        "dry_run": not go,
        **trial.outcomes.as_json(),
        "sent": send.sent,
        "why": reason,
        "fix": [{"step": step, "changed": changed} for step, changed in steps],
    }


class _Nobody:
    """Of a dry run: takes letters and does nothing."""

    sent = 0

    async def take(self, letter: Any, raw: bytes) -> None: ...


@asynccontextmanager
async def _sending(parts: Parts, event: str, why: str, go: bool) -> AsyncIterator[Any]:
    if not go:
        yield _Nobody()
        return
    from app.letters.sending import Replay, opened_producer

    contract, kind = parts.contracts[event], kinds_of(parts.settings, parts.contracts)[event]
    async with opened_producer(parts.settings.kafka, contract) as producer:
        replay = Replay(producer, parts.ledger, kind, contract, why, kill_points.passing)
        try:
            yield replay
            await replay.flush()
        except (Transient, Fatal) as error:
            raise type(error)(
                f"{error}. {replay.sent:,} were sent again and recorded before; the others stay "
                "open: run it again, what was sent twice lands once"
            ) from error


def _render(told: dict[str, Any], out: Console) -> None:
    def line(text: str, style: str = "") -> None:
        out.print(Text(text, style=style), soft_wrap=True)

    before = f", {told['already_done']:,} were replayed or dropped before"
    line(f"{told['event']}: {told['judged']:,} open dead letters judged{before}.", "bold")
    for step in told["fix"]:
        line(f"  {step['step']}: changed {step['changed']:,}")
    left_out = f", {told['filtered']:,} of them only to be filtered" if told["filtered"] else ""
    line(f"  {told['passing']:,} {'would pass' if told['dry_run'] else 'pass'}{left_out}")
    if told["rejected"]:
        table = listing("still rejected", "field", "events", names=2)
        for one in told["rejected"]:
            table.add_row(one["reason"], Text(one["field"] or "–"), f"{one['events']:,}")
        out.print(table)
    if told["dry_run"]:
        next_ = f"; --go sends the {told['passing']:,} that pass" if told["passing"] else ""
        line(f"Nothing was sent{next_}.", "yellow")
    else:
        line(
            f"{told['sent']:,} sent again. They land with the next seal and load; "
            "`forebay audit` counts them.",
            "green",
        )
