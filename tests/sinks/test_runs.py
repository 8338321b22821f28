"""Declared runs in each warehouse: counted before COMMIT, and named in LOAD_CONTROL."""

from dataclasses import replace

import pytest

from app.contracts.table import RUN
from sinks.protocol import DayManifest, Miscounted
from tests.sinks.warehouse_ground import COLUMNS, FIRST, SECOND, Ground, landed, order

ONE = "2026-03-01.01JNJ8QC3W5V8K4Y0J6M2T9R1A"
WITH_RUN = (*COLUMNS, RUN)


async def of_run(ground: Ground, *numbers: int, **said: object) -> DayManifest:
    """A day's manifest whose rows are of run `ONE`."""
    rows = [order(n, offset=at, _run=ONE) for at, n in enumerate(numbers)]
    return replace(await ground.manifest(FIRST, rows), shown=ONE, **said)  # type: ignore[arg-type]


async def test_a_run_is_loaded_with_what_is_shown_and_hidden(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), ground.table(columns=WITH_RUN, runs=True)
    await warehouse.prepare(table)
    day = await of_run(ground, 1, 2, 2, hidden=4, expected=2)
    loaded = await warehouse.replace(table, [day], run="r1", fence=1)
    assert loaded == await warehouse.loaded(table, [FIRST])
    found = loaded[FIRST]
    assert (found.shown, found.hidden, found.staged, found.rows) == (ONE, 4, 7, 2)
    rows = [order(n, offset=at, _run=ONE) for at, n in ((0, 1), (1, 2))]
    assert list(await warehouse.fetch(table)) == landed(table, rows)


@pytest.mark.parametrize("expected", [0, 1, 3])
async def test_a_run_with_another_count_changes_nothing(ground: Ground, expected: int) -> None:
    warehouse, table = ground.warehouse(), ground.table(columns=WITH_RUN, runs=True)
    await warehouse.prepare(table)
    before = await of_run(ground, 7, expected=1)
    await warehouse.replace(table, [before], run="r1", fence=1)
    standing, control = await warehouse.fetch(table), await warehouse.loaded(table, [FIRST])
    day = await of_run(ground, 1, 2, 2, expected=expected)
    beside = await ground.manifest(SECOND, [order(9, SECOND, _run="2026-03-02.x")])
    with pytest.raises(Miscounted) as caught:
        await warehouse.replace(table, [beside, day], run="r2", fence=2)
    assert (caught.value.run, caught.value.rows) == (ONE, 2)
    assert await warehouse.fetch(table) == standing
    assert await warehouse.loaded(table, [FIRST, SECOND]) == control
    right = replace(day, expected=2)
    await warehouse.replace(table, [beside, right], run="r3", fence=2)
    assert len(await warehouse.fetch(table)) == 3


async def test_a_run_of_no_rows_empties_its_day(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), ground.table(columns=WITH_RUN, runs=True)
    await warehouse.prepare(table)
    await warehouse.replace(table, [await of_run(ground, 1)], run="r1", fence=1)
    empty = DayManifest(FIRST, ("s1",), (), "r1", ONE, 1, 0)
    loaded = await warehouse.replace(table, [empty], run="r2", fence=2)
    assert (loaded[FIRST].staged, loaded[FIRST].rows, loaded[FIRST].hidden) == (1, 0, 1)
    assert await warehouse.fetch(table) == []


async def test_a_load_control_of_an_older_version_gets_the_columns_and_keeps_its_days(
    ground: Ground,
) -> None:
    """A type without runs was loaded before; so was this one's table."""
    warehouse = ground.warehouse()
    plain, table = ground.table(), ground.table(columns=WITH_RUN, runs=True)
    await warehouse.prepare(plain)
    await warehouse.replace(plain, [await ground.manifest(FIRST, [order(1)])], run="r1", fence=1)
    await warehouse.prepare(table)
    assert await warehouse.prepare(table) == []
    await warehouse.replace(table, [await of_run(ground, 1, hidden=2)], run="r2", fence=1)
    await warehouse.replace(
        plain, [await ground.manifest(SECOND, [order(2, SECOND)])], run="r3", fence=2
    )
    loads = await warehouse.loaded(plain, [FIRST, SECOND])
    assert {(load.shown, load.hidden) for load in loads.values()} == {("", 0)}
    assert (await warehouse.loaded(table, [FIRST]))[FIRST].shown == ONE
