"""Tables in which an event is several rows: they stand or give way together, and are told apart."""

from collections.abc import Sequence

import pytest

from app.contracts.table import Column, Table
from tests.sinks.test_fingerprints import ALL_COLUMNS, ByHand, day_of, only_sql, sums, told
from tests.sinks.test_warehouse import assert_holds, load
from tests.sinks.warehouse_ground import COLUMNS, FIRST, SECOND, TOPIC, Ground, Row, order

LINE = Column("line", "integer", False, "Which line of the order, from 0.")


def exploded(ground: Ground) -> Table:
    columns = (*COLUMNS[:2], LINE, *COLUMNS[2:])
    return ground.table(columns=columns, key=("event_id", "line"), index="line")


def lines(number: int, count: int, offset: int, **fields: object) -> list[Row]:
    """The rows of one copy of an order."""
    return [order(number, offset=offset, _partition=0, line=n, **fields) for n in range(count)]


async def test_all_rows_of_an_event_are_of_one_copy_however_many_the_other_has(
    ground: Ground,
) -> None:
    warehouse, table = ground.warehouse(), exploded(ground)
    await warehouse.prepare(table)
    shorter, alone, longer = lines(1, 2, 1), lines(2, 3, 2), lines(3, 4, 3)
    copies = [*lines(1, 4, 11), *lines(3, 1, 13)]
    manifest = await ground.manifest(FIRST, copies, [*shorter, *alone, *longer])
    assert await load(ground, warehouse, table, manifest) == {FIRST: (14, 9)}
    await assert_holds(warehouse, table, [*shorter, *alone, *longer])


async def test_an_event_on_another_day_keeps_its_own_rows(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), exploded(ground)
    await warehouse.prepare(table)
    first = lines(1, 2, 1)
    second = [row | {"day": f"{SECOND}"} for row in lines(1, 3, 2)]
    days = [await ground.manifest(FIRST, first), await ground.manifest(SECOND, second)]
    await load(ground, warehouse, table, *days)
    await assert_holds(warehouse, table, [*first, *second])


async def test_rows_of_one_offset_are_told_apart(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), exploded(ground)
    await warehouse.prepare(table)
    rows = [*lines(1, 2, 5), *lines(2, 3, 7)]
    await load(ground, warehouse, table, await ground.manifest(FIRST, rows))
    tp = f"{TOPIC}/0"
    every = [((5, 0), 1), ((5, 1), 1), ((7, 0), 1), ((7, 1), 1), ((7, 2), 1)]
    assert list(await warehouse.places(table, FIRST, tp)) == every
    assert list(await warehouse.places(table, FIRST, tp, (5, 0))) == every[1:]
    assert list(await warehouse.places(table, FIRST, tp, (7, 1))) == every[4:]
    assert list(await warehouse.places(table, FIRST, tp, (7, 2))) == []
    found = await day_of(warehouse, table)
    rows_, first, last, offsets, squares = sums(rows)[tp]
    of_indexes = 1 + 1 + 4
    assert told(found.standing) == {tp: (rows_, first, last, offsets, squares + of_indexes)}
    assert found.loaded == found.standing


BY_HAND = {
    "one of its rows is deleted": ["DELETE FROM {table} WHERE _offset = 7 AND line = 1"],
    "one of its rows is doubled": [
        f"INSERT INTO {{table}} ({ALL_COLUMNS}, line) SELECT {ALL_COLUMNS}, line FROM {{table}} "
        "WHERE _offset = 7 AND line = 1"
    ],
    "one of its rows takes the place of another": [
        "UPDATE {table} SET line = 1 WHERE _offset = 7 AND line = 2"
    ],
}


@only_sql
@pytest.mark.parametrize("statements", BY_HAND.values(), ids=BY_HAND)
async def test_what_is_done_to_one_row_of_an_event_changes_what_stands(
    ground: Ground, request: pytest.FixtureRequest, statements: Sequence[str]
) -> None:
    warehouse, table = ground.warehouse(), exploded(ground)
    await warehouse.prepare(table)
    rows = [*lines(1, 2, 5), *lines(2, 3, 7)]
    await load(ground, warehouse, table, await ground.manifest(FIRST, rows))
    before = await day_of(warehouse, table)
    for statement in statements:
        ByHand(ground, request).run(statement, table)
    after = await day_of(warehouse, table)
    assert after.loaded == before.loaded
    assert told(after.standing) != told(before.standing)
