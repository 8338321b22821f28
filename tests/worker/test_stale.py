"""A seal that is too old is never recorded: the janitor may have taken its objects."""

import asyncio
from typing import Any

import pytest

from app.core.errors import Fatal, Transient
from app.core.seal import STRAY_GRACE, Seal
from app.ledger.protocol import Ledger
from app.worker.open_seal import OpenSeal
from app.worker.role import RunningWorker
from sinks.memory import MemoryObjectStore
from tests.worker.kinds import event, kind
from tests.worker.world import World, until

HALF = STRAY_GRACE.total_seconds() / 2


@pytest.mark.parametrize("clock", ["opened_at", "_opened_at"], ids=["running", "suspended"])
def test_a_seal_is_refused_once_it_is_as_old_as_half_the_grace(clock: str) -> None:
    seal = OpenSeal(kind("parcel"), MemoryObjectStore())
    setattr(seal, clock, getattr(seal, clock) - HALF + 60)
    seal.refuse_stale()
    setattr(seal, clock, getattr(seal, clock) - 61)
    with pytest.raises(Fatal, match="too old to be recorded"):
        seal.refuse_stale()


class LongAway:
    """A ledger that can not be reached for so long that the seal has become old meanwhile."""

    def __init__(self, real: Ledger) -> None:
        self._real = real
        self.worker: RunningWorker | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def record(self, seal: Seal) -> None:
        assert self.worker is not None
        for closing in self.worker._sealing._closing.values():
            closing.seal.opened_at -= HALF
        raise Transient("no route to it")


async def test_a_ledger_that_comes_back_too_late_gets_no_old_seal_and_all_is_read_again(
    world: World,
) -> None:
    ledger = LongAway(world.ledger)

    async def live() -> None:
        async with world.worker(ledger=ledger) as running:  # type: ignore[arg-type]
            ledger.worker = running
            await world.produce(event(n) for n in range(30))
            await asyncio.wait_for(running.failed, 60)

    with pytest.raises(Fatal, match="too old to be recorded"):
        await live()
    assert await world.seals() == []
    async with world.worker():
        await world.sealed_to_the_end()

    async def all_there() -> bool:
        return (await world.each_once())["staged"] == 30

    await until("all is there once", all_there)
