"""Which seals are beyond their retention, and what a sweep makes of them."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.core.disposal import Disposal, Fate
from app.core.errors import Fatal, Fenced, Transient
from app.core.seal import STRAY_GRACE
from app.janitor import strays
from app.janitor.old_seals import NOTHING_GOES, Retention
from app.janitor.options import JanitorOptions
from app.janitor.pile import EXAMPLES, Kind, Pile, counted
from app.janitor.sweep import sweep
from app.ledger.summary import Summary
from app.scheduler.lock import LeaseLost
from sinks.memory import MemoryObjectStore
from sinks.protocol import ObjectStat
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
    assert counted(listed) == counted(done)
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


async def test_a_backlog_of_old_objects_goes_at_once_and_makes_no_alarm(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Far more objects go than stay, and most are of seals that the ledger has summarised. Those
    that nobody knows come last, when they are more than what stays. However many there are, the
    store is walked twice, and no more is asked or removed at once than a page has."""
    monkeypatch.setattr(strays, "AT_ONCE", 3)
    walks, sizes = _watched(world, monkeypatch)
    world.objects.clock = _before
    for number in range(20, 40):
        await world.seal(ORDER, number, {0: [Got("staged"), Got("dead")]}, OLD_SHELF)
    for number in range(9):
        world.objects.put(f"zz/v1/dt=2026-03-01/{OLD_SHELF}009{number}GONE.ndjson.gz", b"x")
    await world.load(ORDER)
    world.objects.clock = _now
    of_page = {stored.key for stored in world.seals[3].objects}
    of_new = {stored.key for seal in world.seals[4:11] for stored in seal.objects}
    before = set(world.objects.objects)
    done = await swept(world)
    assert set(world.objects.objects) == of_page | of_new
    assert done[Kind.SEALS].count == 24
    assert done[Kind.OBJECTS].count == len(before) - len(of_page | of_new)
    assert len(done[Kind.OBJECTS].examples) == EXAMPLES
    assert (len(walks), max(sizes)) == (2, 3)
    assert (await world.audit(deep=True)).balanced


def _watched(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[int]]:
    """The prefixes of all listings to come, and how much each question and removal was about."""
    walks, sizes = list[str](), list[int]()
    walk, named, delete = world.objects.list, world.ledger.named, world.objects.delete

    def walked(prefix: str) -> AsyncIterator[ObjectStat]:
        walks.append(prefix)
        return walk(prefix)

    async def asked(seals: Collection[str]) -> Collection[str]:
        sizes.append(len(seals))
        return await named(seals)

    async def removed(keys: Collection[str]) -> None:
        sizes.append(len(keys))
        await delete(keys)

    monkeypatch.setattr(world.objects, "list", walked)
    monkeypatch.setattr(world.ledger, "named", asked)
    monkeypatch.setattr(world.objects, "delete", removed)
    return walks, sizes


async def test_objects_of_seals_with_dead_letters_only_make_somebody_asked(world: World) -> None:
    """No summary says which seals these were, so the ledger could be that of another bucket."""
    world.objects.clock = _before
    for number in range(20, 60):
        await world.seal(ORDER, number, {0: [Got("dead")]}, OLD_SHELF)
    world.objects.clock = _now
    before = set(world.objects.objects)
    with pytest.raises(Fatal, match="--most"):
        await swept(world)
    assert set(world.objects.objects) == before
    assert (await swept(world, most=True))[Kind.OBJECTS].count == 40 + 6


async def test_dead_letters_that_go_with_their_seals_are_counted_unless_something_was_done(
    world: World,
) -> None:
    tp, first = world.seals[1].ranges[0].tp, world.seals[1].ranges[0].first
    letter = {tp: (first + 1,)}
    await world.ledger.record_disposal(
        Disposal(OLD_SHELF + "000000001", ORDER, Fate.DROPPED, "nobody needs it", _now(), letter)
    )
    for go in (False, True):
        assert (await swept(world, go=go))[Kind.LETTERS].count == 2
    assert (await swept(world))[Kind.LETTERS].count == 0


@pytest.mark.parametrize(("error", "raised"), [(Fatal("bad sums"), True), (Fenced("late"), False)])
async def test_what_is_wrong_with_one_type_keeps_nothing_from_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Fatal, raised: bool
) -> None:
    world.objects.clock = _before
    world.objects.put(f"{ORDER}/v1/dt=2026-03-01/{OLD_SHELF}0099GONE.ndjson.gz", b"x")
    world.objects.clock = _now
    summarise, tried = world.ledger.summarise, list[str]()

    async def of_page_only(seals: Sequence[str], at: datetime) -> Summary:
        tried.append(seals[0])
        if len(tried) == 1:
            raise error
        return await summarise(seals, at)

    monkeypatch.setattr(world.ledger, "summarise", of_page_only)
    with pytest.raises(Fatal, match="bad sums") if raised else nullcontext():
        await swept(world, Retention(KEEP, {ORDER: 3, PAGE: 3}))
    assert (len(tried), await world.ledger.summary_count()) == (2, 1)
    assert not any("GONE" in key for key in world.objects.objects)


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
    """It is lost between two types: the first one's seals are sums, and nothing else happens."""
    before = set(world.objects.objects)

    calls = 0

    def lost() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:  # before the files, for the first type, for the second one
            raise LeaseLost("somebody else sweeps")

    with pytest.raises(LeaseLost):
        await swept(world, Retention(KEEP, {ORDER: 3, PAGE: 3}), check=lost)
    assert (calls, await world.ledger.summary_count()) == (3, 1)
    assert set(world.objects.objects) == before


async def test_a_ledger_that_is_away_ends_the_sweep_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, tried = set(world.objects.objects), list[str]()

    async def away(seals: Sequence[str], at: datetime) -> Summary:
        tried.extend(seals[:1])
        raise Transient("unplugged")

    monkeypatch.setattr(world.ledger, "summarise", away)
    world.objects.clock = _before
    world.objects.put(f"{ORDER}/v1/dt=2026-03-01/{OLD_SHELF}0099GONE.ndjson.gz", b"x")
    world.objects.clock = _now
    with pytest.raises(Transient):
        await swept(world, Retention(KEEP, {ORDER: 3, PAGE: 3}))
    assert len(tried) == 1
    assert set(world.objects.objects) > before


def test_a_retention_is_long_or_none() -> None:
    assert JanitorOptions().keep_seals is None
    assert JanitorOptions(keep_seals_days=400).keep_seals == timedelta(days=400)
    with pytest.raises(ValidationError, match="at least 90 days"):
        JanitorOptions(keep_seals_days=30)
