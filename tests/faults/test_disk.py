"""The disk under a worker is full: it says so and ends, and all lands once there is room again."""

import asyncio
from contextlib import suppress

from app.core.errors import Fatal
from app.local.role import LocalRole
from tests.faults.steady import all_is_well, load_for
from tests.faults.watching import metric
from tests.house.house import House, until
from tests.house.small_disk import limit, on_small_disk

FULL = "can not be read or written: is the disk full or failing?"
SMALL_BYTES = 100_000
TINY_BYTES = 30_000


async def full_disk_ended(role: LocalRole) -> None:
    """See it end by itself, without help of the watchdog, and say why in its last error: behind it
    stands only how often something was said before."""
    async with asyncio.timeout(60):
        await role.wait()
    assert role.exit_code == 1, role.last_lines()
    lines = [line for line in role.last_lines() if line.strip()]
    last = [line for line in lines if "ERROR" in line][-1]
    assert all("'times'" in line for line in lines[lines.index(last) + 1 :]), lines
    assert "the dedupe table" in last, last
    assert FULL in last, last


async def test_a_worker_on_a_full_disk_ends_and_all_lands_once_when_there_is_room(
    mongo_house: House,
) -> None:
    house = mongo_house
    worker, scheduler = house.role("worker"), house.role("scheduler")
    await asyncio.gather(worker.start(), scheduler.start())
    load = load_for(house, rate=10_000)
    await load.send(3_000, http=False)

    async def sealed() -> bool:
        return await metric(worker, "forebay_worker_seals_total") > 0

    await until(sealed, "there is something to recover from")
    limit(worker, SMALL_BYTES)
    await load.send(4_000, http=False)
    await full_disk_ended(worker)

    # The next one, on another machine with a full disk, does not get through the changelog.
    worker = on_small_disk(house.role("worker", number=2), TINY_BYTES)
    with suppress(Fatal):
        await worker.start()
    await full_disk_ended(worker)

    await house.role("worker").start()
    await all_is_well(house, load)
