"""A column that has become wider in the contract becomes wider in the table, rows untouched."""

from dataclasses import replace

import pytest

from app.core.errors import Fatal
from sinks.protocol import DayManifest
from sinks.snowflake import sql
from tests.sinks.test_warehouse import assert_holds, load, only_sql
from tests.sinks.warehouse_ground import COLUMNS, FIRST, SECOND, Ground, order, order_table


@only_sql
async def test_longer_text_and_more_digits_are_made_room_for(ground: Ground) -> None:
    warehouse = ground.warehouse()
    narrow = {"order_id": {"max_length": 8}, "rate": {"precision": 12, "scale": 2}}
    wide = {"order_id": {"max_length": 40}, "rate": {"precision": 20, "scale": 2}}
    before, after = (
        ground.table(columns=tuple(replace(c, **options.get(c.name, {})) for c in COLUMNS))
        for options in (narrow, wide)
    )
    after = replace(after, name=before.name)
    await warehouse.prepare(before)
    old = [order(1, order_id="A-234567", rate="1234567890.12")]
    await load(ground, warehouse, before, await ground.manifest(FIRST, old))
    assert len(await warehouse.prepare(after)) >= 1
    assert list(await warehouse.prepare(after)) == []
    new = [order(2, SECOND, order_id="B" * 40, rate="123456789012345678.12")]
    await load(ground, warehouse, after, await ground.manifest(SECOND, new))
    await assert_holds(warehouse, after, old + new)


async def test_text_that_a_former_contract_allowed_is_not_cut_when_its_day_is_loaded_again(
    ground: Ground,
) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    rows = [order(1, order_id="A" * 64)]
    day = await ground.manifest(FIRST, rows)
    await load(ground, warehouse, table, day)
    columns = [replace(c, max_length=9) if c.name == "order_id" else c for c in COLUMNS]
    shorter = replace(table, columns=tuple(columns))
    await warehouse.prepare(shorter)
    more = [order(2, order_id="B-2")]
    again = DayManifest(FIRST, (*day.seals, "seal-2"), (*day.objects, await ground.store(more)))
    await load(ground, warehouse, shorter, again, fence=2)
    await assert_holds(warehouse, table, rows + more)


@only_sql
@pytest.mark.parametrize("places", [1, 3])
async def test_another_number_of_places_is_refused(ground: Ground, places: int) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    before = tuple(replace(c, scale=2) if c.name == "rate" else c for c in COLUMNS)
    await warehouse.prepare(replace(table, columns=before))
    after = tuple(replace(c, scale=places) if c.name == "rate" else c for c in COLUMNS)
    with pytest.raises(Fatal, match=r"(?i)rate is"):
        await warehouse.prepare(replace(table, columns=after))


def test_snowflake_stages_text_without_a_length_to_cut_it_to() -> None:
    table = order_table("RAW.ORDERS")
    assert "VARCHAR(64)" in sql.create(table)
    assert "VARCHAR(" not in sql.create_staging(table, "STAGED")
    assert "VARCHAR(" not in sql.copy(table, "STAGED", "STAGE", ["a.ndjson.gz"])
