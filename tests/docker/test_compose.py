"""The compose files: what Docker Compose would take, and what it would start."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from tests.helm.settings_schema import names_and_models, settings_of

DOCKER = Path(__file__).parents[2] / "docker"
ROLES = {"gateway", "worker", "scheduler"}
SERVERS = {"kafka", "redis", "mongo", "s3"}
NOT_OURS = {"PYTHONPATH"}


def composed(name: str) -> Any:
    """A file with the defaults of its variables."""
    text = (DOCKER / name).read_text("utf-8")
    return yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text))


def validate(content: Any) -> None:
    PyCompose.from_json(json.dumps(content)).validate()


@pytest.mark.parametrize("name", ["compose.yaml", "compose.override.yaml"])
def test_the_file_keeps_to_the_specification(name: str) -> None:
    validate(composed(name))


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (("services", "kafka", "healthcheck", "retry"), 3),
        (("services", "gateway", "depends_on", "kafka", "condition"), "service_fine"),
        (("services", "worker", "mem_limit"), "256 bytes"),
        (("servicez",), {}),
    ],
)
def test_what_keeps_not_to_it_would_be_noticed(place: tuple[str, ...], wrong: object) -> None:
    content = copy.deepcopy(composed("compose.yaml"))
    inner = content
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = wrong
    with pytest.raises(ValueError, match="line"):
        validate(content)


def test_a_role_starts_when_every_server_answers_and_the_bucket_is_there() -> None:
    services = composed("compose.yaml")["services"]
    assert services.keys() == ROLES | SERVERS | {"bucket"}
    for name in SERVERS | ROLES:
        assert services[name]["healthcheck"]["test"][0] == "CMD", name
    for role in ROLES:
        waits = {name: one["condition"] for name, one in services[role]["depends_on"].items()}
        assert waits == dict.fromkeys(SERVERS - {"s3"}, "service_healthy") | {
            "bucket": "service_completed_successfully"
        }
    assert services["bucket"]["depends_on"] == {"s3": {"condition": "service_healthy"}}


def test_a_role_may_do_no_more_than_it_must_and_has_time_to_drain() -> None:
    services = composed("compose.yaml")["services"]
    for role in ROLES:
        one = services[role]
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]
        assert one["mem_limit"] == "256m"
        assert one["build"]["target"] == "duckdb"  # as WAREHOUSE
        drain = float(one["environment"]["DRAIN_SECONDS"])
        assert float(one["stop_grace_period"].removesuffix("s")) > drain
        assert all(port.startswith("127.0.0.1:") for port in one.get("ports", ()))
        assert "../topics:/etc/forebay/topics:ro" in one["volumes"]


def test_volumes_are_those_that_are_declared() -> None:
    content = composed("compose.yaml")
    named = {
        volume.partition(":")[0]
        for service in content["services"].values()
        for volume in service.get("volumes", ())
        if not volume.startswith(".")
    }
    assert named == content["volumes"].keys()


@pytest.mark.parametrize("files", [("compose.yaml",), ("compose.yaml", "compose.override.yaml")])
def test_every_variable_of_a_role_is_a_setting_with_a_value_that_it_takes(
    files: tuple[str, ...],
) -> None:
    known = {variable for variable, _, _ in names_and_models()}
    for role in ROLES:
        given: dict[str, str] = {}
        for file in files:
            said = composed(file)["services"][role]["environment"]
            given |= {name: str(value) for name, value in said.items()}
        assert given.keys() <= known | NOT_OURS
        settings = settings_of(given)
        assert settings.role == role
        assert settings.kafka.bootstrap == ["kafka:9092"]
        assert (settings.environment == "development") is (len(files) == 2)
