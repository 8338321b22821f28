"""The gateway answers as its own /openapi.json says, to whatever schemathesis makes of that."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.gateway.keys import hashed, new_key
from app.kafka import KafkaOptions
from app.local.ports import free_port
from sinks.s3.options import S3Options

TOPICS = Path(__file__).parents[2] / "topics"
KEY = new_key()
SOME = settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
# What is accepted and what is not is left out: JSON Schema takes 3.0 for an integer, and cannot say
# what is too late.
CHECKS = [
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


@pytest.fixture(scope="module")
def url(
    kafka: KafkaOptions, s3: S3Options, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A gateway process of its own, with keys, receipts and runs, for the types of two apps."""
    folder = tmp_path_factory.mktemp("gateway")
    for app in ("shop", "ads"):
        shutil.copytree(TOPICS / app, folder / "topics" / app)
    keys = folder / "keys.yaml"
    keys.write_text(yaml.safe_dump({"sources": {"shop": {"keys": [hashed(KEY)], "types": ["*"]}}}))
    port = free_port()
    environment = {
        "ROLE": "gateway",
        "KAFKA__BROKERS": kafka.brokers,
        "GATEWAY__PORT": str(port),
        "GATEWAY__KEYS_FILE": str(keys),
        "GATEWAY__RECEIPTS": "true",
        "GATEWAY__RUNS": "true",
        "S3__ENDPOINT_URL": s3.endpoint_url,
        "S3__BUCKET": s3.bucket,
        "S3__ACCESS_KEY_ID": s3.access_key_id,
        "S3__SECRET_ACCESS_KEY": s3.secret_access_key.get_secret_value(),
        "TOPICS_DIR": str(folder / "topics"),
        "PII_KEY": "a key of the tests, long enough for all hashes",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "run"], env=os.environ | environment, cwd=folder
    )
    try:
        _until_ready(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def _until_ready(url: str) -> None:
    deadline = monotonic() + 90
    while True:
        try:
            urlopen(f"{url}/readyz")
            return
        except (URLError, OSError):
            assert monotonic() < deadline, "it is never ready"
            sleep(0.1)


def test_each_answer_is_one_that_the_description_has(url: str) -> None:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 8
    seen: set[int] = set()
    for operation in operations:

        @given(case=operation.as_strategy())
        @SOME
        def conforms(case: Any) -> None:
            headers = {"Authorization": f"Bearer {KEY}"}
            seen.add(case.call_and_validate(checks=CHECKS, headers=headers).status_code)

        conforms()
    assert {200, 400, 422} <= seen  # few of its events are of these days


def test_without_a_key_each_operation_below_v1_is_401(url: str) -> None:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(SOME, max_examples=3)
        def is_closed(case: Any) -> None:
            case.headers.pop("Authorization", None)
            case.headers.pop("X-Api-Key", None)
            status = case.call(headers={"Authorization": "Bearer wrong"}).status_code
            assert (status == 401) == case.operation.path.startswith("/v1/")

        is_closed()
