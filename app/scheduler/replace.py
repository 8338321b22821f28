"""One run: days of one table, replaced in the warehouse by what the ledger knows of them.

The order:

1. days       the dirty ones, oldest first, or those that were asked for
2. fence      a number above all before
3. prepare    the table, as the contract has it
4. control    what LOAD_CONTROL says of each day; read before the manifest and compared again
              inside the transaction, so that no load undoes one that knew more
5. manifest   which seals and objects make up each day, of declared runs those of the one that is
              shown; where LOAD_CONTROL names exactly these
              seals, a run before us committed, and died before it could say so. Where it names
              one that the ledger does not have, the ledger is not the one of this warehouse
6. replace    the rest, in one transaction
7. record     in the ledger

Crash anywhere: before the commit in 6 nothing happened; after it, the next run's 5 finds out.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from loguru import logger
from ulid import ULID

from app.contracts.table import Table
from app.core.errors import Fatal, Transient
from app.core.kill_points import passing
from app.ledger.protocol import DayLoad, Ledger
from app.scheduler.reruns import Reruns
from sinks.protocol import DayManifest, LoadedDay, Miscounted, Warehouse

SUMMED = ("staged", "rows", "hidden")
Outcome = Literal["committed", "recorded", "nothing_to_do"]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What one run did.

    `days` it made current, `staged` rows in their objects, `rows` standing in the table now,
    `collapsed` and `hidden` (rows of declared runs that are not shown) the difference; `left` days
    wait for another run. `recorded`: nothing had to be loaded, an earlier run had committed it.
    """

    event: str
    run: str
    days: int
    staged: int
    rows: int
    collapsed: int
    outcome: Outcome
    left: int = 0
    hidden: int = 0


JOB = "load"
"""In the history of jobs."""


def counted(report: LoadReport) -> dict[str, int]:
    """What a run did, for the history of jobs."""
    return {"days": report.days, "rows": report.rows, "collapsed": report.collapsed}


def _go_on() -> None:
    pass


async def replace_days(
    ledger: Ledger,
    warehouse: Warehouse,
    table: Table,
    days: Collection[date] | None = None,
    *,
    run: str | None = None,
    max_days: int,
    force: bool = False,
    check: Callable[[], None] = _go_on,
) -> LoadReport:
    """Replace the dirty days of a table, of `days` only if given; with `force`, all of `days`.

    At most `max_days` days. The same `run` (a ULID) may be given to a second try of the same run.
    `check` is called last before the warehouse changes, and may raise.

    Raises:
        Transient: nothing changed, or it is unknown and the next run will find out.
        Fenced: a newer run has loaded the table.
        Fatal: the warehouse holds rows of seals that the ledger does not know; a day that was
            asked for can not be made again; or as `Warehouse.prepare` and `replace` do.
    """
    run = run or str(ULID())
    wanted = await _days(ledger, table, days, force)
    these = wanted[:max_days]
    if not these:
        return LoadReport(table.event, run, 0, 0, 0, 0, "nothing_to_do")
    fence = await ledger.next_fence(table.name)
    passing("after_fence")
    await warehouse.prepare(table)
    standing = await warehouse.loaded(table, these)
    reruns = Reruns(ledger, table)
    await reruns.look(these, standing)
    reruns.leave_summarised(asked_for=force)
    if not reruns.manifest(standing):
        return LoadReport(table.event, run, 0, 0, 0, 0, "nothing_to_do", len(wanted) - len(these))
    while True:
        manifest = reruns.manifest(standing)
        _check_known(table, manifest, standing)
        missing = [day for day in manifest if not _is_loaded(day, standing, run if force else None)]
        loaded = {day.day: standing[day.day] for day in manifest if day not in missing}
        if not missing:
            break
        check()
        try:
            loaded |= await _replace(warehouse, table, missing, run, fence)
        except Miscounted as miscounted:
            reruns.refuse(miscounted)
        else:
            break
    passing("before_record")
    await ledger.record_load([_as_recorded(table, day) for day in loaded.values()])
    await reruns.record(loaded)
    passing("after_record")
    sums = {n: sum(getattr(day, n) for day in loaded.values()) for n in SUMMED}
    return LoadReport(
        table.event,
        run,
        len(loaded),
        sums["staged"],
        sums["rows"],
        sums["staged"] - sums["rows"] - sums["hidden"],
        "committed" if missing else "recorded",
        len(wanted) - len(these),
        sums["hidden"],
    )


async def replace_all(
    ledger: Ledger,
    warehouse: Warehouse,
    table: Table,
    days: Collection[date] | None = None,
    *,
    max_days: int,
) -> AsyncIterator[LoadReport]:
    """As many runs of the dirty days as it takes, each reported when it has ended."""
    left = 1
    while left:
        report = await replace_days(ledger, warehouse, table, days, max_days=max_days)
        left = report.left
        yield report


async def _days(
    ledger: Ledger, table: Table, days: Collection[date] | None, force: bool
) -> Sequence[date]:
    if days is not None and force:
        return sorted(days)
    dirty = [found.day for found in await ledger.dirty(table.event)]
    return [day for day in dirty if days is None or day in days]


def _check_known(
    table: Table, manifest: Sequence[DayManifest], standing: Mapping[date, LoadedDay]
) -> None:
    """Seals are only ever added: a day never comes to consist of fewer."""
    for day in manifest:
        strange = set(standing[day.day].seals) - set(day.seals) if day.day in standing else set()
        if strange:
            raise Fatal(
                f"{table.name}, {day.day}: the warehouse holds rows of {len(strange)} seals "
                f"({min(strange)} …) that this ledger does not have: nothing was replaced. Is "
                "LEDGER__URL another ledger's? If the ledger was lost, restore it from its backup."
            )


def _is_loaded(day: DayManifest, standing: Mapping[date, LoadedDay], run: str | None) -> bool:
    found = standing.get(day.day)
    return (
        found is not None
        and sorted(found.seals) == sorted(day.seals)
        and found.shown == day.shown
        and (run is None or found.run == run)
    )


async def _replace(
    warehouse: Warehouse, table: Table, days: Sequence[DayManifest], run: str, fence: int
) -> Mapping[date, LoadedDay]:
    try:
        return await warehouse.replace(table, days, run=run, fence=fence)
    except Transient as error:
        found = await warehouse.loaded(table, [day.day for day in days])
        if all(day.day in found and _is_loaded(day, found, run) for day in days):
            logger.warning("{}: run {} was committed all the same: {}", table.name, run, error)
            return found
        raise


def _as_recorded(table: Table, loaded: LoadedDay) -> DayLoad:
    return DayLoad(
        event=table.event,
        table=table.name,
        day=loaded.day,
        run=loaded.run,
        fence=loaded.fence,
        seals=loaded.seals,
        staged=loaded.staged,
        rows=loaded.rows,
        loaded_at=loaded.loaded_at,
        shown=loaded.shown,
        hidden=loaded.hidden,
    )
