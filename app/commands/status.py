"""`forebay status`: who is behind, and why."""

import asyncio
import dataclasses
from typing import Annotated, Any

import typer

from app.commands.context import DATA_DIR, DataDir, settings_here
from app.commands.output import AsJson, console, listing, print_json
from app.settings import Settings
from app.status.verdict import Status, told


def status(
    event: Annotated[
        str | None, typer.Option("--type", help="One event type; otherwise all.")
    ] = None,
    behind: Annotated[bool, typer.Option("--behind", help="Only those that are behind.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Say which tables are behind their objective, and why; the worst first.

    The objective is `freshness` in the topic file. A type is behind when an event was received
    longer ago than that and is not in the table (not consumed, not sealed, not loaded), or when
    none has arrived for as long. A type that never had an event is not missed. What is paused is
    told, with who said so and why, behind or not.

    Exit code 0: nobody is behind; 1: somebody is.
    """
    found = asyncio.run(_statuses(settings_here(data_dir), event))
    late = [one for one in found if one.is_behind]
    shown = late if behind else found
    if as_json:
        print_json([as_json_of(one) for one in shown])
    else:
        _show(shown)
        console().print(f"{len(late):,} of {len(found):,} event types are behind.")
    raise typer.Exit(int(bool(late)))


async def _statuses(settings: Settings, event: str | None) -> list[Status]:
    from app.assemble import contracts_of, opened_ledger
    from app.status.look import statuses

    chosen = contracts_of(settings).chosen([event] if event else None)
    async with opened_ledger(settings) as ledger:
        return await statuses(settings.kafka, settings.worker.app_id, ledger, list(chosen))


def _show(found: list[Status]) -> None:
    table = listing("event", "verdict", "behind", "objective", "silent", "unread", names=2)
    for one in found:
        seen = one.seen
        table.add_row(
            seen.event,
            str(one.verdict),
            told(seen.behind),
            told(seen.objective),
            told(seen.silent),
            f"{seen.unread.records:,}",
        )
    console().print(table)
    for one in found:
        for pause in one.seen.paused:
            console().print(f"PAUSED {pause}: {pause.why}", soft_wrap=True, markup=False)
    for one in found:
        if one.is_behind:
            console().print(f"{one.seen.event}: {one.verdict}: {one.why}", soft_wrap=True)


def as_json_of(one: Status) -> dict[str, Any]:
    """For machines: all that was seen; spans in seconds."""
    seen = one.seen
    return {
        "event": seen.event,
        "verdict": one.verdict,
        "behind": one.is_behind,
        "why": one.why,
        "behind_seconds": _seconds(seen.behind),
        "objective_seconds": _seconds(seen.objective),
        "silent_seconds": _seconds(seen.silent),
        "last_arrival": seen.last_arrival,
        "unread": dataclasses.asdict(seen.unread),
        "unloaded": dataclasses.asdict(seen.unloaded),
        "paused": [dataclasses.asdict(pause) for pause in seen.paused],
        "at": seen.at,
    }


def _seconds(span: Any) -> float | None:
    return None if span is None else span.total_seconds()
