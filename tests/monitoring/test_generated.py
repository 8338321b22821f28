"""The page, the rules and the dashboard: made from what is declared, and of nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from app.cli import command_line
from app.commands import metrics as command
from app.core.errors import Fatal
from app.metrics import ALL
from app.monitoring.alerts import ALERTS, Alert
from app.monitoring.dashboard import dashboard_text
from app.monitoring.page import page_text
from app.monitoring.rules import rules_text
from tests.monitoring.promql import asked

BOARD = json.loads(dashboard_text())
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
PARTS = ("_bucket", "_sum", "_count")
ADDED = {"le", "instance"}
"""Labels that Prometheus and its histograms bring along."""


def declared(name: str) -> Any:
    for part in PARTS:
        whole = ALL.get(name.removesuffix(part))
        if name.endswith(part) and whole is not None:
            assert whole.kind == "histogram", name
            return whole
    return ALL[name]


def check(text: str) -> frozenset[str]:
    """Every metric, label and value in it is declared; returns the labels grouped by."""
    found = asked(text.replace("$__rate_interval", "5m").replace("$event", ".*"))
    labels = set(ADDED)
    assert found.metrics
    for name, matchers in found.metrics:
        metric = declared(name)
        labels |= metric.labels.keys()
        for label, _, value in matchers:
            bound = metric.labels[label]
            if bound.values:
                assert set(value.split("|")) <= set(bound.values), (name, label, value)
    assert found.grouped_by <= labels
    return found.grouped_by


@pytest.mark.parametrize("alert", ALERTS, ids=[alert.name for alert in ALERTS])
def test_an_alert_asks_for_what_is_declared_and_names_labels_that_it_has(alert: Alert) -> None:
    grouped = check(alert.expr)
    used = set(re.findall(r"\$labels\.(\w+)", alert.summary + alert.look))
    if not grouped and used:  # not aggregated: it has the metric's own
        ((name, _), *_) = asked(alert.expr).metrics
        grouped = frozenset(declared(name).labels)
    assert used <= grouped
    assert alert.look


@pytest.mark.parametrize("query", QUERIES)
def test_a_panel_asks_for_what_is_declared(query: str) -> None:
    check(query)


@pytest.mark.parametrize(
    "wrong",
    [
        "max(forebay_worker_pausd) == 1",
        "forebay_paused{type='x'}",
        "forebay_scheduler_loads_total{outcome='fails'}",
        "sum by (topic) (forebay_paused)",
        "forebay_paused_bucket",
        "max by (forebay_paused) == ",
    ],
)
def test_what_is_not_declared_is_found_out(wrong: str) -> None:
    with pytest.raises((AssertionError, KeyError, ValueError)):
        check(wrong)


def test_the_rule_file_is_one_that_prometheus_takes() -> None:
    file = yaml.safe_load(rules_text())
    (group,) = file["groups"]
    assert set(file) == {"groups"}
    assert set(group) == {"name", "rules"}
    assert [rule["alert"] for rule in group["rules"]] == [alert.name for alert in ALERTS]
    assert len({alert.name for alert in ALERTS}) == len(ALERTS)
    for rule in group["rules"]:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"[A-Z]\w+", rule["alert"])
        assert re.fullmatch(r"\d+[smhd]", rule["for"])
        assert set(rule["labels"]) == {"severity"}
        assert rule["labels"]["severity"] in ("page", "ticket")
        asked(rule["expr"])


def test_each_metric_has_a_panel_and_a_line_on_the_page() -> None:
    titles = [panel["title"] for panel in PANELS]
    page = page_text()
    for name, metric in ALL.items():
        assert titles.count(name) == 1
        assert f"| `{name}` |" in page
        assert metric.about in page
    for alert in ALERTS:
        assert f"| {alert.name} |" in page


def test_panels_have_ids_of_their_own_and_do_not_lie_on_each_other() -> None:
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("what", ["page", "rules", "dashboard"])
def test_a_generated_file_that_is_out_of_date_is_named(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "HOUSE", tmp_path)

    def run(*words: str) -> Any:
        return CliRunner().invoke(command_line("metrics"), ["metrics", what, *words])

    assert isinstance(run("--check").exception, Fatal)
    assert run("--write").exit_code == 0
    assert run("--check").exit_code == 0
    (written,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert run().stdout == written.read_text()
    written.write_text(written.read_text().replace("forebay", "foreby", 1))
    said = run("--check").exception
    assert isinstance(said, Fatal)
    assert f"forebay metrics {what} --write" in str(said)
