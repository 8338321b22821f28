"""A type whose events become several rows, or none, or are filtered, all the way to both houses."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from tests.faults.steady import load_for, sealed, terminated
from tests.house.house import House, WarehouseKind, opened_house
from tests.house.sales import Baskets, Sales
from tests.house.servers import Servers
from tests.house.verdict import judged


@pytest.fixture(params=["duckdb", "snowflake"])
async def house(
    servers: Servers, unique: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[House]:
    sales: list[Sales] = [Baskets(f"basket_{unique}")]
    warehouse = cast(WarehouseKind, request.param)
    async with opened_house(unique, tmp_path, servers, sales=sales, warehouse=warehouse) as made:
        yield made


async def test_each_row_of_each_event_stands_once_though_the_worker_died_and_all_was_sent_again(
    house: House,
) -> None:
    gateway, worker, scheduler = map(house.role, ("gateway", "worker", "scheduler"))
    await asyncio.gather(gateway.start(), worker.start())
    load = load_for(house, rate=1_000)
    load.start()
    await sealed(worker, 1)
    await load.goes_on(1_000)
    worker.kill()
    await load.goes_on(1_000)
    await worker.start()
    await load.stop()
    await load.send_again()
    await scheduler.start()
    await house.settled()
    await asyncio.gather(*map(terminated, (gateway, worker, scheduler)))
    verdict = await judged(house, load, "--deep")
    assert verdict.holds, verdict
    totals = verdict.report["totals"]
    (numbers,) = load.acknowledged.values()
    trials = sum(number % 5 == 0 for number in numbers)
    assert totals["staged"] == len(numbers) - trials
    assert totals["rows"] == verdict.rows == verdict.expected
    assert totals["dead"] == load.bad
    # Batches are of numbers in a row, so a fifth of what was sent again is trials as well.
    assert totals["filtered"] == (load.sent + load.resent) // 5
    assert totals["duplicates"] == load.resent - load.resent // 5
    assert (totals["collapsed"], totals["in_flight"]) == (0, 0)
