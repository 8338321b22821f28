"""What only a warehouse in a file has: other processes, locks, crashes, little memory."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import duckdb
import pytest

from app.core.errors import Fatal, Transient
from sinks.duckdb.errors import OutOfMemory
from sinks.duckdb.options import DuckDBOptions
from sinks.duckdb.warehouse import DuckDBWarehouse
from sinks.memory import MemoryObjectStore
from tests.sinks.conftest import on_duckdb
from tests.sinks.warehouse_ground import FIRST, Ground, Strikes, landed, order

HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    made = on_duckdb(tmp_path)
    yield made
    for warehouse in made.opened:
        await warehouse.close()


@asynccontextmanager
async def held(path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process has the file open until it is let go."""
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, str(path),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    try:
        yield holder
    finally:
        await holder.communicate(b"\n")


def files_in(folder: Path) -> set[str]:
    """Everything below a folder but empty locks and folders."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


async def test_between_calls_another_process_can_open_the_file(
    ground: Ground, tmp_path: Path
) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    await warehouse.replace(table, [await ground.manifest(FIRST, [order(1)])], run="r", fence=1)
    async with held(tmp_path / "warehouse.duckdb"):
        pass
    assert list(await warehouse.fetch(table)) == landed(table, [order(1)])


async def test_a_json_null_is_null_to_sql_and_names_need_no_quotes(
    ground: Ground, tmp_path: Path
) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    baskets = [{"basket": None}, {"basket": {"a": None}}, {}]
    rows = [order(n) | basket for n, basket in enumerate(baskets)]
    await warehouse.replace(table, [await ground.manifest(FIRST, rows)], run="r", fence=1)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.execute(
            f"SELECT order_id FROM {table.name.lower()} WHERE basket IS NULL ORDER BY 1"
        ).fetchall()
    assert found == [("A-0",), ("A-2",)]


async def test_a_load_waits_for_another_process_that_has_the_file(
    ground: Ground, tmp_path: Path
) -> None:
    strikes = Strikes()
    warehouse, table = ground.warehouse(strikes), ground.table()
    await warehouse.prepare(table)
    staged = asyncio.Event()

    async def tell() -> None:
        staged.set()

    strikes.at["staged"] = tell
    manifest = await ground.manifest(FIRST, [order(1)])
    async with held(tmp_path / "warehouse.duckdb"):
        loading = asyncio.create_task(warehouse.replace(table, [manifest], run="r", fence=1))
        await staged.wait()
        assert "deleted" not in strikes.seen
        assert not loading.done()
    await loading
    assert list(await warehouse.fetch(table)) == landed(table, [order(1)])


@pytest.mark.parametrize("call", ["count", "prepare"])
async def test_who_holds_the_file_too_long_is_named(tmp_path: Path, call: str) -> None:
    path = tmp_path / "warehouse.duckdb"
    duckdb.connect(str(path)).close()
    options = DuckDBOptions(path=path, lock_timeout_seconds=0.2)
    warehouse = DuckDBWarehouse(options, MemoryObjectStore())
    table = on_duckdb(tmp_path).table()
    async with held(path) as holder:
        with pytest.raises(Transient, match=f"PID {holder.pid}"):
            await getattr(warehouse, call)(table)
    await warehouse.close()


async def test_a_cancelled_load_stops_waiting_and_changes_nothing(
    ground: Ground, tmp_path: Path
) -> None:
    strikes = Strikes()
    warehouse, table = ground.warehouse(strikes), ground.table()
    await warehouse.prepare(table)
    staged = asyncio.Event()

    async def tell() -> None:
        staged.set()

    strikes.at["staged"] = tell
    manifest = await ground.manifest(FIRST, [order(1)])
    async with held(tmp_path / "warehouse.duckdb"):
        loading = asyncio.create_task(warehouse.replace(table, [manifest], run="r", fence=1))
        await staged.wait()
        loading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await loading
    assert list(await warehouse.fetch(table)) == []
    assert strikes.seen == ["staged"]


async def test_a_load_leaves_no_file_behind_even_if_it_fails(
    ground: Ground, tmp_path: Path
) -> None:
    strikes = Strikes()
    warehouse, table = ground.warehouse(strikes), ground.table()
    await warehouse.prepare(table)
    strikes.fail("inserted", Transient("cut"))
    with pytest.raises(Transient):
        await warehouse.replace(table, [await ground.manifest(FIRST, [order(1)])], run="r", fence=1)
    assert files_in(tmp_path) == {"warehouse.duckdb"}


@pytest.mark.parametrize("limit", ["5MB", "1MB"])
async def test_little_memory_is_doubled_for_a_load_that_needs_it_and_then_is_an_error(
    tmp_path: Path, limit: str
) -> None:
    ground = on_duckdb(tmp_path)
    options = DuckDBOptions(path=tmp_path / "warehouse.duckdb", memory_limit=limit)
    warehouse, table = DuckDBWarehouse(options, ground.objects), ground.table()
    await warehouse.prepare(table)
    rows = [order(n, order_id=f"{n:060}") for n in range(40_000)]
    manifest = await ground.manifest(FIRST, rows)
    if limit == "1MB":
        with pytest.raises(OutOfMemory, match="DUCKDB__MEMORY_LIMIT"):
            await warehouse.replace(table, [manifest], run="r", fence=1)
        assert dict(await warehouse.count(table)) == {}
    else:
        await warehouse.replace(table, [manifest], run="r", fence=1)
        assert dict(await warehouse.count(table)) == {FIRST: 40_000}
    await warehouse.close()


@pytest.mark.parametrize("content", [b"not a database " * 1000, None])
async def test_a_path_that_can_not_be_a_warehouse_says_which_variable_to_correct(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(content) if content else path.mkdir()
    warehouse = DuckDBWarehouse(DuckDBOptions(path=path), MemoryObjectStore())
    with pytest.raises(Fatal, match="DUCKDB__PATH"):
        await warehouse.prepare(on_duckdb(tmp_path).table())
    with pytest.raises(Fatal, match="DUCKDB__PATH"):
        await warehouse.ping()
    await warehouse.close()


async def test_a_view_in_the_table_s_place_is_told_by_its_name_and_not_as_a_conflict(
    ground: Ground, tmp_path: Path
) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute(f"DROP TABLE {table.name}")
        connection.execute(f"CREATE VIEW {table.name} AS SELECT 1 AS one")
    with pytest.raises(Fatal, match=table.name):
        await warehouse.prepare(table)
