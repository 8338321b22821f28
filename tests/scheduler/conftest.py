from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.ledger.options import LedgerOptions
from app.ledger.sqlite import SQLiteLedger
from app.local.redis import LocalRedis
from sinks.memory import MemoryObjectStore, MemoryWarehouse
from tests.scheduler.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World[MemoryWarehouse]]:
    ledger = SQLiteLedger.at(LedgerOptions(url=f"sqlite:///{tmp_path}/ledger.db"))
    objects = MemoryObjectStore()
    made = World(ledger, objects, MemoryWarehouse(objects))
    yield made
    await made.ledger.close()


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[LocalRedis]:
    """A Redis of the test's own, to be emptied and killed."""
    server = LocalRedis(tmp_path / "redis", log_file=tmp_path / "redis.log")
    await server.start()
    yield server
    await server.stop()
