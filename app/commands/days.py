"""`forebay days`: which days stand in the warehouse, and which wait."""

import asyncio
from datetime import date
from typing import Annotated, Any

import typer

from app.commands.context import DATA_DIR, DataDir, Parts, opened_parts, settings_here
from app.commands.output import AsJson, console, listing, print_json
from app.contracts.model import Contract


def days(
    event: Annotated[
        str | None, typer.Option("--type", help="One event type; otherwise all.")
    ] = None,
    dirty: Annotated[bool, typer.Option("--dirty", help="Only days that wait for a load.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """List the days of each event type: what was staged, what is loaded, what waits.

    A day is dirty while the ledger has a seal for it that the last committed load did not name.
    """
    rows = asyncio.run(_days(settings_here(data_dir), event, dirty))
    if as_json:
        print_json(rows)
        return
    columns = ("staged", "loaded", "collapsed", "waiting", "objects")
    table = listing("event", "day", *columns, names=2)
    for row in rows:
        table.add_row(row["event"], row["day"], *(f"{row[name]:,}" for name in columns))
    console().print(table)


async def _days(settings: Any, event: str | None, only_dirty: bool) -> list[dict[str, Any]]:
    async with opened_parts(settings) as parts:
        chosen = parts.contracts.chosen([event] if event else None)
        found = [row for contract in chosen for row in await _days_of(parts, contract)]
    return [row for row in found if row["waiting"]] if only_dirty else found


async def _days_of(parts: Parts, contract: Contract) -> list[dict[str, Any]]:
    event = contract.event
    loads = await parts.ledger.loads(event, contract.table.name)
    rows: list[dict[str, Any]] = []
    for totals in await parts.ledger.totals(event):
        day: date = totals.day
        load = loads.get(day)
        rows.append(
            {
                "event": event,
                "day": day.isoformat(),
                "staged": totals.counts.staged,
                "loaded": load.rows if load else 0,
                "collapsed": load.collapsed if load else 0,
                "waiting": totals.unloaded,
                "objects": totals.objects,
                "last_load": load.loaded_at.isoformat(timespec="seconds") if load else None,
            }
        )
    return rows
