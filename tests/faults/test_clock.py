"""The wall clock jumps: nothing waits for it, nothing storms, no seal is lost or refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import psutil

from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Ledger
from app.local.role import LocalRole
from tests.faults.steady import all_is_well, load_for
from tests.faults.watching import log_of, metric
from tests.house.clock import HOUR, MINUTE, set_clock, with_a_clock
from tests.house.house import House, until

REFUSED_BY_S3 = "RequestTimeTooSkewed"
QUIET_SECONDS = 2.0


@asynccontextmanager
async def ledger_of(house: House) -> AsyncIterator[Ledger]:
    ledger = await open_ledger(LedgerOptions(url=house.environment["LEDGER__URL"]))
    yield ledger
    await ledger.close()


async def grown(role: LocalRole, name: str, before: float, **labels: str) -> float:
    """Wait until a metric is above `before`; give its value."""

    async def above() -> bool:
        return await metric(role, name, **labels) > before

    await until(above, f"{name} of {role.name} grows")
    return await metric(role, name, **labels)


async def assert_at_rest(role: LocalRole) -> None:
    """With nothing to do it does nothing: hardly a log line, and not half of a core."""
    assert role.pid is not None, role.last_lines()
    process = psutil.Process(role.pid)
    lines, before = log_of(role).count("\n"), sum(process.cpu_times()[:2])
    await asyncio.sleep(QUIET_SECONDS)
    assert log_of(role).count("\n") - lines < 40
    assert sum(process.cpu_times()[:2]) - before < QUIET_SECONDS / 2


async def test_a_worker_whose_clock_jumps_seals_on_and_waits_where_s3_refuses_its_time(
    house: House,
) -> None:
    worker, scheduler = with_a_clock(house.role("worker")), house.role("scheduler")
    await asyncio.gather(worker.start(), scheduler.start())
    load, sealed = load_for(house), 0.0
    for minutes in (0, -10, 10):
        set_clock(worker, minutes * MINUTE)
        await load.send(200, http=False)
        sealed = await grown(worker, "forebay_worker_seals_total", sealed)
    for hours in (-1, 1):
        refused = log_of(worker).count(REFUSED_BY_S3)
        set_clock(worker, hours * HOUR)
        await load.send(200, http=False)

        async def waits(refused: int = refused) -> bool:
            return log_of(worker).count(REFUSED_BY_S3) > refused

        await until(waits, "S3 refuses the worker's time")
        await assert_at_rest(worker)
        set_clock(worker, 0)
        sealed = await grown(worker, "forebay_worker_seals_total", sealed)
    await all_is_well(house, load)
    assert worker.running
    async with ledger_of(house) as ledger:
        times = [seal.sealed_at - datetime.now(UTC) async for seal in ledger.seals()]
    assert min(times) < timedelta(minutes=-9), "it sealed while its clock was slow"
    assert max(times) > timedelta(minutes=8), "it sealed while its clock was fast"
    assert len(times) < 60


async def test_a_scheduler_whose_clock_jumps_loads_on(house: House) -> None:
    worker, scheduler = house.role("worker"), with_a_clock(house.role("scheduler"))
    await asyncio.gather(worker.start(), scheduler.start())
    (kind,) = house.sales
    load, loads = load_for(house), "forebay_scheduler_loads_total"
    async with ledger_of(house) as ledger:

        async def loaded() -> bool:
            received = sum([seal.received async for seal in ledger.seals()])
            everything = received == load.sent + load.resent + load.bad
            return everything and not await ledger.dirty(kind.event)

        for minutes in (10, 0, -10):  # the table is loaded each second; S3 would refuse an hour
            set_clock(scheduler, minutes * MINUTE)
            await load.send(200, http=False)
            await until(loaded, f"everything is loaded {minutes} minutes ahead")
            tried = await metric(scheduler, loads)
            await assert_at_rest(scheduler)
            assert await metric(scheduler, loads) == tried, "nothing is loaded without need"
        found = await ledger.loads(kind.event, kind.table)
    await all_is_well(house, load)
    assert scheduler.running
    behind = min(datetime.now(UTC) - day.loaded_at for day in found.values())
    assert behind > timedelta(minutes=9), "the last load of each day was made by a slow clock"
