"""Loads on real warehouses: schedulers without a house, each with an adapter of its own."""

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from app.core.errors import Transient
from app.core.kill_points import passing
from app.core.schedule import Every
from app.health import Readiness
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.scheduler.history import History
from app.scheduler.loads import Loads
from app.scheduler.lock import Lease, Locks
from app.scheduler.options import SchedulerOptions
from app.scheduler.replace import LoadReport, replace_days
from sinks.duckdb.options import DuckDBOptions
from sinks.protocol import Warehouse
from tests.faults import loader
from tests.faults.loader import Place
from tests.scheduler.world import World

NOWHERE = "redis://127.0.0.1:1/0"


class NoLocks(Locks):
    """A lock that everybody has: what is left is the fence."""

    def __init__(self) -> None:
        super().__init__(NOWHERE, 30)

    async def ping(self) -> None:
        """There is no Redis."""

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[Lease | None]:
        yield Lease(name)


@dataclass(kw_only=True)
class Loading(World[Warehouse]):
    """A world on a real warehouse. `warehouse` is our own way to it, which no fault meets."""

    place: Place
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def kind(self) -> str:
        return "duckdb" if isinstance(self.place.warehouse, DuckDBOptions) else "snowflake"

    def another(self, at: Callable[[str], None] = passing, place: Place | None = None) -> Warehouse:
        """A scheduler's adapter on the same warehouse, `place` being another way there."""
        made = (place or self.place).open_warehouse(self.objects, at)
        self.stack.push_async_callback(made.close)
        return made

    def loads(self, warehouse: Warehouse, locks: Locks | None = None, **options: object) -> Loads:
        """What a scheduler's timer ticks. It loads whatever is dirty at each tick."""
        given = {"attempts": 5, "rest_seconds": 0.01, **options}
        return Loads(
            SchedulerOptions.model_validate(given),
            {self.event: self.table},
            {self.event: Every(timedelta(0))},
            self.ledger,
            warehouse,
            locks or NoLocks(),
            Readiness(),
            History(self.ledger, "one"),
        )

    async def load(self, warehouse: Warehouse | None = None, **options: object) -> LoadReport:
        """One run of the dirty days."""
        return await replace_days(
            self.ledger,
            warehouse or self.warehouse,
            self.table,
            max_days=31,
            **options,  # type: ignore[arg-type]
        )

    async def load_in_the_end(self) -> LoadReport:
        """As a scheduler does: again after whatever passes."""
        while True:
            try:
                return await self.load()
            except Transient:
                continue

    async def killed_at(self, point: str) -> None:
        """A load in a process of its own, which is killed there."""
        code = await loader.exit_code_of(loader.load, self.place, self.table, point)
        assert code == -signal.SIGKILL, f"it ended with {code}"

    async def fences_taken(self) -> int:
        """How many runs have had a number; this takes one."""
        return await self.ledger.next_fence(self.table.name) - 1


@asynccontextmanager
async def opened_loading(place: Place, event: str) -> AsyncIterator[Loading]:
    async with AsyncExitStack() as stack:
        ledger = await open_ledger(LedgerOptions(url=place.ledger_url))
        stack.push_async_callback(ledger.close)
        objects = place.open_objects()
        stack.push_async_callback(objects.close)
        warehouse = place.open_warehouse(objects, lambda point: None)
        stack.push_async_callback(warehouse.close)
        yield Loading(ledger, objects, warehouse, event, place=place, stack=stack)
