"""The verdict that all of these tests end with must be able to fail."""

import asyncio

import duckdb

from tests.house.house import House
from tests.house.load import Load
from tests.house.verdict import judged


async def test_a_row_removed_and_a_row_doubled_are_both_told_by_their_numbers(
    house: House,
) -> None:
    roles = {name: house.role(name) for name in ("gateway", "worker", "scheduler")}
    await asyncio.gather(*(role.start() for role in roles.values()))
    load = Load(house.sales, lambda: [roles["gateway"].url], house.environment["KAFKA__BROKERS"])
    await load.send(500)
    await house.settled()
    assert (await judged(house, load)).holds

    (sales,) = house.sales
    removed, doubled = sorted(load.acknowledged[sales.event])[100:102]
    for role in roles.values():
        await role.stop()
    with duckdb.connect(house.environment["DUCKDB__PATH"]) as database:
        database.execute(f"DELETE FROM {sales.table} WHERE number = {removed}")
        database.execute(
            f"INSERT INTO {sales.table} SELECT * FROM {sales.table} WHERE number = {doubled}"
        )
    load.acknowledged[sales.event].add(999_999)

    verdict = await judged(house, load)
    assert not verdict.holds
    assert (verdict.lost, verdict.doubled, verdict.strange) == (2, 1, 0)
    assert verdict.examples == {
        f"{sales.event} lost": [removed, 999_999],
        f"{sales.event} doubled": [doubled],
    }
