"""`forebay load`: replace days now, without waiting for the scheduler."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any

import typer

from app.commands.context import DATA_DIR, DataDir, Parts, opened_parts, settings_here
from app.commands.output import AsJson, console, listing, print_json
from app.commands.pace import Pace
from app.contracts.table import Table
from app.core import kill_points
from app.core.errors import Fatal
from app.settings import Settings


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """From one day to another, both of it; None: as far as there are any."""

    first: date | None
    last: date | None

    def holds(self, day: date) -> bool:
        return (self.first or day) <= day <= (self.last or day)


def load(
    event: Annotated[str | None, typer.Option("--type", help="One event type; else all.")] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day to replace.")
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option(
            "--to", formats=["%Y-%m-%d"], help="Last day (inclusive); left out: that of --from."
        ),
    ] = None,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild",
            help="Every day that does not stand in the warehouse as the ledger has it: makes a "
            "lost table again. Killed half-way, the same command goes on.",
        ),
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Replace days of the warehouse from the ledger's objects.

    Without `--from`, the dirty days, as the scheduler would; with it, every day of the range,
    dirty or not. Safe beside a running scheduler: the fence lets only the newer run through.

    A long range goes in runs of `SCHEDULER__MAX_DAYS_PER_RUN` days, each a transaction of its own;
    how far it is stands on standard error.

        forebay load --type order_placed --from 2026-01-01 --to 2026-03-31

        forebay load --type order_placed --rebuild
    """
    span = _span(first, last, rebuild)
    reports = asyncio.run(_load(settings_here(data_dir), event, span, rebuild))
    if as_json:
        print_json(reports)
        return
    columns = ("days", "staged", "rows", "collapsed", "left")
    table = listing("event", "outcome", *columns, names=2)
    for report in reports:
        numbers = (f"{report[name]:,}" for name in columns)
        table.add_row(report["event"], report["outcome"], *numbers)
    console().print(table)


def _span(first: datetime | None, last: datetime | None, rebuild: bool) -> Span | None:
    """Which days are meant; None: the dirty ones."""
    start, end = first and first.date(), last and last.date()
    if start and end and end < start:
        raise Fatal(f"--to {end} is before --from {start}")
    if rebuild:
        return Span(start, end)
    if start is None and end is not None:
        raise Fatal("--to needs --from")
    return Span(start, end or start) if start else None


async def _load(
    settings: Settings, event: str | None, span: Span | None, rebuild: bool
) -> list[dict[str, Any]]:
    if settings.crash_at:
        kill_points.arm(kill_points.killing_at(settings.crash_at))
    async with opened_parts(settings) as parts:
        return [
            report
            for contract in parts.contracts.chosen([event] if event else None)
            async for report in _reports(parts, contract.table, span, rebuild)
        ]


async def _reports(
    parts: Parts, table: Table, span: Span | None, rebuild: bool
) -> AsyncIterator[dict[str, Any]]:
    from app.scheduler.history import Begun, History, instance_name
    from app.scheduler.redrive import redrive
    from app.scheduler.replace import JOB, counted, replace_all

    everything = (parts.ledger, parts.warehouse, table)
    max_days = parts.settings.scheduler.max_days_per_run
    if span is None:
        dirty = [found.day for found in await parts.ledger.dirty(table.event)]
        pace = Pace(table.event, dict.fromkeys(dirty, 0))
        runs = replace_all(*everything, max_days=max_days)
    else:
        wanted = await _wanted(parts, table, span, rebuild)
        pace = Pace(table.event, wanted)
        runs = redrive(*everything, wanted, max_days=max_days)
    history = History(parts.ledger, f"forebay load on {instance_name()}")
    begun = Begun(JOB, table.event, tries=1)
    async for report in runs:
        pace.tell(report.left)
        if report.outcome != "nothing_to_do":
            begun.id = report.run
            await history.done(begun, counted(report))
        begun = Begun(JOB, table.event, tries=1)
        yield dataclasses.asdict(report)


async def _wanted(parts: Parts, table: Table, span: Span, rebuild: bool) -> Mapping[date, int]:
    """The days to replace, and the rows in their objects."""
    from app.scheduler.redrive import known_days, lost_days

    known = {d: n for d, n in (await known_days(parts.ledger, table)).items() if span.holds(d)}
    if rebuild:
        lost = await lost_days(parts.ledger, parts.warehouse, table, known)
        return {day: known[day] for day in lost}
    strange = dict.fromkeys(filter(span.holds, await parts.warehouse.count(table)), 0)
    return strange | known  # rows of which no object is known are replaced by nothing
