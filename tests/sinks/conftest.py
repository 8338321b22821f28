"""The warehouses that the suite runs on.

Snowflake is a stand-in, unless `FOREBAY_TEST_SNOWFLAKE=real`: then `SNOWFLAKE__…` and `S3__…` name
an account and a bucket, whose stage must exist or be creatable.
"""

import os
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import aioboto3
import pytest

from app.settings import read_settings
from sinks.duckdb.options import DuckDBOptions
from sinks.duckdb.warehouse import DuckDBWarehouse
from sinks.memory import MemoryObjectStore, MemoryWarehouse
from sinks.protocol import Warehouse
from sinks.s3.options import S3Options
from sinks.s3.store import S3ObjectStore
from sinks.snowflake.options import SnowflakeOptions
from sinks.snowflake.warehouse import SnowflakeWarehouse
from tests.conftest import run
from tests.sinks.snowflake_stand_in import SnowflakeStandIn
from tests.sinks.warehouse_ground import Ground, Strikes

REAL = os.environ.get("FOREBAY_TEST_SNOWFLAKE") == "real"
KINDS = ["memory", "duckdb", "snowflake"]


@pytest.fixture(scope="session")
def snowflake_stand_in(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SnowflakeStandIn]:
    server = SnowflakeStandIn(tmp_path_factory.mktemp("snowflake"), request.getfixturevalue("s3"))
    run(server.start())
    yield server
    run(server.stop())


@pytest.fixture(scope="session")
def snowflake(request: pytest.FixtureRequest) -> SnowflakeOptions:
    """How to reach Snowflake, or its stand-in."""
    if REAL:
        return read_settings().snowflake
    server: SnowflakeStandIn = request.getfixturevalue("snowflake_stand_in")
    return server.options


@pytest.fixture(scope="session")
def stage_s3(request: pytest.FixtureRequest) -> S3Options:
    """The bucket and prefix that Snowflake's stage is over."""
    if REAL:
        return read_settings().s3
    options: S3Options = request.getfixturevalue("s3")
    return options.model_copy(update={"prefix": "of/the/stage"})


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    if kind == "snowflake":
        request.getfixturevalue("snowflake")
        request.getfixturevalue("stage_s3")
    return kind


@pytest.fixture
async def ground(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Ground]:
    if kind == "snowflake":
        made = on_snowflake(
            request.getfixturevalue("snowflake"), request.getfixturevalue("stage_s3")
        )
    else:
        made = on_duckdb(tmp_path) if kind == "duckdb" else in_memory()
    yield made
    for warehouse in made.opened:
        await warehouse.close()
    await made.objects.close()


def in_memory() -> Ground:
    objects = MemoryObjectStore()
    first = MemoryWarehouse(objects)

    async def overwrite(key: str, body: bytes) -> None:
        objects.put(key, body)

    return Ground(
        "memory",
        objects,
        "RAW",
        lambda strikes: MemoryWarehouse(objects, at=strikes.awaited, beside=first),
        overwrite,
        points=("staged", "before_commit"),
    )


def on_duckdb(folder: Path) -> Ground:
    objects = MemoryObjectStore()

    async def overwrite(key: str, body: bytes) -> None:
        objects.put(key, body)

    options = DuckDBOptions(path=folder / "warehouse.duckdb")
    return Ground(
        "duckdb",
        objects,
        "RAW",
        lambda strikes: DuckDBWarehouse(options, objects, at=strikes),
        overwrite,
    )


def on_snowflake(options: SnowflakeOptions, s3: S3Options) -> Ground:
    objects = S3ObjectStore(s3)
    bucket_url = f"s3://{s3.bucket}/{s3.prefix}"

    def opened(strikes: Strikes) -> Warehouse:
        return SnowflakeWarehouse(options, objects, bucket_url, at=strikes)

    return Ground("snowflake", objects, options.schema_name, opened, partial(overwrite_on, s3))


async def overwrite_on(s3: S3Options, key: str, body: bytes) -> None:
    """Put other bytes where a worker has put an object."""
    session = aioboto3.Session()
    async with session.client(
        "s3",
        endpoint_url=s3.endpoint_url or None,
        region_name=s3.region,
        aws_access_key_id=s3.access_key_id or None,
        aws_secret_access_key=s3.secret_access_key.get_secret_value() or None,
    ) as client:
        await client.put_object(Bucket=s3.bucket, Key=f"{s3.prefix}/{key}".lstrip("/"), Body=body)
