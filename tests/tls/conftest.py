"""Certificates, and servers that ask for them."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.conftest import run
from tests.house.servers import Servers
from tests.tls.certificates import Certificates, certificates
from tests.tls.front import tls_before
from tests.tls.secured_kafka import SecuredKafka


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def other_files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Of an authority that no server trusts, nor any client of `files`."""
    return certificates(tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="session")
def servers(files: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Those of a house, but for Kafka, which is `secured`. Nothing is started yet."""
    folder = tmp_path_factory.mktemp("house")
    made = Servers(folder)
    made.kafka = SecuredKafka(folder / "kafka", log_file=folder / "kafka.log", files=files)
    yield made
    run(made.stop())


@pytest.fixture
async def secured(servers: Servers) -> SecuredKafka:
    assert isinstance(servers.kafka, SecuredKafka)
    await servers.kafka.start()
    return servers.kafka


@pytest.fixture
async def redis_port(servers: Servers, files: Certificates) -> AsyncIterator[int]:
    """Of a Redis that takes TLS and our certificates only."""
    await servers.redis.start()
    async with tls_before(servers.redis.port, files.server_context()) as port:
        yield port


@pytest.fixture
async def mongo_port(servers: Servers, files: Certificates) -> AsyncIterator[int]:
    """Of a MongoDB that takes TLS and our certificates only."""
    await servers.mongo.start()
    async with tls_before(servers.mongo.port, files.server_context()) as port:
        yield port
