"""Which seals are beyond their retention, and what a sweep makes of them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.core.errors import Fatal
from app.core.seal import STRAY_GRACE
from app.janitor.old_seals import NOTHING_GOES, Retention
from app.janitor.options import JanitorOptions
from app.janitor.pile import Kind, Pile
from app.janitor.sweep import sweep
from app.scheduler.lock import LeaseLost
from sinks.memory import MemoryObjectStore
from tests.audit.world import DAY2, ORDER, PAGE, Got, World, empty_world

OLD_SHELF = "01J0AAAAAAAAAAAAAA"
NEW_SHELF = "01ZZZZZZZZZZZZZZZZ"
"""Of a time to come; so is its seal, whatever the entry says."""
KEEP = timedelta(days=90)
RETENTION = Retention(KEEP, {ORDER: 3, PAGE: "any"})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Old seals of two types, loaded but for one; new ones; all objects are older than a day."""
    store = MemoryObjectStore(clock=_before)
    async with empty_world(tmp_path, store) as world:
        for number in range(1, 4):
            await world.seal(ORDER, number, {0: [Got("staged"), Got("dead")]}, OLD_SHELF)
        await world.seal(PAGE, 4, {0: [Got("staged")]}, OLD_SHELF)
        for number in range(5, 12):
            await world.seal(ORDER, number, {0: [Got("staged", DAY2)]}, NEW_SHELF)
        for event in (ORDER, PAGE):
            await world.load(event)
        await world.seal(ORDER, 12, {1: [Got("staged", DAY2)]}, OLD_SHELF)
        store.clock = _now
        yield world


def _now() -> datetime:
    return datetime.now(UTC)


def _before() -> datetime:
    return _now() - STRAY_GRACE - timedelta(hours=1)


async def swept(
    world: World, retention: Retention = RETENTION, *, go: bool = True, **more: object
) -> dict[Kind, Pile]:
    return await sweep(
        world.ledger, world.objects, world.warehouse, keep_runs=KEEP, retention=retention, go=go,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


async def test_old_seals_become_sums_and_their_objects_go(world: World) -> None:
    before = set(world.objects.objects)
    old = {stored.key for seal in world.seals[:3] for stored in seal.objects}
    listed = await swept(world, go=False)
    assert (listed[Kind.SEALS].count, set(world.objects.objects)) == (3, before)
    assert listed[Kind.SEALS].examples[0].startswith(f"{ORDER} {OLD_SHELF}0001")
    done = await swept(world)
    assert (done[Kind.SEALS].count, done[Kind.OBJECTS].count) == (3, len(old))
    assert set(world.objects.objects) == before - old
    again = await swept(world)
    assert (again[Kind.SEALS].count, again[Kind.OBJECTS].count) == (0, 0)
    report = await world.audit(deep=True)
    assert report.balanced


async def test_objects_stay_while_most_would_go_and_the_operator_is_asked(world: World) -> None:
    """The seals are sums by then; that the objects go, too, somebody has to say once."""
    world.objects.clock = _before
    for number in range(100, 125):
        key = f"{ORDER}/v1/dt=2026-03-01/{OLD_SHELF}{number:04}GONE.ndjson.gz"
        world.objects.put(key, b"x")
    world.objects.clock = _now
    before = set(world.objects.objects)
    with pytest.raises(Fatal, match="--most"):
        await swept(world)
    assert await world.ledger.summary_count() == 1
    assert set(world.objects.objects) == before
    assert (await swept(world, most=True))[Kind.OBJECTS].count == 25 + 6


async def test_without_a_retention_nothing_goes(world: World) -> None:
    before = set(world.objects.objects)
    assert (await swept(world, NOTHING_GOES))[Kind.SEALS].count == 0
    assert set(world.objects.objects) == before
    assert await world.ledger.summary_count() == 0


@pytest.mark.parametrize(
    ("late", "goes"), [(3, True), (59, True), (60, False), ("any", False), (None, False)]
)
async def test_seals_of_a_type_stay_as_long_as_their_days_can_get_rows(
    world: World, late: object, goes: bool
) -> None:
    """`None`: it has no topic file, here at least."""
    known = {} if late is None else {ORDER: late}
    done = await swept(world, Retention(KEEP, known))  # type: ignore[arg-type]
    assert bool(done[Kind.SEALS].count) is goes
    assert bool(await world.ledger.summary_count()) is goes


async def test_who_lost_the_lease_summarises_nothing_more(world: World) -> None:
    def lost() -> None:
        raise LeaseLost("somebody else sweeps")

    with pytest.raises(LeaseLost):
        await swept(world, check=lost)
    assert await world.ledger.summary_count() == 0


def test_a_retention_is_long_or_none() -> None:
    assert JanitorOptions().keep_seals is None
    assert JanitorOptions(keep_seals_days=400).keep_seals == timedelta(days=400)
    with pytest.raises(ValidationError, match="at least 90 days"):
        JanitorOptions(keep_seals_days=30)
