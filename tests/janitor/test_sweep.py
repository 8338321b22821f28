"""What a sweep removes, and what it must never touch."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from ulid import ULID

from app.core.errors import Fatal, Transient
from app.core.job_run import JobOutcome, JobRun
from app.core.seal import STRAY_GRACE, ObjectKind, Seal, object_key, seal_of_key
from app.janitor import strays
from app.janitor.pile import Kind, Pile
from app.janitor.strays import AT_ONCE, FEW
from app.janitor.sweep import sweep
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.scheduler.lock import LeaseLost
from sinks.memory import MemoryObjectStore
from tests.audit.world import DAY1, ORDER, Got, World, empty_world, fill

OUR_SHELF = "01SEAL" + "0" * 12
"""With it the world's names of objects are those of a worker."""
KEEP_RUNS = timedelta(days=30)
OLD = STRAY_GRACE + timedelta(minutes=1)


class Clock:
    """The store's clock; `stands` is how far it is from ours."""

    def __init__(self) -> None:
        self.stands = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.stands


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def world(tmp_path: Path, clock: Clock) -> AsyncIterator[World]:
    """What a worker and a scheduler left more than a day ago."""
    clock.stands = -OLD
    store = MemoryObjectStore(part_bytes=100, clock=clock)
    async with empty_world(tmp_path, store) as world:
        for number in range(1, 6):
            await world.seal(ORDER, number, {0: [Got("staged"), Got("dead")]}, OUR_SHELF)
        await world.load(ORDER)
        clock.stands = timedelta(0)
        yield world


SEAL = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
"""The same in each process that collects the tests."""


def stray(day: date = DAY1, kind: ObjectKind = ObjectKind.ROWS, event: str = ORDER) -> str:
    return object_key(kind, event, 1, day, str(ULID()))


async def swept(world: World, *, go: bool = True, **more: object) -> dict[Kind, Pile]:
    return await sweep(
        world.ledger,
        world.objects,
        world.warehouse,
        keep_runs=KEEP_RUNS,
        go=go,
        **more,  # type: ignore[arg-type]
    )


def put_old(world: World, clock: Clock, keys: Collection[str]) -> None:
    before, clock.stands = clock.stands, clock.stands - OLD
    for key in keys:
        world.objects.put(key, b"x" * 10)
    clock.stands = before


def keys(world: World) -> set[str]:
    return set(world.objects.objects)


async def assert_balanced(world: World) -> None:
    report = await world.audit(deep=True)
    assert report.found.kept == []
    assert report.balanced


async def test_old_objects_that_no_seal_names_go_and_all_others_stay(
    world: World, clock: Clock
) -> None:
    before = keys(world)
    left = {stray(), stray(kind=ObjectKind.DEAD), stray(event="a_type_that_is_gone")}
    put_old(world, clock, left)
    listed = await swept(world, go=False)
    assert (listed[Kind.OBJECTS].count, listed[Kind.OBJECTS].bytes) == (3, 30)
    assert set(listed[Kind.OBJECTS].examples) == left
    assert keys(world) == before | left
    assert await swept(world) == listed
    assert keys(world) == before
    assert (await swept(world))[Kind.OBJECTS].count == 0
    await assert_balanced(world)


async def test_what_is_younger_than_the_grace_stays_for_its_seal_may_come(
    world: World, clock: Clock
) -> None:
    young = stray()
    clock.stands = -STRAY_GRACE + timedelta(minutes=1)
    world.objects.put(young, b"x")
    clock.stands = timedelta(0)
    assert (await swept(world))[Kind.OBJECTS].count == 0
    assert young in keys(world)


@pytest.mark.parametrize("ahead", [timedelta(days=400), timedelta(days=-400)])
async def test_ages_are_the_stores_whatever_our_clock_says(
    world: World, clock: Clock, ahead: timedelta
) -> None:
    clock.stands = ahead  # of the store, and ours is as far off
    young, old = stray(), stray()
    world.objects.put(young, b"x")
    put_old(world, clock, [old])
    await swept(world, most=True)  # for the seals' objects seem as young now
    assert young in keys(world)
    assert old not in keys(world)


@pytest.mark.parametrize(
    "key",
    [
        "somebody/elses/file.csv",
        f"{ORDER}/v1/dt=2026-03-01/notes.txt",
        f"{ORDER}/v1/dt=2026-03-01/{SEAL}.ndjson.gz.bak",
        f"backup/{ORDER}/v1/dt=2026-03-01/{SEAL}.ndjson.gz",
        f"{SEAL}.ndjson.gz",
    ],
)
async def test_a_name_that_no_worker_made_is_never_touched(
    world: World, clock: Clock, key: str
) -> None:
    assert seal_of_key(key) is None
    put_old(world, clock, [key])
    world.objects.unfinished[key] = clock() - OLD
    piles = await swept(world, most=True)
    assert piles[Kind.OBJECTS].count == piles[Kind.UPLOADS].count == 0
    assert key in keys(world)
    assert key in world.objects.unfinished


async def test_an_object_is_kept_whose_seal_is_recorded_while_the_janitor_looks(
    world: World, clock: Clock
) -> None:
    """After the store was listed, before the ledger is asked; and between that and the removal."""
    before, named = keys(world), world.ledger.named
    late = await _unrecorded(world, clock, 90)
    later = await _unrecorded(world, clock, 91)
    calls = 0

    async def asked(seals: Collection[str]) -> Collection[str]:
        nonlocal calls
        calls += 1
        if calls == 1:
            await world.ledger.record(late)
            found = await named(seals)
            await world.ledger.record(later)
            return found
        return await named(seals)

    world.ledger.named = asked  # type: ignore[method-assign]
    await swept(world)
    assert calls == 2
    assert keys(world) >= {stored.key for seal in (late, later) for stored in seal.objects}
    assert keys(world) >= before


async def _unrecorded(world: World, clock: Clock, number: int) -> Seal:
    """A seal whose objects are stored, and old; the ledger does not know it."""
    kept: list[Seal] = []
    record, world.ledger.record = world.ledger.record, _into(kept)  # type: ignore[method-assign]
    before, clock.stands = clock.stands, clock.stands - OLD
    try:
        event = f"late_{number}"
        await world.seal(event, number, {0: [Got("staged")]}, OUR_SHELF)
    finally:
        world.ledger.record = record  # type: ignore[method-assign]
        clock.stands = before
    return kept[0]


def _into(kept: list[Seal]) -> Callable[[Seal], Awaitable[None]]:
    async def record(seal: Seal) -> None:
        kept.append(seal)

    return record


async def test_a_sweep_that_breaks_off_anywhere_leaves_what_the_next_one_finds(
    world: World, clock: Clock
) -> None:
    before = keys(world)
    put_old(world, clock, [stray() for _ in range(4)])
    for operation in ("list", "delete"):
        world.objects.fail_next(operation, Transient("unplugged"))  # type: ignore[arg-type]
        with pytest.raises(Transient):
            await swept(world)
        world.objects.mend()
        await assert_balanced(world)
    calls = 0

    def lost() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise LeaseLost("somebody else's now")

    with pytest.raises(LeaseLost):
        await swept(world, check=lost)
    await swept(world)
    assert keys(world) == before
    await assert_balanced(world)


async def test_two_at_once_do_no_harm(world: World, clock: Clock) -> None:
    before = keys(world)
    put_old(world, clock, [stray() for _ in range(4)])
    await asyncio.gather(swept(world), swept(world))
    assert keys(world) == before
    await assert_balanced(world)


async def test_with_another_ledger_nothing_is_removed(
    world: World, clock: Clock, tmp_path: Path
) -> None:
    put_old(world, clock, [stray() for _ in range(FEW + 1)])
    before, real = keys(world), world.ledger
    world.ledger = await open_ledger(LedgerOptions(url=f"sqlite:///{tmp_path}/another.db"))
    with pytest.raises(Fatal, match="LEDGER__URL"):
        await swept(world)
    assert keys(world) == before
    assert (await swept(world, go=False))[Kind.OBJECTS].count == len(before)
    await world.ledger.close()
    world.ledger = real


async def test_a_few_strays_of_a_new_worker_are_left_and_make_no_alarm(
    world: World, clock: Clock, tmp_path: Path
) -> None:
    real = world.ledger
    world.ledger = await open_ledger(LedgerOptions(url=f"sqlite:///{tmp_path}/another.db"))
    before = keys(world)
    assert len(before) <= FEW
    assert (await swept(world))[Kind.OBJECTS].count == 0
    assert keys(world) == before
    assert (await swept(world, most=True))[Kind.OBJECTS].count == len(before)
    await world.ledger.close()
    world.ledger = real


async def test_more_than_one_page_of_strays_goes_in_one_sweep(world: World, clock: Clock) -> None:
    before = keys(world)
    put_old(world, clock, [stray() for _ in range(AT_ONCE + 7)])
    assert (await swept(world, most=True))[Kind.OBJECTS].count == AT_ONCE + 7
    assert keys(world) == before


@pytest.mark.parametrize(("event", "count", "go"), [("aa", 4, True), ("zz", 40, False)])
async def test_whether_most_would_go_is_judged_by_all_pages(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch, event: str, count: int, go: bool
) -> None:
    """Where the first page has strangers only, and where the first ones have none."""
    monkeypatch.setattr(strays, "AT_ONCE", 3)
    monkeypatch.setattr(strays, "FEW", 2)
    before, strange = keys(world), {stray(event=event) for _ in range(count)}
    put_old(world, clock, strange)
    with nullcontext() if go else pytest.raises(Fatal, match="--most"):
        await swept(world)
    assert keys(world) == (before if go else before | strange)


async def test_old_uploads_are_aborted_and_those_of_an_open_seal_are_not(
    world: World, clock: Clock
) -> None:
    before, open_now, left = clock.stands, stray(), stray()
    clock.stands -= OLD
    dead = world.objects.writer(left)
    dead.append(b"{}\n" * 100)
    await dead.relieve()
    clock.stands = before
    alive = world.objects.writer(open_now)
    alive.append(b"{}\n" * 100)
    await alive.relieve()
    assert (await swept(world, go=False))[Kind.UPLOADS].examples == [left]
    assert set(world.objects.unfinished) == {left, open_now}
    assert (await swept(world))[Kind.UPLOADS].count == 1
    assert set(world.objects.unfinished) == {open_now}
    await alive.finish()


async def test_files_of_loads_that_died_go_and_those_of_one_in_progress_stay(world: World) -> None:
    loads = world.folder / "warehouse.duckdb.loads"
    died = loads / "f00d"
    died.mkdir(parents=True)
    (died / "staged.duckdb").write_bytes(b"x" * 50)
    listed = (await swept(world, go=False))[Kind.FILES]
    assert (listed.count, listed.bytes, listed.examples) == (1, 50, [str(died)])
    assert died.exists()
    await swept(world)
    assert not died.exists()


async def test_the_history_beyond_its_retention_is_forgotten(world: World) -> None:
    now = datetime.now(UTC)
    ages = [timedelta(days=1), KEEP_RUNS - timedelta(hours=1), KEEP_RUNS + timedelta(hours=1)]
    for age in ages:
        id = str(ULID.from_datetime(now - age))
        await world.ledger.record_job_run(
            JobRun(id, "load", ORDER, now - age, now - age, JobOutcome.DONE, 1, "one")
        )
    assert (await swept(world, go=False))[Kind.RUNS].count == 1
    assert (await swept(world))[Kind.RUNS].count == 1
    left = [run.started_at async for run in world.ledger.job_runs()]
    assert left == [now - age for age in ages[:2]]


async def test_what_a_rebuild_needs_is_all_there_after_a_sweep(world: World, clock: Clock) -> None:
    await fill(world)
    put_old(world, clock, [stray() for _ in range(3)])
    before = [found async for found in world.ledger.seals()]
    await swept(world)
    assert [found async for found in world.ledger.seals()] == before
    for seal in before:
        for stored in seal.objects:
            assert await world.objects.stat(stored.key) is not None
    await world.load(ORDER)
    await assert_balanced(world)
