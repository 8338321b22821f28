"""A house of each test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.house.house import House, opened_house
from tests.house.servers import Servers


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
