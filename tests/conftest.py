"""Real servers for all tests: the ones that the environment names, else our own local stack.

Each is started once, by the first test that asks for it.
"""

import asyncio
import os
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import pytest
from pydantic import SecretStr

from app.local.kafka import LocalKafka
from app.local.process import ChildProcess
from app.local.redis import LocalRedis
from app.local.s3 import ACCESS_KEY, REGION, SECRET_KEY, LocalS3
from sinks.s3.options import S3Options

if TYPE_CHECKING:
    from tests.house.servers import Servers

T = TypeVar("T")


@pytest.fixture(scope="session")
def server_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def kafka(server_dir: Path) -> Iterator[str]:
    """Bootstrap servers, `host:port`."""
    if given := os.environ.get("KAFKA__BROKERS"):
        yield given
        return
    server = LocalKafka(server_dir / "kafka", log_file=server_dir / "kafka.log")
    yield from _running(server, server.brokers)


@pytest.fixture(scope="session")
def s3(server_dir: Path) -> Iterator[S3Options]:
    """An S3 with an empty bucket of this session's own."""
    bucket = f"test-{uuid4().hex[:12]}"
    if given := os.environ.get("S3__ENDPOINT_URL"):
        options = S3Options(
            endpoint_url=given,
            region=os.environ.get("S3__REGION", REGION),
            bucket=bucket,
            access_key_id=os.environ.get("S3__ACCESS_KEY_ID", ""),
            secret_access_key=SecretStr(os.environ.get("S3__SECRET_ACCESS_KEY", "")),
        )
        run(_make_bucket(options))
        yield options
        return
    server = LocalS3(server_dir / "s3", log_file=server_dir / "s3.log", bucket=bucket)
    options = S3Options(
        endpoint_url=server.endpoint_url,
        region=REGION,
        bucket=bucket,
        access_key_id=ACCESS_KEY,
        secret_access_key=SecretStr(SECRET_KEY),
    )
    yield from _running(server, options)


@pytest.fixture(scope="session")
def redis_url(server_dir: Path) -> Iterator[str]:
    if given := os.environ.get("REDIS__URL"):
        yield given
        return
    server = LocalRedis(server_dir / "redis", log_file=server_dir / "redis.log")
    yield from _running(server, server.url)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Servers"]:
    """Those that all houses share. Nothing is started yet; a house starts what it needs."""
    from tests.house.servers import Servers

    made = Servers(tmp_path_factory.mktemp("house"))
    yield made
    run(made.stop())


@pytest.fixture
def unique() -> str:
    """A short name that no other test has: for topics, prefixes, keys."""
    return f"t{uuid4().hex[:10]}"


def _running(server: ChildProcess, answer: T) -> Iterator[T]:
    run(server.start())
    try:
        yield answer
    finally:
        run(server.stop())


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in this very thread, whose end would end a server, and leave pytest's own
    event loop as it is."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


async def _make_bucket(options: S3Options) -> None:
    import aioboto3

    async with aioboto3.Session().client(
        "s3",
        endpoint_url=options.endpoint_url,
        region_name=options.region,
        aws_access_key_id=options.access_key_id,
        aws_secret_access_key=options.secret_access_key.get_secret_value(),
    ) as s3:
        await s3.create_bucket(Bucket=options.bucket)
