"""`forebay ledger …`: read the ledger, and acknowledge what is lost."""

import asyncio
import dataclasses
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from app.assemble import contracts_of, opened_ledger
from app.audit.memory import memory_of, remembered_logs
from app.commands.context import DATA_DIR, DataDir, settings_here
from app.commands.losses import losses_of, told
from app.commands.output import AsJson, console, listing, print_json
from app.core.incarnation import short_place
from app.core.seal import Seal
from app.ledger.protocol import Acknowledgement
from app.settings import Settings

ledger = typer.Typer(help="Read the ledger: what was consumed, seal by seal.", no_args_is_help=True)


@ledger.callback()
def _group() -> None:
    """Read the ledger: what was consumed, seal by seal."""


@ledger.command()
def show(
    event: Annotated[str | None, typer.Option("--type", help="One event type.")] = None,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only seals that hold this day.")
    ] = None,
    last: Annotated[int, typer.Option(min=1, help="Only the newest so many.")] = 20,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Show the newest seals: ranges of offsets, objects and counts."""
    seals = asyncio.run(_seals(settings_here(data_dir), event, day, last))
    if as_json:
        print_json([_as_json(seal) for seal in seals])
        return
    table = listing("seal", "partition: offsets", "received", "staged", "dup.", "dead", names=2)
    for seal in seals:
        told = (seal.id, f"{seal.event} v{seal.version}", f"{seal.sealed_at:%Y-%m-%d %H:%M:%S} UTC")
        offsets = (f"{short_place(r.tp)}: {r.first}-{r.next - 1}" for r in seal.ranges)
        table.add_row(
            "\n".join(told),
            "\n".join(offsets),
            f"{seal.received:,}",
            *(f"{seal.total(what):,}" for what in ("staged", "duplicates", "dead")),
        )
    console().print(table)


@ledger.command()
def acknowledge(
    why: Annotated[str, typer.Option("--why", help="What was done about it; kept for ever.")],
    losses: Annotated[
        list[str] | None,
        typer.Argument(
            help="Ids of incidents, as `forebay audit` names them; partitions of which something "
            "is lost (events.order.v1/3); or topics (events.order.v1): all their partitions."
        ),
    ] = None,
    all_of: Annotated[
        list[str] | None,
        typer.Option(
            "--all-of",
            help="All incidents of this event type that nobody has acknowledged, and all "
            "partitions of its topics, of every version.",
            metavar="EVENT",
        ),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Say that losses are known: they no longer make the audit fail, and are told as remarks.

    Of an incident the first reason given stays, of a partition the last one. Of a partition it
    settles what an audit has seen lost before; what is lost later is a finding again.
    """
    if not why.strip():
        raise typer.BadParameter("say what was done about it", param_hint="--why")
    if not losses and not all_of:
        raise typer.BadParameter("name what is known to be lost", param_hint="LOSSES")
    settings = settings_here(data_dir)
    remembered = remembered_logs(data_dir / memory_of(settings.ledger))
    kept = asyncio.run(_acknowledge(settings, losses or [], all_of or [], remembered, why.strip()))
    if as_json:
        print_json([dataclasses.asdict(said) for said in kept])
        return
    for line in told(kept):
        console().print(line)


async def _acknowledge(
    settings: Settings,
    names: Sequence[str],
    events: Sequence[str],
    remembered: Collection[str],
    why: str,
) -> list[Acknowledgement]:
    """All of them, or none if one is unknown."""
    async with opened_ledger(settings) as opened:
        known = await losses_of(opened, remembered)
        wanted = {name: known.named(name) for name in names}
        wanted |= {f"--all-of {event}": known.all_of(event) for event in events}
        if unknown := [name for name, meant in wanted.items() if not meant]:
            raise typer.BadParameter(
                f"there is no incident, partition or topic {', '.join(unknown)}; "
                "`forebay audit` names them",
                param_hint="LOSSES",
            )
        now = datetime.now(UTC)
        every = dict.fromkeys(loss for meant in wanted.values() for loss in meant)
        said = [await opened.acknowledge(Acknowledgement(loss, why, now)) for loss in every]
    return [kept for kept in said if kept is not None]


async def _seals(
    settings: Settings, event: str | None, day: datetime | None, last: int
) -> list[Seal]:
    newest: list[Seal] = []
    async with opened_ledger(settings) as opened:
        async for seal in opened.seals(event, day=day.date() if day else None):
            newest.append(seal)
            del newest[:-last]
        if event and not newest and not await opened.totals(event):
            contracts_of(settings).chosen([event])  # or it is mistyped
    return newest


def _as_json(seal: Seal) -> dict[str, Any]:
    return dataclasses.asdict(seal) | {
        "days": {
            day.isoformat(): dataclasses.asdict(counts) | {"received": counts.received}
            for day, counts in seal.days.items()
        },
        "dead_by_reason": dict(seal.dead_by_reason),
    }
