"""A receipt for a gateway may read so much of the objects, and says what it has not read."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.kafka import KafkaOptions
from app.ledger.options import LedgerOptions
from app.ledger.sqlite import SQLiteLedger
from app.scheduler.replace import replace_days
from app.trace.answering import Answering
from sinks.memory import MemoryObjectStore, MemoryWarehouse
from tests.gateway.orders import CONTRACT
from tests.scheduler.world import MONDAY, World

KEY = str(UUID(int=7))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World[MemoryWarehouse]]:
    """One event that is sealed, and waits for a load."""
    ledger = SQLiteLedger.at(LedgerOptions(url=f"sqlite:///{tmp_path}/ledger.db"))
    objects = MemoryObjectStore()
    made = World(ledger, objects, MemoryWarehouse(objects), CONTRACT.event)
    await made.seal({MONDAY: [KEY]})
    yield made
    await ledger.close()


async def asked(world: World[MemoryWarehouse], most_bytes: int) -> tuple[bool, Mapping[str, Any]]:
    answering = Answering(
        {CONTRACT.event: CONTRACT}, world.ledger, world.objects, world.warehouse, KafkaOptions(),
        None, most_bytes=most_bytes,
    )  # fmt: skip
    return await answering(CONTRACT.event, [KEY])


async def test_what_is_sealed_is_found_within_the_limit_and_else_it_says_so(
    world: World[MemoryWarehouse],
) -> None:
    found, receipt = await asked(world, 1_000_000)
    assert (found, receipt["outcome"], receipt["line"]["number"]) == (True, "sealed", 1)
    found, receipt = await asked(world, 10)
    assert (found, receipt["outcome"], receipt["position"]) == (False, "unknown", None)
    assert "within the limits" in receipt["said"]
    assert list(receipt["searched"]) == [f"the table {CONTRACT.table.name}"]
    (unsearched,) = receipt["unsearched"]
    assert unsearched.startswith("what is sealed and not loaded, not to its end")


async def test_a_row_that_stands_is_found_though_its_object_is_too_large_to_be_read(
    world: World[MemoryWarehouse],
) -> None:
    await replace_days(world.ledger, world.warehouse, CONTRACT.table, max_days=9)
    found, receipt = await asked(world, 1_000_000)
    assert (found, receipt["outcome"], receipt["rows"]) == (True, "row", 1)
    assert receipt["line"]["object"]
    found, less = await asked(world, 10)
    assert (found, less["outcome"], less["rows"], less["line"]) == (True, "row", 1, None)
    assert less["position"] == receipt["position"]


async def test_what_is_told_has_nothing_of_the_event_but_its_key(
    world: World[MemoryWarehouse],
) -> None:
    _, receipt = await asked(world, 1_000_000)
    assert "values" not in str(receipt)
