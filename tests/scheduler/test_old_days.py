"""A day of which rows were summarised can not be made again, and is left as it is."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from app.audit import FindingKind as K
from app.core.errors import Fatal
from app.ledger.protocol import DirtyDay
from app.scheduler.redrive import lost_days, redrive
from app.scheduler.replace import replace_days
from tests.audit.world import DAY1, DAY2, DAY3, ORDER, Got, World, empty_world
from tests.scheduler.waiting import errors, heard

AT = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Two loaded days, of the first of which a seal was summarised."""
    async with empty_world(tmp_path) as world:
        await world.seal(ORDER, 1, {0: [Got("staged", DAY1), Got("staged", DAY1)]})
        await world.seal(ORDER, 2, {0: [Got("staged", DAY1), Got("staged", DAY2)]})
        await world.load(ORDER)
        await world.ledger.summarise([world.seals[0].id], AT)
        await world.objects.delete([stored.key for stored in world.seals[0].objects])
        yield world


async def stands(world: World) -> dict[date, int]:
    return dict(await world.warehouse.count(world.tables[ORDER]))


async def test_a_late_row_of_such_a_day_is_left_and_all_other_days_are_loaded(
    world: World,
) -> None:
    assert (await world.audit()).balanced
    await world.seal(ORDER, 3, {1: [Got("staged", day) for day in (DAY1, DAY2, DAY3)]})
    table = world.tables[ORDER]
    # One day at a time: the one that can not be made must not stand in the others' way.
    for wanted, left in (("committed", 1), ("committed", 0), ("nothing_to_do", 0)):
        done = await replace_days(world.ledger, world.warehouse, table, max_days=1)
        assert (done.outcome, done.left) == (wanted, left)
    assert await stands(world) == {DAY1: 3, DAY2: 2, DAY3: 1}
    assert await world.ledger.dirty(ORDER) == []
    report = await world.audit()
    assert [(found.kind, found.day) for found in report.findings] == [(K.STRANDED, DAY1)]
    assert report.totals["residual"] == 0


async def test_a_day_that_is_summarised_while_a_load_looks_at_it_is_left_and_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.seal(ORDER, 3, {1: [Got("staged", DAY1)]})
    late = DirtyDay(DAY1, (world.seals[-1].id,), AT)

    async def before(_: str) -> list[DirtyDay]:
        return [late]

    monkeypatch.setattr(world.ledger, "dirty", before)
    with heard() as lines:
        table = world.tables[ORDER]
        done = await replace_days(world.ledger, world.warehouse, table, max_days=10)
    assert done.outcome == "nothing_to_do"
    assert await stands(world) == {DAY1: 3, DAY2: 1}
    (said,) = errors(lines)
    assert str(DAY1) in said


async def test_who_asks_for_such_a_day_is_told_and_nothing_is_changed(world: World) -> None:
    table = world.tables[ORDER]
    before = await stands(world)
    with pytest.raises(Fatal, match=f"--from {DAY2}"):
        async for _ in redrive(world.ledger, world.warehouse, table, [DAY1, DAY2], max_days=10):
            pass
    assert await stands(world) == before
    done = [r async for r in redrive(world.ledger, world.warehouse, table, [DAY2], max_days=10)]
    assert [report.outcome for report in done] == ["committed"]
    assert await stands(world) == before


async def test_such_a_day_that_stands_as_it_was_loaded_is_not_lost(world: World) -> None:
    table = world.tables[ORDER]
    assert await lost_days(world.ledger, world.warehouse, table, [DAY1, DAY2]) == []
    world.sql_warehouse("DELETE FROM RAW.ORDER_PLACED WHERE day = '2026-03-01' AND _offset = 0")
    assert await lost_days(world.ledger, world.warehouse, table, [DAY1, DAY2]) == [DAY1]
