"""Workers that come and go, and whose disks do: nothing is lost, and every copy is recognised."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.faults.steady import killed_there, load_for, sealed, steady_load, terminated
from tests.house.house import House, opened_house, until
from tests.house.load import Load
from tests.house.sales import Sales
from tests.house.servers import Servers

pytestmark = pytest.mark.timeout(600)


async def test_a_rolling_restart_of_two_workers_loses_nothing_and_doubles_nothing(
    house: House,
) -> None:
    workers = house.role("worker", 1), house.role("worker", 2)
    rest = house.role("gateway"), house.role("scheduler")
    await asyncio.gather(*(role.start() for role in (*workers, *rest)))
    async with steady_load(house) as load:
        for worker in workers:
            await load.goes_on(400)
            await terminated(worker)
            await worker.start()


async def test_one_worker_becomes_three_and_one_again_and_nothing_is_lost_or_doubled(
    servers: Servers, unique: str, tmp_path: Path
) -> None:
    """The first gets partitions back whose cursors and marks went on without it."""
    sales = [Sales(f"sale_{unique}", size="medium")]
    async with opened_house(unique, tmp_path, servers, sales=sales) as house:
        first, *more = (house.role("worker", number) for number in (1, 2, 3))
        rest = house.role("gateway"), house.role("scheduler")
        await asyncio.gather(*(role.start() for role in (first, *rest)))
        async with steady_load(house):
            await sealed(first, 1)
            await asyncio.gather(*(worker.start() for worker in more))
            await asyncio.gather(*(sealed(worker, 1) for worker in more))
            await asyncio.gather(*(terminated(worker) for worker in more))


async def test_after_a_disk_was_wiped_copies_are_still_recognised_in_the_stream(
    house: House,
) -> None:
    async def wiped() -> None:
        await terminated(house.roles[0])
        shutil.rmtree(house.data_dir("worker"))
        await house.role("worker").start()

    await _copies_are_recognised_after(wiped, house)


async def test_a_worker_that_never_saw_a_partition_recognises_copies_in_the_stream(
    house: House,
) -> None:
    async def moved() -> None:
        await house.role("worker", 2).start()
        await terminated(house.roles[0])

    await _copies_are_recognised_after(moved, house)


async def test_after_a_death_in_mid_recovery_copies_are_still_recognised_in_the_stream(
    house: House,
) -> None:
    async def killed_in_recovery() -> None:
        house.roles[0].kill()
        shutil.rmtree(house.data_dir("worker"))
        await killed_there(house.role("worker", crash_at="mid_recovery:2"))
        await house.role("worker").start()

    await _copies_are_recognised_after(killed_in_recovery, house)


async def test_what_a_worker_sealed_before_it_died_with_its_disk_is_recognised_in_the_stream(
    house: House,
) -> None:
    """Its marks were durable before its seal was."""
    await house.role("gateway").start()
    load = load_for(house, again=0, bad=0)
    dying = house.role("worker", crash_at="after_ledger")
    await asyncio.gather(load.send(800), killed_there(dying))
    shutil.rmtree(house.data_dir("worker"))
    await house.role("worker").start()
    await _copies_are_recognised(house, load, 0)


async def _copies_are_recognised_after(change: Callable[[], Awaitable[None]], house: House) -> None:
    """Those sent before it and those sent after it."""
    await house.role("worker").start()
    await house.role("gateway").start()
    load = load_for(house, again=0, bad=0)
    await load.send(800)
    copies = await load.send_again()
    await _sealed_to_the_end(house)
    await change()
    await _copies_are_recognised(house, load, copies)


async def _copies_are_recognised(house: House, load: Load, copies: int) -> None:
    """Nothing is left to be collapsed by a load; `copies` were sent before."""
    copies += await load.send_again()
    await load.send(200)
    totals = await _sealed_to_the_end(house)
    assert totals["staged"] == load.events
    assert totals["duplicates"] == copies
    assert totals["received"] == load.events + copies


async def _sealed_to_the_end(house: House) -> dict[str, int]:
    """Wait until everything is in the ledger; its totals."""
    totals: dict[str, int] = {}

    async def sealed_all() -> bool:
        await _started_again(house)
        report = await house.audit()
        assert report["balanced"], report["findings"]
        totals.update(report["totals"])
        return bool(totals["received"] and totals["lag"] == 0)

    await until(sealed_all, "everything is sealed")
    return totals


async def _started_again(house: House) -> None:
    """Faust can hang without a word after two rebalances at once: the worker ends itself then, for
    whoever runs it to start it again. That is us."""
    for role in house.roles:
        if role.exit_code == 1 and "no assignment or table recovery" in "".join(role.last_lines()):
            await role.start()
