"""A table is lost, or a part of it: it is made again from the ledger's objects, row by row."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import date, timedelta

import duckdb
import pytest

from app.core.errors import Fenced
from app.scheduler.redrive import known_days, lost_days, redrive
from app.scheduler.replace import LoadReport
from sinks.duckdb.options import DuckDBOptions
from sinks.protocol import Warehouse
from sinks.snowflake.connection import Session
from sinks.snowflake.options import SnowflakeOptions
from tests.faults import loader
from tests.faults.loading import Loading
from tests.faults.steady import all_is_well, load_for
from tests.house.house import House
from tests.scheduler.world import MONDAY

DAYS = [MONDAY + timedelta(days=n) for n in range(7)]


async def sql(loading: Loading, *statements: str) -> None:
    """Do something to the warehouse behind everybody's back."""
    options = loading.place.warehouse

    def work() -> None:
        if isinstance(options, DuckDBOptions):
            with duckdb.connect(str(options.path)) as db:
                for statement in statements:
                    db.execute(statement)
            return
        assert isinstance(options, SnowflakeOptions)
        session = Session(options)
        for statement in statements:
            session.cursor().execute(statement)
        session.drop()

    await asyncio.to_thread(work)


def control(loading: Loading, name: str) -> str:
    """Where a table of Forebay's own is."""
    options = loading.place.warehouse
    return f"{'RAW' if isinstance(options, DuckDBOptions) else options.schema_name}.{name}"


async def drop_table(loading: Loading) -> None:
    await sql(loading, f"DROP TABLE {loading.table.name}")


async def forget_loads(loading: Loading) -> None:
    of_table = f"WHERE TABLE_NAME = '{loading.table.name}'"
    owned = ("LOAD_CONTROL", "LOAD_FENCE", "LOAD_FINGERPRINT")
    await sql(loading, *(f"DELETE FROM {control(loading, name)} {of_table}" for name in owned))


async def drop_all(loading: Loading) -> None:
    await drop_table(loading)
    await forget_loads(loading)


LOSSES: Mapping[str, Callable[[Loading], Awaitable[None]]] = {
    "the table": drop_table,
    "what is known of its loads": forget_loads,
    "both": drop_all,
}


async def a_week(loading: Loading) -> list[Mapping[str, object]]:
    """Seven days, loaded, some rows twice, and one that a load left empty; return all rows."""
    for days in (DAYS[:4], DAYS[2:]):
        await loading.seal({day: ["twin", f"{day}-a", f"{day}-b"] for day in days})
    await loading.load()
    async for _ in again(loading, [MONDAY - timedelta(days=1)]):
        pass
    await loading.assert_agreed()
    rows = list(await loading.warehouse.fetch(loading.table))
    assert len(rows) == 7 * 3
    return rows


def again(
    loading: Loading, days: list[date], warehouse: Warehouse | None = None
) -> AsyncIterator[LoadReport]:
    return redrive(loading.ledger, warehouse or loading.warehouse, loading.table, days, max_days=3)


async def lost(loading: Loading) -> list[date]:
    known = await known_days(loading.ledger, loading.table)
    return await lost_days(loading.ledger, loading.warehouse, loading.table, known)


async def rebuilt(loading: Loading, warehouse: Warehouse | None = None) -> list[LoadReport]:
    return [report async for report in again(loading, await lost(loading), warehouse)]


@pytest.mark.parametrize("loss", LOSSES)
async def test_a_lost_table_is_the_same_again_row_by_row(loading: Loading, loss: str) -> None:
    before = await a_week(loading)
    assert await lost(loading) == []
    await LOSSES[loss](loading)
    reports = await rebuilt(loading)
    assert sum(report.days for report in reports) in (7, 8)  # an empty day stands without a row
    assert [report.left for report in reports][-1] == 0
    assert len(reports) == 3
    assert list(await loading.warehouse.fetch(loading.table)) == before
    await loading.assert_agreed()
    assert await lost(loading) == []
    assert await rebuilt(loading) == []


async def test_only_days_whose_rows_are_not_what_a_load_left_are_replaced(
    loading: Loading,
) -> None:
    before = await a_week(loading)
    name = loading.table.name
    await sql(
        loading,
        f"DELETE FROM {name} WHERE DAY = '{DAYS[1]}' AND EVENT_ID = 'twin'",
        f"UPDATE {name} SET EVENT_ID = 'somebody' WHERE DAY = '{DAYS[4]}' AND EVENT_ID = 'twin'",
    )
    assert await lost(loading) == [DAYS[1], DAYS[4]]
    (report,) = await rebuilt(loading)
    assert (report.days, report.left) == (2, 0)
    assert list(await loading.warehouse.fetch(loading.table)) == before
    await loading.assert_agreed()


@pytest.mark.parametrize("point", ["staged:2", "before_commit:2", "after_commit:2"])
async def test_a_rebuild_that_was_killed_goes_on_where_it_stopped(
    loading: Loading, point: str
) -> None:
    before = await a_week(loading)
    await drop_all(loading)
    arguments = (loading.place, loading.table, 3, point)
    assert await loader.exit_code_of(loader.rebuild, *arguments) == -signal.SIGKILL
    left = await lost(loading)
    assert DAYS[:2] == [day for day in DAYS if day not in left][:2]
    assert left
    await rebuilt(loading)
    assert list(await loading.warehouse.fetch(loading.table)) == before
    await loading.assert_agreed()


class Frozen:
    """Stands still at a point of a load, the first time it gets there, until it is thawed."""

    def __init__(self, point: str) -> None:
        self._point = point
        self.there, self._on = asyncio.Event(), threading.Event()
        self._loop = asyncio.get_running_loop()

    def __call__(self, point: str) -> None:
        if point == self._point and not self.there.is_set():
            self._loop.call_soon_threadsafe(self.there.set)
            assert self._on.wait(60)

    def thaw(self) -> None:
        self._on.set()


async def test_a_scheduler_that_wakes_up_after_a_rebuild_changes_nothing(
    loading: Loading,
) -> None:
    await a_week(loading)
    await loading.seal({DAYS[0]: ["late"]})
    frozen = Frozen("staged")
    zombie = asyncio.create_task(loading.load(loading.another(frozen)))
    await frozen.there.wait()
    await drop_all(loading)
    await loading.seal({DAYS[0]: ["later"]})
    await rebuilt(loading)
    rebuilt_rows = list(await loading.warehouse.fetch(loading.table))
    assert len(rebuilt_rows) == 7 * 3 + 2
    frozen.thaw()
    with pytest.raises(Fenced):
        await zombie
    assert list(await loading.warehouse.fetch(loading.table)) == rebuilt_rows
    await loading.assert_agreed()


async def test_a_rebuild_that_a_scheduler_overtakes_is_tried_again_and_ends(
    loading: Loading,
) -> None:
    await a_week(loading)
    await drop_all(loading)
    frozen = Frozen("staged")
    rebuilding = asyncio.create_task(rebuilt(loading, loading.another(frozen)))
    await frozen.there.wait()
    await loading.seal({DAYS[0]: ["new"], DAYS[5]: ["new"]})
    await loading.load()  # a scheduler, which has the higher number
    frozen.thaw()
    reports = await rebuilding
    assert [report.outcome for report in reports] == ["committed"] * len(reports)
    assert len(await loading.warehouse.fetch(loading.table)) == 7 * 3 + 2
    await loading.assert_agreed()


@pytest.mark.timeout(600)
async def test_a_whole_warehouse_is_lost_and_rebuilt_and_the_audit_is_exact(house: House) -> None:
    roles = [house.role(name) for name in ("gateway", "worker", "scheduler")]
    await asyncio.gather(*(role.start() for role in roles))
    load = load_for(house, rate=200)
    load.start()
    await asyncio.sleep(5)
    await load.stop()
    await house.settled()
    (kind,) = house.sales
    await roles[2].stop()
    for file in house.folder.glob("warehouse.duckdb*"):
        if file.is_file():
            file.unlink()
    report = await house.audit()
    assert not report["balanced"]
    small = ("--type", kind.event, "--rebuild", "--json")
    house.environment["SCHEDULER__MAX_DAYS_PER_RUN"] = "1"
    house.environment["CRASH_AT"] = "after_commit:2"
    code, _, said = await house.command("load", *small)
    assert code == -signal.SIGKILL, said
    del house.environment["CRASH_AT"]
    code, out, said = await house.command("load", *small)
    assert code == 0, said
    assert 1 <= out.count("committed") <= 2, out  # of three days, one stands
    await all_is_well(house, load)
    assert await house.forebay("load", "--type", kind.event, "--rebuild") == []
