"""A day that is sent in declared runs: what is shown of it, load by load."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from ulid import ULID

from app.contracts.table import RUN
from app.core.errors import Fenced, Transient
from app.core.kill_points import arm, disarm
from app.core.reruns import DeclaredRun, RunState
from app.scheduler.redrive import known_days, lost_days, redrive
from app.scheduler.replace import LoadReport, replace_days
from sinks.memory import MemoryWarehouse
from sinks.protocol import Miscounted
from tests.scheduler.world import MONDAY, TUESDAY, World, table

WITH_RUNS = replace(table(), columns=(*table().columns, RUN), runs=True)


class Days:
    """Sends days in runs, loads them and looks at the table."""

    def __init__(self, world: World[MemoryWarehouse]) -> None:
        self.world = world

    async def open(self, day: date = MONDAY) -> str:
        run = DeclaredRun(f"{day}.{ULID()}", "order_placed", datetime.now(UTC))
        await self.world.ledger.open_rerun(run)
        return run.id

    async def send(self, run: str, *ids: str) -> str:
        """Seal rows of a run; return the seal."""
        return await self.world.seal({date.fromisoformat(run[:10]): ids}, run=run)

    async def close(self, run: str, expected: int) -> None:
        await self.world.ledger.close_rerun(run, expected, datetime.now(UTC))

    async def load(self, **options: object) -> LoadReport:
        return await replace_days(
            self.world.ledger,
            self.world.warehouse,
            WITH_RUNS,
            max_days=31,
            **options,  # type: ignore[arg-type]
        )

    async def shown(self, day: date = MONDAY) -> tuple[set[object], list[object]]:
        """The runs whose rows stand, and the rows' ids."""
        rows = await self.world.warehouse.fetch(WITH_RUNS, day)
        return {row["_run"] for row in rows}, [row["event_id"] for row in rows]

    async def state(self, run: str) -> tuple[RunState, int | None]:
        found = await self.world.ledger.rerun(run)
        assert found is not None
        return found.state, found.counted

    async def settled(self) -> None:
        """Nothing waits, and ledger and LOAD_CONTROL say the same of each day."""
        ledger, warehouse = self.world.ledger, self.world.warehouse
        assert await self.world.dirty() == []
        loads = await ledger.loads("order_placed", WITH_RUNS.name)
        control = await warehouse.loaded(WITH_RUNS, loads)
        for day, load in loads.items():
            found = control[day]
            assert (load.run, load.shown, load.hidden, load.staged, load.rows) == (
                found.run, found.shown, found.hidden, found.staged, found.rows
            )  # fmt: skip
            assert load.staged == load.hidden + load.collapsed + load.rows
        assert (await self.load()).outcome == "nothing_to_do"


@pytest.fixture
def days(world: World[MemoryWarehouse]) -> Days:
    return Days(world)


async def test_a_run_is_seen_when_it_is_complete_and_not_before(days: Days) -> None:
    run = await days.open()
    await days.send(run, "a", "b")
    report = await days.load()
    assert (report.rows, report.hidden, report.collapsed) == (0, 2, 0)
    await days.close(run, 3)
    await days.load()
    assert await days.shown() == (set(), [])
    assert await days.state(run) == (RunState.CLOSED, 2)
    await days.settled()
    await days.send(run, "c")  # arrived late
    report = await days.load()
    assert (report.rows, report.hidden) == (3, 0)
    assert await days.shown() == ({run}, ["a", "b", "c"])
    assert await days.state(run) == (RunState.COMPLETE, 3)
    await days.settled()


async def test_the_earlier_run_stays_until_the_next_is_complete(days: Days) -> None:
    first, second = await days.open(), await days.open()
    await days.send(first, "a", "b")
    await days.send(second, "b")
    await days.close(first, 2)
    await days.load()
    assert await days.shown() == ({first}, ["a", "b"])
    await days.send(second, "c", "d")
    await days.close(second, 4)
    await days.load()
    assert await days.shown() == ({first}, ["a", "b"])
    await days.send(second, "e")
    report = await days.load()
    assert await days.shown() == ({second}, ["b", "c", "d", "e"])
    assert report.hidden == 2
    await days.settled()


async def test_two_runs_in_one_seal_are_told_apart(days: Days) -> None:
    first, second = await days.open(), await days.open()
    await days.world.seal_runs({first: ["a", "b"], second: ["a", "x", "y"]})
    await days.close(second, 3)
    await days.load()
    assert await days.shown() == ({second}, ["a", "x", "y"])
    await days.close(first, 2)  # complete now, and older
    await days.load()
    assert await days.shown() == ({second}, ["a", "x", "y"])
    await days.settled()


async def test_closing_alone_brings_the_day_back(days: Days) -> None:
    """No seal is new: both runs were sealed before the one was closed."""
    first, second = await days.open(), await days.open()
    await days.world.seal_runs({first: ["a"], second: ["x"]})
    await days.close(first, 1)
    await days.load()
    assert await days.world.dirty() == []
    await days.close(second, 1)
    assert await days.world.dirty() == [MONDAY]
    await days.load()
    assert await days.shown() == ({second}, ["x"])
    await days.settled()


async def test_copies_within_a_run_count_once(days: Days) -> None:
    run = await days.open()
    await days.send(run, "a", "b", "b")
    await days.close(run, 3)
    await days.load()
    assert await days.shown() == (set(), [])
    assert await days.state(run) == (RunState.CLOSED, 2)
    await days.send(run, "a", "c")
    report = await days.load()
    assert (report.rows, report.collapsed, report.hidden) == (3, 2, 0)
    assert await days.shown() == ({run}, ["a", "b", "c"])
    await days.settled()


@pytest.mark.parametrize("expected", [0, 1, 2, 4, 9])
async def test_a_run_closed_with_a_wrong_count_is_never_seen(days: Days, expected: int) -> None:
    good, wrong = await days.open(), await days.open()
    await days.send(good, "a")
    await days.close(good, 1)
    await days.send(wrong, "x", "y", "z")
    await days.close(wrong, expected)
    for _ in range(2):
        await days.load()
        assert await days.shown() == ({good}, ["a"])
    assert (await days.state(wrong))[0] is RunState.CLOSED
    await days.settled()


async def test_what_is_sealed_while_a_run_is_refused_is_looked_at_by_the_next_load(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await days.open()
    await days.send(run, "a", "b", "a")
    await days.close(run, 3)
    warehouse = days.world.warehouse
    plain = warehouse.replace

    async def slow(*args: Any, **more: Any) -> Any:
        try:
            return await plain(*args, **more)
        except Miscounted:
            await days.send(run, "c")
            raise

    monkeypatch.setattr(warehouse, "replace", slow)
    await days.load()
    assert await days.shown() == (set(), [])
    await days.load()
    assert await days.shown() == ({run}, ["a", "b", "c"])
    await days.settled()


async def test_a_run_of_a_type_that_has_no_runs_any_more_does_not_make_its_day_wait_for_ever(
    days: Days,
) -> None:
    run = await days.open()
    await days.send(run, "a")
    await days.close(run, 1)
    assert await days.world.dirty()
    await replace_days(days.world.ledger, days.world.warehouse, table(), max_days=31)
    assert await days.world.dirty() == []


async def test_what_comes_after_a_run_is_complete_changes_nothing(days: Days) -> None:
    run = await days.open()
    await days.send(run, "a", "b")
    await days.close(run, 2)
    await days.load()
    await days.send(run, "c", "a")
    report = await days.load()
    assert await days.shown() == ({run}, ["a", "b"])
    assert report.hidden == 2
    await days.settled()


async def test_loading_again_changes_nothing(days: Days) -> None:
    first, second = await days.open(), await days.open()
    await days.send(first, "a")
    await days.send(second, "b", "c")
    await days.close(first, 1)
    await days.close(second, 2)
    await days.load()
    before = await days.shown()
    for _ in range(2):
        await days.load(days=[MONDAY], force=True)
        assert await days.shown() == before == ({second}, ["b", "c"])
        await days.settled()


async def test_rows_that_came_in_no_run_are_hidden_and_counted(days: Days) -> None:
    await days.world.seal({MONDAY: ["stray"], TUESDAY: ["stray"]})
    run = await days.open()
    await days.send(run, "a")
    await days.close(run, 1)
    report = await days.load()
    assert (report.rows, report.hidden) == (1, 2)
    assert await days.shown(TUESDAY) == (set(), [])
    await days.settled()


async def test_a_run_of_no_rows_empties_its_day(days: Days) -> None:
    first, second = await days.open(), await days.open()
    await days.send(first, "a")
    await days.close(first, 1)
    await days.load()
    await days.close(second, 0)
    await days.load()
    assert await days.shown() == (set(), [])
    assert await days.state(second) == (RunState.COMPLETE, 0)
    await days.settled()


async def test_an_abandoned_run_is_never_seen(days: Days) -> None:
    run = await days.open()
    await days.send(run, "a")
    await days.close(run, 1)
    await days.world.ledger.abandon_rerun(run, datetime.now(UTC))
    await days.load()
    assert await days.shown() == (set(), [])
    await days.settled()


class Died(BaseException):
    """As a process that is no more."""


@pytest.mark.parametrize("point", ["before_record", "after_record"])
async def test_a_load_that_died_around_its_record_is_made_whole_by_the_next(
    days: Days, point: str
) -> None:
    run = await days.open()
    await days.send(run, "a", "b")
    await days.close(run, 2)

    def die(at: str) -> None:
        if at == point:
            raise Died

    arm(die)
    try:
        with pytest.raises(Died):
            await days.load()
        for late in ("c", "d"):  # a load has shown it already
            await days.send(run, late)
            with pytest.raises(Died):
                await days.load()
    finally:
        disarm()
    for again in (False, True):
        await days.load(days=[MONDAY], force=again)
        assert await days.shown() == ({run}, ["a", "b"])
    assert (await days.state(run))[0] is RunState.COMPLETE
    await days.settled()


async def test_a_commit_whose_answer_was_lost_shows_the_run(days: Days) -> None:
    run = await days.open()
    await days.send(run, "a")
    await days.close(run, 1)
    days.world.warehouse.fail_next("replace", Transient("no answer"), "after")
    await days.load()
    assert await days.shown() == ({run}, ["a"])
    assert await days.state(run) == (RunState.COMPLETE, 1)
    await days.settled()


async def test_a_lost_table_is_rebuilt_with_the_runs_it_showed(days: Days) -> None:
    first, second = await days.open(), await days.open(TUESDAY)
    await days.send(first, "a")
    await days.send(second, "b")
    await days.close(first, 1)
    await days.close(second, 1)
    await days.load()
    await days.send(first, "late")
    await days.load()
    world = days.world
    before = list(await world.warehouse.fetch(WITH_RUNS))
    world.warehouse = MemoryWarehouse(world.objects)
    everything: tuple[object, ...] = (world.ledger, world.warehouse, WITH_RUNS)
    lost = await lost_days(*everything, await known_days(world.ledger, WITH_RUNS))  # type: ignore[arg-type]
    assert lost == [MONDAY, TUESDAY]
    async for _ in redrive(*everything, lost, max_days=1):  # type: ignore[arg-type]
        pass
    assert list(await world.warehouse.fetch(WITH_RUNS)) == before
    assert await lost_days(*everything, lost) == []  # type: ignore[arg-type]
    await days.settled()


class Recomputing:
    """An app that sends a day twelve times, in pieces and with copies, while schedulers load it."""

    def __init__(self, days: Days) -> None:
        self.days = days
        self.right: dict[str, list[str]] = {}
        self.done = asyncio.Event()

    async def sends(self) -> None:
        """Of four runs one is closed in time, one never, one with a wrong count, one too soon."""
        for n in range(12):
            run, ids = await self.days.open(), [f"{n}-{row}" for row in range(4)]
            await self.days.send(run, *ids[:2], ids[0])
            if n % 4 in (0, 3):
                self.right[run] = ids
            if n % 4 == 3:
                await self.days.close(run, 4)
            await self.days.send(run, *ids[2:])
            if n % 4 in (0, 2):
                await self.days.close(run, 4 + n % 4)
            state = RunState.CLOSED
            while run in self.right and state is not RunState.COMPLETE:
                state, _ = await self.days.state(run)
            await self.days.send(run, f"{n}-late")
        self.done.set()

    async def loads(self) -> None:
        """As a scheduler does, until all is sent."""
        while not self.done.is_set():
            with suppress(Fenced, Transient):
                await self.days.load()


async def test_with_two_schedulers_a_reader_sees_nothing_but_whole_runs_each_newer(
    days: Days,
) -> None:
    app, seen = Recomputing(days), [""]

    async def reads() -> None:
        while not app.done.is_set():
            runs, ids = await days.shown()
            for run in map(str, runs):
                assert ids == app.right[run]
                seen.append(run)
            await asyncio.sleep(0)

    await asyncio.gather(app.sends(), app.loads(), app.loads(), reads())
    assert seen == sorted(seen)
    assert set(seen) == {"", *app.right}
    await days.load(days=[MONDAY], force=True)
    assert await days.shown() == ({seen[-1]}, app.right[seen[-1]])
    await days.settled()
