"""The declarations themselves: named as Prometheus wants it, bounded, used, and of one role."""

import ast
import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, generate_latest

from app import metrics
from app.contracts.openapi import NOT_ALLOWED
from app.core.errors import Reason
from app.metrics import ALL
from app.monitoring import bounds
from app.monitoring.declare import ROLES, Declared, OfRole
from app.settings import Role
from app.status.verdict import Freshness

APP = Path(__file__).parents[2] / "app"
BOUNDLESS = {"key", "request_id", "trace", "offset", "seal", "run", "object", "day", "path", "ip"}
OURS = [family for family in REGISTRY.collect() if family.name.startswith("forebay_")]


def test_no_metric_is_made_without_being_declared() -> None:
    declared = {name.removesuffix("_total") for name in ALL}
    assert {family.name for family in OURS} == declared
    for family in OURS:
        assert family.type == (ALL.get(family.name) or ALL[f"{family.name}_total"]).kind


@pytest.mark.parametrize("metric", ALL.values(), ids=list(ALL))
def test_a_metric_is_named_after_its_role_kind_and_unit_and_has_a_whole_sentence(
    metric: Declared,
) -> None:
    assert re.fullmatch(r"forebay(_[a-z]+)+", metric.name)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert metric.about.endswith((".", "…", "something is wrong."))
    for unit in ("seconds", "bytes", "offsets"):
        assert (metric.unit == unit) == (f"_{unit}" in metric.name)


def test_each_role_has_metrics_of_its_own() -> None:
    assert set(Role) == set(ROLES)
    assert {metric.role for metric in ALL.values()} >= set(ROLES)


@pytest.mark.parametrize("metric", ALL.values(), ids=list(ALL))
def test_no_label_holds_what_a_sender_or_time_makes_more_of(metric: Declared) -> None:
    assert not metric.labels.keys() & BOUNDLESS
    assert all(bound.about for bound in metric.labels.values())
    assert len(metric.labels) <= 3


def test_no_metric_is_declared_and_never_used() -> None:
    """That each is really moved is seen on running roles, in tests/whole."""
    tree = ast.parse((APP / "metrics.py").read_text())
    names = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and "forebay_" in ast.dump(node)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    assert len(names) > 20
    used: set[str] = set()
    for path in APP.rglob("*.py"):
        if path != APP / "metrics.py":
            for node in ast.walk(ast.parse(path.read_text())):
                used |= {node.id} if isinstance(node, ast.Name) else set()
                used |= {node.attr} if isinstance(node, ast.Attribute) else set()
    assert names - used == set()


def test_what_is_listed_of_a_label_is_all_there_can_be() -> None:
    behind = set(Freshness) - {Freshness.OK, Freshness.NO_OBJECTIVE}
    assert set(bounds.WHY.values) == behind
    answered = {"accepted", "filtered", "retry", NOT_ALLOWED, *Reason}
    assert set(bounds.ANSWERED.values) == answered
    assert set(bounds.JUDGED.values) == {"staged", "duplicate", "filtered", *Reason}


def test_a_role_shows_its_own_metrics_and_those_of_its_process() -> None:
    metrics.GATEWAY_IN_FLIGHT.set(1)
    shown = generate_latest(OfRole("worker")).decode()
    assert "forebay_worker_partitions" in shown
    assert "process_resident_memory_bytes" in shown
    assert "forebay_gateway" not in shown
    assert "forebay_scheduler" not in shown
