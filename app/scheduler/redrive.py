"""Replace days that nobody waits for: a range that was asked for, or what was lost of a table.

Days go in few runs of `max_days`, each a transaction of its own: whatever stops this between two
of them leaves whole days behind it. What is lost is not remembered, it is found by looking: so a
rebuild that was killed goes on where it stopped, and one with nothing to do does nothing.

No lock is taken. A scheduler that loads the table meanwhile takes a higher number, and the run
that was overtaken is tried again with one that is higher still.
"""

import dataclasses
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from datetime import date

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)
from ulid import ULID

from app.contracts.table import Table
from app.core.errors import Fenced, Transient
from app.ledger.protocol import DaySeals, Ledger
from app.retry import warn_of_a_try
from app.scheduler.replace import LoadReport, replace_days
from sinks.protocol import DayPrints, LoadedDay, Warehouse

TRIES = 6
LONGEST_PAUSE_SECONDS = 15
DAYS_PER_LOOK = 100


async def known_days(ledger: Ledger, table: Table) -> Mapping[date, int]:
    """The days a table is made of, ascending, and the rows in their objects; those that a load
    left empty are of them."""
    rows = {t.day: t.counts.rows for t in await ledger.totals(table.event) if t.counts.rows}
    for day in await ledger.loads(table.event, table.name):
        rows.setdefault(day, 0)
    return dict(sorted(rows.items()))


async def lost_days(
    ledger: Ledger, warehouse: Warehouse, table: Table, days: Collection[date]
) -> list[date]:
    """Those of `days` that do not stand in the warehouse as the ledger has them.

    LOAD_CONTROL names other seals, another load than the ledger, or none; or the rows are not those
    that the load left: they are counted, and their fingerprints compared inside the warehouse.
    """
    counts = await warehouse.count(table)
    recorded = await ledger.loads(table.event, table.name)
    lost: list[date] = []
    for page in _pages(sorted(days), DAYS_PER_LOOK):
        control = await warehouse.loaded(table, page)
        prints = await warehouse.fingerprints(table, page)
        for found in await ledger.manifest(table.event, page):
            day, load = found.day, recorded.get(found.day)
            if load is None or not _stands(
                found, load.run, control.get(day), prints.get(day), counts.get(day, 0)
            ):
                lost.append(day)
    return lost


def _stands(
    found: DaySeals, run: str, control: LoadedDay | None, prints: DayPrints | None, rows: int
) -> bool:
    if control is None or control.run != run or control.rows != rows:
        return False
    if set(control.seals) != {*found.seals, *found.summarised}:
        return False
    if not rows:
        return True
    return prints is not None and prints.run == run and prints.loaded == prints.standing


async def redrive(
    ledger: Ledger,
    warehouse: Warehouse,
    table: Table,
    days: Collection[date],
    *,
    max_days: int,
) -> AsyncIterator[LoadReport]:
    """Replace each of `days`, loaded or not, and report each run when it has ended.

    Raises:
        Transient, Fenced: a run failed `TRIES` times; those before it have committed.
        Fatal: as `replace_days`.
    """
    in_order = sorted(days)
    left = len(in_order)
    for these in _pages(in_order, max_days):
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((Transient, Fenced)),
            stop=stop_after_attempt(TRIES),
            wait=wait_random_exponential(max=LONGEST_PAUSE_SECONDS),
            before_sleep=warn_of_a_try,
            reraise=True,
        )
        run = str(ULID())  # the same in each try, so that one that committed is recognised
        report: LoadReport = await retrying(
            replace_days, ledger, warehouse, table, these, run=run, max_days=max_days, force=True
        )
        left -= len(these)
        yield dataclasses.replace(report, left=left)


def _pages(days: Sequence[date], size: int) -> Iterator[Sequence[date]]:
    for start in range(0, len(days), size):
        yield days[start : start + size]
