"""`forebay ledger …`: read the ledger, and acknowledge what is lost."""

import asyncio
import dataclasses
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from app.assemble import opened_ledger
from app.commands.context import DATA_DIR, DataDir, settings_here
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
    incident: Annotated[
        str,
        typer.Argument(
            help="Its id, as `forebay audit` names it; or the partition whose topic is gone."
        ),
    ],
    why: Annotated[str, typer.Option("--why", help="What was done about it; kept for ever.")],
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Say that a loss is known: it no longer makes the audit fail, and is told as a remark.

    Of an incident the first reason given stays, of a partition the last one.
    """
    if not why.strip():
        raise typer.BadParameter("say what was done about it", param_hint="--why")
    kept = asyncio.run(_acknowledge(settings_here(data_dir), incident, why.strip()))
    if kept is None:
        raise typer.BadParameter(
            f"there is no incident {incident}, and no partition of this name; "
            "`forebay audit` names them",
            param_hint="INCIDENT",
        )
    if as_json:
        print_json(dataclasses.asdict(kept))
    else:
        console().print(f"{kept.incident}, acknowledged {kept.at:%Y-%m-%d %H:%M} UTC: {kept.why}")


async def _acknowledge(settings: Settings, incident: str, why: str) -> Acknowledgement | None:
    async with opened_ledger(settings) as opened:
        return await opened.acknowledge(Acknowledgement(incident, why, datetime.now(UTC)))


async def _seals(
    settings: Settings, event: str | None, day: datetime | None, last: int
) -> list[Seal]:
    newest: list[Seal] = []
    async with opened_ledger(settings) as opened:
        async for seal in opened.seals(event, day=day.date() if day else None):
            newest.append(seal)
            del newest[:-last]
    return newest


def _as_json(seal: Seal) -> dict[str, Any]:
    return dataclasses.asdict(seal) | {
        "days": {
            day.isoformat(): dataclasses.asdict(counts) | {"received": counts.received}
            for day, counts in seal.days.items()
        },
        "dead_by_reason": dict(seal.dead_by_reason),
    }
