"""One run, on a real ledger; the warehouse can be told to fail at any step."""

import asyncio
from pathlib import Path

import pytest

from app.core.errors import Fatal, Fenced, Transient
from app.core.seal import ObjectKind, object_key
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.scheduler.redrive import redrive
from app.scheduler.replace import LoadReport, replace_all, replace_days
from sinks.memory import MemoryWarehouse
from sinks.protocol import DayManifest, ObjectLost
from tests.scheduler.waiting import Gate
from tests.scheduler.world import MONDAY, TUESDAY, WEDNESDAY, World, table


async def run(world: World, **options: object) -> LoadReport:
    return await replace_days(
        world.ledger,
        world.warehouse,
        table(),
        **{"max_days": 31, **options},  # type: ignore[arg-type]
    )


async def test_dirty_days_are_replaced_and_recorded(world: World) -> None:
    await world.seal({MONDAY: ["a", "b", "a"], TUESDAY: ["c"]})
    report = await run(world, run="run-1")
    assert report == LoadReport("order_placed", "run-1", 2, 4, 3, 1, "committed", 0)
    assert await world.ids(day=MONDAY) == ["a", "b"]
    assert await world.ids(day=TUESDAY) == ["c"]
    recorded = (await world.ledger.loads("order_placed", "RAW.ORDER_PLACED"))[MONDAY]
    assert (recorded.run, recorded.staged, recorded.rows) == ("run-1", 3, 2)
    assert await world.dirty() == []
    assert (await run(world)).outcome == "nothing_to_do"
    assert len(world.warehouse.replaces) == 1


async def test_a_new_seal_brings_back_its_day_whole_and_no_other(world: World) -> None:
    await world.seal({MONDAY: ["a"], TUESDAY: ["c"]})
    await run(world)
    await world.seal({MONDAY: ["b"]})
    assert (await run(world)).days == 1
    assert await world.ids() == ["a", "b", "c"]


async def test_seals_that_arrive_during_a_load_stay_dirty(world: World) -> None:
    world.warehouse = MemoryWarehouse(world.objects, at=(gate := Gate("staged")))
    await world.seal({MONDAY: ["a"]})
    running = asyncio.create_task(run(world))
    await gate.reached.wait()
    await world.seal({MONDAY: ["b"]})
    gate.opened.set()
    await running
    assert await world.ids() == ["a"]
    assert await world.dirty() == [MONDAY]
    await run(world)
    assert await world.ids() == ["a", "b"]


async def test_a_day_with_only_dead_letters_is_not_loaded(world: World) -> None:
    await world.seal({}, dead=3)
    assert (await run(world)).outcome == "nothing_to_do"


async def test_a_backfill_goes_oldest_first_in_runs_of_so_many_days(world: World) -> None:
    await world.seal({WEDNESDAY: ["c"], MONDAY: ["a"], TUESDAY: ["b"]})
    report = await run(world, max_days=2)
    assert (report.days, report.left) == (2, 1)
    assert await world.ids() == ["a", "b"]
    report = await run(world, max_days=2)
    assert (report.days, report.left) == (1, 0)


async def test_replacing_all_takes_as_many_runs_as_it_needs(world: World) -> None:
    await world.seal({MONDAY: ["a"], TUESDAY: ["b"], WEDNESDAY: ["c"]})
    everything = (world.ledger, world.warehouse, table())
    reports = [found async for found in replace_all(*everything, max_days=2)]
    assert [(found.days, found.left) for found in reports] == [(2, 1), (1, 0)]
    forced = [MONDAY, TUESDAY, WEDNESDAY]
    reports = [found async for found in redrive(*everything, forced, max_days=2)]
    assert [(found.days, found.left) for found in reports] == [(2, 1), (1, 0)]
    assert await world.ids() == ["a", "b", "c"]
    assert len(world.warehouse.replaces) == 4


async def test_only_the_days_asked_for_are_loaded(world: World) -> None:
    await world.seal({MONDAY: ["a"], TUESDAY: ["b"]})
    await run(world, days=[TUESDAY, WEDNESDAY])
    assert await world.dirty() == [MONDAY]
    assert await world.ids() == ["b"]


async def test_force_replaces_days_that_are_not_dirty(world: World) -> None:
    await world.seal({MONDAY: ["a"], TUESDAY: ["b"]})
    await run(world)
    report = await run(world, days=[MONDAY], force=True)
    assert (report.outcome, report.days, report.rows) == ("committed", 1, 1)
    assert len(world.warehouse.replaces) == 2
    assert await world.ids() == ["a", "b"]


async def test_a_load_that_died_before_it_was_recorded_is_only_recorded(world: World) -> None:
    await world.seal({MONDAY: ["a"]})
    await world.warehouse.prepare(table())
    found = await world.ledger.manifest("order_placed", [MONDAY])
    manifest = [DayManifest(day.day, day.seals, day.objects) for day in found]
    await world.warehouse.replace(table(), manifest, run="dead", fence=1)
    await world.seal({TUESDAY: ["b"]})
    report = await run(world, run="ours", days=[MONDAY])
    assert (report.outcome, report.rows) == ("recorded", 1)
    assert world.warehouse.replaces == ["dead"]
    assert (await world.ledger.loads("order_placed", table().name))[MONDAY].run == "dead"
    assert await world.dirty() == [TUESDAY]


async def test_a_commit_whose_answer_was_lost_is_looked_up_and_not_repeated(world: World) -> None:
    await world.seal({MONDAY: ["a"]})
    world.warehouse.fail_next("replace", Transient("no answer"), "after")
    report = await run(world, run="run-1")
    assert report.outcome == "committed"
    assert world.warehouse.replaces == ["run-1"]
    assert await world.dirty() == []


async def test_when_even_the_look_up_fails_the_next_run_finds_out(world: World) -> None:
    await world.seal({MONDAY: ["a"]})
    await world.warehouse.prepare(table())
    warehouse = MutedAfterReplace(world.objects)
    world.warehouse = warehouse
    with pytest.raises(Transient):
        await run(world, run="run-1")
    assert await world.dirty() == [MONDAY]
    warehouse.muted = False
    assert (await run(world, run="run-2")).outcome == "recorded"
    assert warehouse.replaces == ["run-1"]


class MutedAfterReplace(MemoryWarehouse):
    """Commits, and answers nothing more until unmuted."""

    muted = True

    async def replace(self, *args: object, **options: object) -> object:  # type: ignore[override]
        answer = await super().replace(*args, **options)  # type: ignore[arg-type]
        if self.muted:
            self.fail_next("loaded", Transient("no answer"))
            raise Transient("no answer")
        return answer


async def test_a_transient_failure_changes_nothing_and_can_be_tried_again(world: World) -> None:
    await world.seal({MONDAY: ["a"]})
    for step in ("prepare", "loaded", "replace"):
        world.warehouse.fail_next(step, Transient("busy"))  # type: ignore[arg-type]
        with pytest.raises(Transient):
            await run(world, run="run-1")
        assert await world.ids() == []
        assert await world.dirty() == [MONDAY]
    assert (await run(world, run="run-1")).outcome == "committed"


async def test_a_lost_object_fails_the_load_and_names_itself(world: World) -> None:
    id = await world.seal({MONDAY: ["a"]})
    await world.objects.delete([object_key(ObjectKind.ROWS, "order_placed", 1, MONDAY, id)])
    with pytest.raises(ObjectLost, match=id):
        await run(world)
    assert await world.dirty() == [MONDAY]


async def test_the_fence_refuses_a_load_that_woke_up_late(world: World) -> None:
    world.warehouse = MemoryWarehouse(world.objects, at=(gate := Gate("before_commit")))
    await world.seal({MONDAY: ["a"]})
    late = asyncio.create_task(run(world, run="late"))
    await gate.reached.wait()
    await world.seal({MONDAY: ["b"]})
    await run(world, run="newer")
    gate.opened.set()
    with pytest.raises(Fenced):
        await late
    assert await world.ids() == ["a", "b"]
    assert world.warehouse.replaces == ["newer"]
    assert await world.dirty() == []


@pytest.mark.parametrize("force", [False, True])
async def test_another_ledger_than_the_one_of_this_warehouse_replaces_nothing(
    world: World, tmp_path: Path, force: bool
) -> None:
    await world.seal({MONDAY: ["a"]})
    await run(world)
    other = await open_ledger(LedgerOptions(url=f"sqlite:///{tmp_path}/mistyped.db"))
    new = World(other, world.objects, world.warehouse)
    await new.seal({MONDAY: ["b"], TUESDAY: ["c"]})
    with pytest.raises(Fatal, match=r"RAW.ORDER_PLACED, 2026-03-02.* this ledger does not have"):
        await run(new, days=[MONDAY], force=force)
    assert await world.ids() == ["a"]
    await other.close()


async def test_check_is_asked_before_the_warehouse_changes(world: World) -> None:
    def lost() -> None:
        raise Fenced("not ours any more")

    await world.seal({MONDAY: ["a"]})
    with pytest.raises(Fenced):
        await run(world, check=lost)
    assert world.warehouse.replaces == []
