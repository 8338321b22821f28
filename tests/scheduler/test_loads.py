"""What a scheduler does between its look at a table and its lock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from app.core.schedule import Every
from app.health import Readiness
from app.local.redis import LocalRedis
from app.scheduler.history import History
from app.scheduler.loads import Loads
from app.scheduler.lock import Lease, Locks
from app.scheduler.options import SchedulerOptions
from app.scheduler.replace import replace_days
from tests.scheduler.world import MONDAY, World, table


class OutrunLocks(Locks):
    """Someone else loads the table, and more is sealed, just before each lock is taken."""

    world: World

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[Lease | None]:
        await replace_days(self.world.ledger, self.world.warehouse, table(), max_days=31)
        await self.world.seal({MONDAY: ["b"]})
        async with super().held(name) as lease:
            yield lease


async def test_a_table_that_another_has_just_loaded_keeps_its_pace(
    world: World, redis: LocalRedis
) -> None:
    await world.seal({MONDAY: ["a"]})
    locks = OutrunLocks(redis.url, 30)
    locks.world = world
    tables = {"order_placed": table()}
    loads = Loads(
        SchedulerOptions(),
        tables,
        {"order_placed": Every(timedelta(hours=1))},
        world.ledger,
        world.warehouse,
        locks,
        Readiness(),
        History(world.ledger, "one"),
    )
    await loads.tick()
    await loads.settled()
    assert await world.ids() == ["a"]
    assert len(world.warehouse.replaces) == 1
    assert await world.dirty() == [MONDAY]
    await locks.close()
