"""Roles that are frozen until everybody takes them for dead, and then go on."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from app.local.role import LocalRole
from tests.faults.steady import (
    freeze,
    frozen_there,
    sealed,
    staged,
    steady_load,
    terminated,
    thaw,
)
from tests.faults.watching import log_of, metric
from tests.house.house import House, until

pytestmark = pytest.mark.timeout(600)

SHORT_LEASE: dict[str, Any] = {"SCHEDULER__LOCK_SECONDS": "2.5"}
NEVER_BY_AGE: dict[str, Any] = {"SEAL__MAX_AGE_SECONDS": "3600"}


async def fenced(role: LocalRole) -> None:
    """It ends as one that may not write any more, and keeps no mark that may be wrong."""
    async with asyncio.timeout(60):
        assert await role.wait() == 1, role.last_lines()
    assert "fenced" in log_of(role)
    assert list(role.log_file.with_suffix("").rglob("*.db")) == []


async def test_workers_that_slept_past_their_session_are_fenced_whatever_they_were_at(
    house: House,
) -> None:
    """One with open objects; one whose objects are durable and that asks the ledger next."""
    idle = house.role("worker", 1, **NEVER_BY_AGE)
    busy = house.role("worker", 2, crash_at="before_ledger:3:stop")
    await asyncio.gather(*(r.start() for r in (house.role("gateway"), house.role("scheduler"))))
    async with steady_load(house):
        await asyncio.gather(idle.start(), busy.start())
        await frozen_there(busy)
        await staged(idle, 300)
        freeze(idle)
        heir = house.role("worker", 3)
        await heir.start()
        await sealed(heir, 2)
        thaw(idle)
        thaw(busy)
        await asyncio.gather(fenced(idle), fenced(busy))
        again = house.role("worker", 1), house.role("worker", 2)
        await asyncio.gather(*(worker.start() for worker in again))
        await terminated(heir)
        await asyncio.gather(*(sealed(worker, 1) for worker in again))


SLEEPS_AT = {
    "duckdb": ("after_fence", "staged", "before_record"),
    "snowflake": ("staged", "inserted"),
}
IN_A_TRANSACTION = ("inserted",)
"""There Snowflake lets nobody else in until it goes on, and what it does then is right; DuckDB
does not even let anybody open its file."""
WAKES_TO = {
    "after_fence": ("superseded", "recorded"),
    "staged": ("superseded",),
    "inserted": ("committed",),
    "before_record": ("committed",),
}


async def test_a_scheduler_that_slept_past_its_lease_undoes_nothing_of_its_heir(
    each_house: House,
) -> None:
    house = each_house
    await asyncio.gather(house.role("gateway").start(), house.role("worker").start())
    async with steady_load(house, rate=100):
        for point in SLEEPS_AT[house.warehouse]:
            sleeper = house.role("scheduler", 1, crash_at=f"{point}:2:stop", **SHORT_LEASE)
            await sleeper.start()
            await frozen_there(sleeper)
            heir = house.role("scheduler", 2, **SHORT_LEASE)
            await has_the_lock(house, heir)
            if point not in IN_A_TRANSACTION:
                await loaded(heir, 1, "committed")
            thaw(sleeper)
            await loaded(sleeper, 2 if "committed" in WAKES_TO[point] else 1, *WAKES_TO[point])
            await asyncio.gather(terminated(sleeper), terminated(heir))
        await house.role("scheduler").start()


async def loaded(scheduler: LocalRole, count: int, *outcomes: str) -> None:
    async def it_has() -> bool:
        name = "forebay_scheduler_loads_total"
        counts = [await metric(scheduler, name, outcome=outcome) for outcome in outcomes]
        return sum(counts) >= count

    await until(it_has, f"{scheduler.log_file.stem}: {count} runs were {' or '.join(outcomes)}")


async def has_the_lock(house: House, heir: LocalRole) -> None:
    """Start it, and wait until it is the one that may load the house's table."""
    async with Redis.from_url(house.servers.redis.url) as redis:
        name = f"{house.name}-scheduler:load:{house.sales[0].table}"
        before = await redis.get(name)

        async def changed_hands() -> bool:
            return await redis.get(name) not in (before, None)

        await heir.start()
        await until(changed_hands, "the heir has the lock", every=0.02)


async def test_a_gateway_that_slept_past_the_patience_of_its_clients_doubles_nothing(
    house: House,
) -> None:
    """They send again to another gateway; then the first goes on with what it was sent."""
    gateways = house.role("gateway"), house.role("gateway", 2)
    rest = house.role("worker"), house.role("scheduler")
    await asyncio.gather(*(role.start() for role in (*gateways, *rest)))
    async with steady_load(house, patience_seconds=2) as load:
        await load.goes_on(400)
        freeze(gateways[0])
        await load.goes_on(800)
        thaw(gateways[0])
        await load.goes_on(400)
