"""Fingerprints of every warehouse: what stands is told, and what a load left stays written down."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace

import duckdb
import pytest

from app.contracts.table import Table
from sinks.protocol import DayPrints, Warehouse
from sinks.snowflake.connection import connect
from sinks.snowflake.options import SnowflakeOptions
from sinks.snowflake.sql import target
from tests.sinks.conftest import on_duckdb
from tests.sinks.test_warehouse import SQL, load
from tests.sinks.warehouse_ground import FIRST, SECOND, TOPIC, Ground, Row, Strikes, order

only_sql = pytest.mark.parametrize("kind", SQL, indirect=True)


def sums(rows: Sequence[Row]) -> dict[str, tuple[int, ...]]:
    """What the fingerprints must say of the offsets, by partition."""
    by_tp: dict[str, list[int]] = {}
    for row in rows:
        by_tp.setdefault(f"{TOPIC}/{row['_partition']}", []).append(row["_offset"])
    return {tp: (len(o), min(o), max(o), sum(o), sum(n * n for n in o)) for tp, o in by_tp.items()}


def told(prints: Mapping[str, object] | None) -> dict[str, tuple[int, ...]]:
    names = ("rows", "first", "last", "offsets", "squares")
    return {tp: tuple(getattr(one, n) for n in names) for tp, one in (prints or {}).items()}


async def day_of(warehouse: Warehouse, table: Table) -> DayPrints:
    (found,) = (await warehouse.fingerprints(table, [FIRST, SECOND])).values()
    return found


async def test_a_load_leaves_the_fingerprint_of_what_stands(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    assert dict(await warehouse.fingerprints(table, [FIRST])) == {}
    await warehouse.prepare(table)
    huge = 3_000_000_000_000_000_000  # its square does not fit into 64 bits
    first = [order(n) for n in range(1, 9)] + [order(9, offset=huge)]
    second = [order(n, SECOND) for n in range(11, 14)]
    copy = order(1, offset=20, _received_at=f"{FIRST}T23:00:00Z")  # collapsed at load
    days = [await ground.manifest(FIRST, [*first, copy]), await ground.manifest(SECOND, second)]
    await load(ground, warehouse, table, *days)
    prints = await warehouse.fingerprints(table, [FIRST, SECOND])
    for day, rows in ((FIRST, first), (SECOND, second)):
        assert told(prints[day].standing) == told(prints[day].loaded) == sums(rows)
        assert prints[day].standing == prints[day].loaded
        assert prints[day].run == "run-1"
    assert list(await warehouse.fingerprints(table, [SECOND])) == [SECOND]


async def test_a_day_loaded_again_has_the_later_fingerprint_and_the_others_keep_theirs(
    ground: Ground,
) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    first, second = [order(n) for n in range(1, 9)], [order(11, SECOND)]
    days = [await ground.manifest(FIRST, first), await ground.manifest(SECOND, second)]
    await load(ground, warehouse, table, *days)
    before = await warehouse.fingerprints(table, [FIRST, SECOND])
    await load(ground, warehouse, table, await ground.manifest(FIRST, first[:3]), fence=2)
    after = await warehouse.fingerprints(table, [FIRST, SECOND])
    assert after[SECOND] == before[SECOND]
    assert (after[FIRST].run, told(after[FIRST].loaded)) == ("run-2", sums(first[:3]))
    await load(ground, warehouse, table, await ground.manifest(FIRST), fence=3)
    assert list(await warehouse.fingerprints(table, [FIRST, SECOND])) == [SECOND]


async def test_a_load_that_is_rolled_back_leaves_no_fingerprint(ground: Ground) -> None:
    strikes = Strikes()
    warehouse, table = ground.warehouse(strikes), ground.table()
    await warehouse.prepare(table)
    await load(ground, warehouse, table, await ground.manifest(FIRST, [order(1)]))
    before = await day_of(warehouse, table)
    strikes.fail("before_commit", OSError("the machine went away"))
    with pytest.raises(OSError, match="went away"):
        await load(ground, warehouse, table, await ground.manifest(FIRST, [order(2)]), fence=2)
    assert await day_of(ground.warehouse(), table) == before


async def test_places_are_told_in_order_and_how_often_each_stands(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    rows = [order(n, offset=n // 6 * 3) for n in range(24)]  # two events at each of 4 offsets
    await load(ground, warehouse, table, await ground.manifest(FIRST, rows))
    tp = f"{TOPIC}/0"
    every = [((offset, 0), 6) for offset in (0, 3, 6, 9)]
    assert list(await warehouse.places(table, FIRST, tp)) == every
    assert list(await warehouse.places(table, FIRST, tp, (3, 0))) == every[2:]
    assert list(await warehouse.places(table, FIRST, tp, (9, 0))) == []
    assert list(await warehouse.places(table, SECOND, tp)) == []


class ByHand:
    """Somebody with a console: statements against the warehouse behind Forebay's back."""

    def __init__(self, ground: Ground, request: pytest.FixtureRequest) -> None:
        self._ground, self._request = ground, request

    def run(self, statement: str, table: Table) -> None:
        if self._ground.kind == "duckdb":
            folder = self._request.getfixturevalue("tmp_path")
            with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
                connection.execute(statement.format(table=table.name, schema="RAW"))
            return
        options: SnowflakeOptions = self._request.getfixturevalue("snowflake")
        with closing(connect(options)) as session:
            place = options.schema_name.upper()
            session.cursor().execute(statement.format(table=target(table), schema=place))


ALL_COLUMNS = "day, event_id, total_cents, _topic, _partition, _offset, _received_at"
SWAPS = {
    "a row is deleted": ["DELETE FROM {table} WHERE _offset = 4"],
    "a row is doubled": [
        f"INSERT INTO {{table}} ({ALL_COLUMNS}) SELECT {ALL_COLUMNS} FROM {{table}} "
        "WHERE _offset = 4"
    ],
    "a row takes the place of another": [
        "DELETE FROM {table} WHERE _offset = 4",
        f"INSERT INTO {{table}} ({ALL_COLUMNS}) SELECT {ALL_COLUMNS} FROM {{table}} "
        "WHERE _offset = 7",
    ],
    "two move past each other, so that their sum stays": [
        "UPDATE {table} SET _offset = _offset - 3 WHERE _offset = 4",
        "UPDATE {table} SET _offset = _offset + 3 WHERE _offset = 7",
    ],
    "an event gets another's key": [
        "UPDATE {table} SET event_id = '00000000-0000-0000-0000-000000000007' WHERE _offset = 4"
    ],
}


@only_sql
@pytest.mark.parametrize("statements", SWAPS.values(), ids=SWAPS)
async def test_what_somebody_does_to_a_row_changes_what_stands_and_not_what_was_left(
    ground: Ground, request: pytest.FixtureRequest, statements: Sequence[str]
) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    rows = [order(n, _partition=0) for n in range(1, 9)]
    await load(ground, warehouse, table, await ground.manifest(FIRST, rows))
    before = await day_of(warehouse, table)
    for statement in statements:
        ByHand(ground, request).run(statement, table)
    after = await day_of(warehouse, table)
    assert after.loaded == before.loaded
    assert after.standing != before.standing


@only_sql
async def test_a_day_that_an_older_version_loaded_has_no_fingerprint_but_still_stands(
    ground: Ground, request: pytest.FixtureRequest
) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    await load(ground, warehouse, table, await ground.manifest(FIRST, [order(1)]))
    before = await day_of(warehouse, table)
    # An older version replaces the day, and leaves the fingerprint of another run behind.
    where = f"WHERE table_name = '{table.name}'"
    ByHand(ground, request).run(f"UPDATE {{schema}}.LOAD_CONTROL SET run = 'old' {where}", table)
    assert await day_of(warehouse, table) == replace(before, run="", loaded=None)


async def test_a_file_without_the_fingerprints_table_is_read_and_prepared(
    tmp_path: pytest.TempPathFactory,
) -> None:
    ground = on_duckdb(tmp_path)  # type: ignore[arg-type]
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    await load(ground, warehouse, table, await ground.manifest(FIRST, [order(1)]))
    with duckdb.connect(f"{tmp_path}/warehouse.duckdb") as connection:
        connection.execute("DROP TABLE RAW.LOAD_FINGERPRINT")
    assert (await day_of(warehouse, table)).loaded is None
    assert len(await warehouse.prepare(table)) == 1
    await load(ground, warehouse, table, await ground.manifest(FIRST, [order(1)]), fence=2)
    assert (await day_of(warehouse, table)).loaded is not None
    await warehouse.close()
