"""A role loads what it works with and nothing else: 10 to 30 MB, and a third of a second, each."""

import subprocess
import sys
from pathlib import Path

import pytest

TOPICS = Path(__file__).parents[2] / "topics"
OTHERS = {"boto3", "aioboto3", "motor", "pymongo", "snowflake", "sentry_sdk", "rich", "jsonschema"}
GATEWAY = """
import asyncio
import app.commands.run
from app.roles import gateway
from app.settings import read_settings
async def start():
    async with gateway(read_settings()):
        pass
asyncio.run(start())
"""
WORKER = "import app.commands.run, app.worker.role, app.ledger.sqlite, sinks.s3.client"
SCHEDULER = """
import app.commands.run, app.scheduler.role, app.ledger.sqlite, app.console.routes
import sinks.s3.store, sinks.duckdb.warehouse, faust
"""


@pytest.mark.parametrize(
    ("code", "unneeded"),
    [
        pytest.param(
            GATEWAY,
            OTHERS | {"faust", "botocore", "duckdb", "redis", "rocksdict"},
            id="gateway",
        ),
        pytest.param(WORKER, OTHERS | {"duckdb", "redis"}, id="worker"),
        pytest.param(SCHEDULER, OTHERS | {"rocksdict", "aiokafka"}, id="scheduler"),
    ],
)
def test_a_role_imports_nothing_that_only_another_one_needs(code: str, unneeded: set[str]) -> None:
    code += "\nimport sys; print(*sys.modules)"
    environment = {
        "PATH": "",
        "TOPICS_DIR": str(TOPICS),
        "KAFKA__BROKERS": "127.0.0.1:1",
        "GATEWAY__PORT": "0",
        "PII_KEY": "a key of the tests, long enough for all hashes",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "app" in loaded
    assert loaded & unneeded == set()
