"""A house of each test's own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sinks.duckdb.options import DuckDBOptions
from tests.conftest import run
from tests.faults.loader import Place
from tests.faults.loading import Loading, opened_loading
from tests.house.house import House, opened_house
from tests.house.servers import Servers
from tests.sinks.snowflake_stand_in import SnowflakeStandIn


@pytest.fixture(scope="session")
def stand_in(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SnowflakeStandIn]:
    """A Snowflake to be killed, which soon rolls back what a dead client left open."""
    run(servers.s3.start())
    folder = tmp_path_factory.mktemp("stand_in")
    server = SnowflakeStandIn(folder, servers.s3_options, idle_seconds=0.3)
    run(server.start())
    yield server
    run(server.stop())


def on_duckdb(folder: Path) -> Place:
    warehouse = DuckDBOptions(path=folder / "warehouse.duckdb")
    return Place(f"sqlite:///{folder}/ledger.db", folder / "objects", warehouse)


def on_snowflake(folder: Path, servers: Servers, stand_in: SnowflakeStandIn) -> Place:
    objects = servers.s3_options.model_copy(update={"prefix": "of/the/stage"})
    return Place(f"sqlite:///{folder}/ledger.db", objects, stand_in.options)


@pytest.fixture(params=["duckdb", "snowflake"])
def place(request: pytest.FixtureRequest, servers: Servers, tmp_path: Path) -> Place:
    """Where to load, on each kind of warehouse."""
    if request.param == "duckdb":
        return on_duckdb(tmp_path)
    return on_snowflake(tmp_path, servers, request.getfixturevalue("stand_in"))


@pytest.fixture
async def loading(place: Place, unique: str) -> AsyncIterator[Loading]:
    """Seals to load, without a house."""
    async with opened_loading(place, f"sale_{unique}") as made:
        yield made


@pytest.fixture
async def house(servers: Servers, unique: str, tmp_path: Path) -> AsyncIterator[House]:
    """SQLite and DuckDB; one event type on two partitions."""
    async with opened_house(unique, tmp_path, servers) as made:
        yield made


@pytest.fixture
async def mongo_house(servers: Servers, unique: str, tmp_path: Path) -> AsyncIterator[House]:
    """MongoDB and DuckDB; one event type on two partitions."""
    async with opened_house(unique, tmp_path, servers, ledger="mongo") as made:
        yield made


@pytest.fixture(params=["embedded", "production"])
async def each_house(
    request: pytest.FixtureRequest, servers: Servers, unique: str, tmp_path: Path
) -> AsyncIterator[House]:
    """Once with SQLite and DuckDB, once with MongoDB and the stand-in for Snowflake."""
    if request.param == "embedded":
        opened = opened_house(unique, tmp_path, servers)
    else:
        opened = opened_house(unique, tmp_path, servers, ledger="mongo", warehouse="snowflake")
    async with opened as made:
        yield made
