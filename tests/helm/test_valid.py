"""What the chart makes is what Kubernetes takes, what Forebay reads, and what nobody broke by
accident."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from pydantic import ValidationError
from referencing import Registry, Resource

from .binary import helm
from .rendering import CASES, HERE, environment, pods, rendered
from .renew import GOLDEN, golden
from .settings_schema import (
    BY_THE_CHART,
    CHART,
    SCHEMA,
    names_and_models,
    renewed,
    secret_names,
    settings_of,
)

VERSIONS = ("1.30.0", "1.34.0", "1.37.0")
OTHERS = {"ExternalSecret", "HTTPRoute", "PrometheusRule", "ScaledObject", "ServiceMonitor"}
"""Kinds of other projects, whose schemas kubernetes-validate has not."""


def test_the_settings_in_the_schema_are_those_of_now() -> None:
    text = SCHEMA.read_text("utf-8")
    assert text == renewed(text), "run: make golden"


@pytest.mark.parametrize("case", GOLDEN)
def test_what_is_made_is_what_was_reviewed(case: str) -> None:
    kept = (HERE / "golden" / f"{case}.yaml").read_text("utf-8")
    assert golden(case) == kept, "if that is meant, run: make golden"


@pytest.mark.parametrize("case", CASES)
def test_helm_finds_nothing_wrong(case: str) -> None:
    done = helm("lint", "--strict", str(CHART), "--values", str(HERE / "cases" / f"{case}.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_every_object_without_an_unknown_field(version: str) -> None:
    seen = set()
    for one in _all():
        text = json.dumps(one, sort_keys=True)
        if one["kind"] in OTHERS or text in seen:
            continue
        seen.add(text)
        _validator(one["apiVersion"], one["kind"], version).validate(one)
    assert len(seen) > 80


@cache
def _validator(api: str, kind: str, version: str) -> Any:
    """As kubernetes-validate does it, which reads its 9 MB of definitions for each object."""
    folder = f"kubernetes-json-schema/v{version}-local-strict"
    group = api.replace(".k8s.io", "").replace(".authorization", "").replace("/", "-")
    read = kubernetes_validate.utils.schema_contents
    schema = read(f"{folder}/{kind.lower()}-{group}.json", version)
    registry: Any = Registry()
    for found in (schema, _definitions(version)):
        registry = Resource.from_contents(found) @ registry
    return jsonschema.Draft202012Validator(schema, registry=registry)


@cache
def _definitions(version: str) -> Any:
    path = f"kubernetes-json-schema/v{version}-local-strict/_definitions.json"
    return kubernetes_validate.utils.schema_contents(path, version)


def _all() -> Iterator[Any]:
    for case in CASES:
        yield from rendered(case)


def test_a_field_that_kubernetes_does_not_know_would_be_noticed() -> None:
    (one,) = [one for one in rendered("smallest") if one["kind"] == "StatefulSet"]
    wrong = yaml.safe_load(yaml.safe_dump(one))
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(jsonschema.ValidationError, match="readynessProbe"):
        _validator("apps/v1", "StatefulSet", VERSIONS[-1]).validate(wrong)


def test_the_objects_of_other_projects_are_those_that_are_named_here() -> None:
    known = {"v1", "apps/v1", "batch/v1", "policy/v1", "autoscaling/v2", "networking.k8s.io/v1"}
    assert {one["kind"] for one in _all() if one["apiVersion"] not in known} == OTHERS


@pytest.mark.parametrize("case", CASES)
def test_every_variable_is_a_setting_and_has_a_value_that_the_settings_take(case: str) -> None:
    known = {variable for variable, _, _ in names_and_models()}
    for where, pod in pods(rendered(case)):
        given = environment(pod)
        assert given.keys() <= known, where
        assert not given.keys() & secret_names(), where
        given.pop("SECRETS_DIR", None)  # is not mounted here
        settings = settings_of(given)
        for variable, value in given.items():
            read = _setting(settings, variable)
            assert (
                type(read)(value) == read
                if not isinstance(read, bool)
                else read is (value == "true")
            ), f"{where}: {variable}"


def _setting(settings: Any, variable: str) -> Any:
    for part in variable.lower().split("__"):
        settings = getattr(settings, part)
    return settings


def test_the_schema_offers_every_setting_that_is_no_secret_and_not_the_charts_own() -> None:
    offered = json.loads(SCHEMA.read_text("utf-8"))["$defs"]["settings"]["properties"]
    every = {variable for variable, _, _ in names_and_models()}
    assert offered.keys() == every - secret_names() - BY_THE_CHART
    assert {"KAFKA__PASSWORD", "PII_KEY", "S3__SECRET_ACCESS_KEY"} <= secret_names()


def test_the_schema_is_strict_about_every_object() -> None:
    loose = [where for where, part in _parts(json.loads(SCHEMA.read_text("utf-8")), "$")
             if part.get("type") == "object" and "additionalProperties" not in part]  # fmt: skip
    assert loose == []


def _parts(schema: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        yield where, schema
        for name, inner in schema.items():
            yield from _parts(inner, f"{where}.{name}")
    elif isinstance(schema, list):
        for index, inner in enumerate(schema):
            yield from _parts(inner, f"{where}[{index}]")


def test_a_value_that_the_settings_refuse_is_refused_by_the_test_above_too() -> None:
    with pytest.raises(ValidationError):
        settings_of({"KAFKA__SECURITY_PROTOCOL": "TLS"})
