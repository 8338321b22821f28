"""A Snowflake of the doctor's own, whose registered key is changed."""

from collections.abc import Iterator

import pytest

from tests.conftest import run
from tests.house.servers import Servers
from tests.sinks.snowflake_stand_in import SnowflakeStandIn


@pytest.fixture
def stand_in(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SnowflakeStandIn]:
    server = SnowflakeStandIn(tmp_path_factory.mktemp("stand_in"), servers.s3_options)
    run(server.start())
    yield server
    run(server.stop())
