"""SIGKILL at every named point of every role: nothing is lost, nothing is there twice.

What is added to `POINTS` is killed here too; a point that no role ever comes to fails.
"""

import asyncio
import shutil
from typing import Any

import pytest

from app.core.kill_points import POINTS
from tests.faults.steady import killed_there, steady_load
from tests.house.house import House

pytestmark = pytest.mark.timeout(600)

ONCE_IN_A_LIFE = ("before_reading", "while_revoked", "mid_recovery")
SOON_FREE: dict[str, Any] = {"SCHEDULER__LOCK_SECONDS": "2.5"}
"""A killed scheduler's lock has to run out before the next one can load."""


async def test_roles_killed_at_every_point_lose_nothing_and_double_nothing(
    each_house: House,
) -> None:
    async with steady_load(each_house, rate=120):
        await asyncio.gather(_gateways(each_house), _workers(each_house), _schedulers(each_house))


async def _gateways(house: House) -> None:
    for point in POINTS["gateway"]:
        for nth in (1, 5):
            await killed_there(house.role("gateway", crash_at=f"{point}:{nth}"))
    await house.role("gateway").start()


async def _schedulers(house: House) -> None:
    for point in POINTS["scheduler"]:
        await killed_there(house.role("scheduler", crash_at=point, **SOON_FREE))
    await house.role("scheduler").start()


async def _workers(house: House) -> None:
    """Two at a time: Kafka waits 6 s for one that died, and as long for two."""
    points = [point for point in POINTS["worker"] if point not in ONCE_IN_A_LIFE]
    points.insert(0, "before_reading")
    for pair in zip(points[::2], [*points[1::2], None], strict=False):
        await asyncio.gather(
            *(_worker_killed(house, point, number) for number, point in enumerate(pair, 1) if point)
        )
    revoked = house.role("worker", 1, crash_at="while_revoked")
    await revoked.start()
    shutil.rmtree(house.data_dir("worker", 2))
    await asyncio.gather(killed_there(revoked), _worker_killed(house, "mid_recovery", 2))
    await house.role("worker", 2).start()


async def _worker_killed(house: House, point: str, number: int) -> None:
    """At its second passing, where there is one: then this life has sealed before."""
    nth = 1 if point in ONCE_IN_A_LIFE else 2
    await killed_there(house.role("worker", number, crash_at=f"{point}:{nth}"))
