"""The two warehouses of `tests.sinks`, for rows of real contracts."""

import pytest

from tests.sinks.conftest import ground, snowflake, snowflake_stand_in, stage_s3

__all__ = ["ground", "snowflake", "snowflake_stand_in", "stage_s3"]


@pytest.fixture(params=["duckdb", "snowflake"])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    if kind == "snowflake":
        request.getfixturevalue("snowflake")
        request.getfixturevalue("stage_s3")
    return kind
