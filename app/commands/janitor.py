"""`forebay janitor`: what nobody needs any more."""

import asyncio
import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from app.commands.context import DATA_DIR, DataDir, opened_parts, settings_here
from app.commands.output import AsJson, console, listing, print_json
from app.settings import Settings


def janitor(
    go: Annotated[bool, typer.Option("--go", help="Remove it; otherwise it is listed.")] = False,
    most: Annotated[
        bool, typer.Option("--most", help="Even if the ledger knows only a few of the objects.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """List, and with `--go` remove, what nobody needs any more.

    Objects and uploads that no seal names, a day after they were stored; files of loads that died
    on this machine; the history of jobs beyond its retention; and, if `JANITOR__KEEP_SEALS_DAYS`
    says so, old seals, of which the sums stay. The scheduler does the same by `JANITOR__CRON`.
    What a seal names is never touched, nor are objects that no worker made.
    """
    found = asyncio.run(_sweep(settings_here(data_dir), go=go, most=most))
    if as_json:
        print_json({"removed": go, "found": found})
        return
    _show(found)
    console().print("Removed." if go else "Nothing was removed; `--go` does.")


async def _sweep(settings: Settings, *, go: bool, most: bool) -> dict[str, dict[str, Any]]:
    from app.janitor.old_seals import Retention, late_days_of
    from app.janitor.pile import counted
    from app.janitor.sweep import sweep
    from app.scheduler.history import Begun, History, instance_name

    async with opened_parts(settings) as parts:
        begun = Begun("janitor", tries=1)
        retention = Retention(settings.janitor.keep_seals, late_days_of(parts.contracts))
        piles = await sweep(
            parts.ledger,
            parts.objects,
            parts.warehouse,
            keep_runs=timedelta(days=settings.janitor.keep_runs_days),
            retention=retention,
            go=go,
            most=most,
        )
        if go:
            history = History(parts.ledger, f"forebay janitor on {instance_name()}")
            await history.done(begun, counted(piles))
            await parts.ledger.record_tick("janitor", datetime.now(UTC))
    return {str(kind): dataclasses.asdict(pile) for kind, pile in piles.items()}


def _show(found: Mapping[str, Mapping[str, Any]]) -> None:
    from app.janitor.pile import ABOUT, Kind

    table = listing("what", "count", "bytes")
    for kind, pile in found.items():
        table.add_row(ABOUT[Kind(kind)], f"{pile['count']:,}", f"{pile['bytes']:,}")
    console().print(table)
    for kind, pile in found.items():
        for example in pile["examples"]:
            console().print(f"{kind}: {example}", soft_wrap=True)
