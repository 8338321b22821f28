"""`forebay load`: replace days now, without waiting for the scheduler."""

import asyncio
import dataclasses
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import typer

from app.commands.context import DATA_DIR, DataDir, opened_parts, settings_here
from app.commands.output import AsJson, console, listing, print_json
from app.core.errors import Fatal
from app.settings import Settings


def load(
    event: Annotated[str | None, typer.Option("--type", help="One event type; else all.")] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day to replace.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day (inclusive).")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Replace days of the warehouse from the ledger's objects.

    Without `--from`, the dirty days, as the scheduler would; with it, every day of the range,
    dirty or not. Safe beside a running scheduler: the fence lets only the newer run through.
    """
    reports = asyncio.run(_load(settings_here(data_dir), event, _range(first, last)))
    if as_json:
        print_json(reports)
        return
    columns = ("days", "staged", "rows", "collapsed", "left")
    table = listing("event", "outcome", *columns, names=2)
    for report in reports:
        numbers = (f"{report[name]:,}" for name in columns)
        table.add_row(report["event"], report["outcome"], *numbers)
    console().print(table)


def _range(first: datetime | None, last: datetime | None) -> list[date] | None:
    if first is None:
        if last is not None:
            raise Fatal("--to needs --from")
        return None
    end = (last or first).date()
    count = (end - first.date()).days + 1
    if count < 1:
        raise Fatal(f"--to {end} is before --from {first.date()}")
    return [first.date() + timedelta(days=n) for n in range(count)]


async def _load(
    settings: Settings, event: str | None, days: list[date] | None
) -> list[dict[str, Any]]:
    from app.scheduler.replace import replace_all

    async with opened_parts(settings) as parts:
        return [
            dataclasses.asdict(report)
            for contract in parts.contracts.chosen([event] if event else None)
            async for report in replace_all(
                parts.ledger,
                parts.warehouse,
                contract.table,
                days,
                max_days=settings.scheduler.max_days_per_run,
                force=days is not None,
            )
        ]
