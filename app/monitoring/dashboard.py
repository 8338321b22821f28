"""The metrics as a dashboard of Grafana: what matters at a glance, then a panel for each metric."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from app.metrics import ALL
from app.monitoring.declare import Declared

RATE = "$__rate_interval"
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH, HEIGHT, COLUMNS = 8, 7, 24
UNITS = {"seconds": "s", "bytes": "bytes", "yes or no": "bool"}
OF_TYPE = '{event=~"$event"}'


class Panel(NamedTuple):
    """`queries` are pairs of PromQL and how Grafana shall name the lines."""

    title: str
    about: str
    unit: str
    queries: tuple[tuple[str, str], ...]


AT_A_GLANCE = (
    Panel(
        "Who is behind, and why",
        "Types behind the objective of their topic file; nothing, when all is well.",
        "none",
        ((f"max by (event, why) (forebay_scheduler_behind{OF_TYPE})", "{{event}}: {{why}}"),),
    ),
    Panel(
        "Age of the oldest event that is not in the table",
        "By type: end to end, from the sender's request to the warehouse.",
        "s",
        ((f"max by (event) (forebay_scheduler_behind_seconds{OF_TYPE})", "{{event}}"),),
    ),
    Panel(
        "Lag",
        "What Kafka has and no seal covers, by type.",
        "none",
        (
            (
                f"sum by (event) (max by (event, partition) "
                f"(forebay_scheduler_lag_offsets{OF_TYPE}))",
                "{{event}}",
            ),
        ),
    ),
    Panel(
        "Events a second: in, staged, duplicates, dead letters",
        "In: accepted over HTTP; who produces straight to Kafka is seen by the worker only.",
        "none",
        (
            (
                f'sum(rate(forebay_gateway_events_total{{event=~"$event",verdict="accepted"}}'
                f"[{RATE}]))",
                "accepted by the gateway",
            ),
            (
                f'sum by (verdict) (rate(forebay_worker_events_total{{event=~"$event"}}[{RATE}]))',
                "{{verdict}}",
            ),
        ),
    ),
    Panel(
        "Refused requests",
        "The share that is answered 429 or 503.",
        "percentunit",
        (
            (
                f'sum(rate(forebay_gateway_requests_total{{status=~"429|503"}}[{RATE}])) / '
                f"sum(rate(forebay_gateway_requests_total[{RATE}]))",
                "refused",
            ),
        ),
    ),
    Panel(
        "Residual of the ledger",
        "0, or something is wrong: then run forebay audit.",
        "none",
        ((f"max by (event) (abs(forebay_scheduler_residual_records{OF_TYPE}))", "{{event}}"),),
    ),
)


def dashboard_text() -> str:
    """Return the dashboard in Grafana's JSON, to be imported or provisioned."""
    rows: list[tuple[str, tuple[Panel, ...]]] = [("At a glance", AT_A_GLANCE)]
    for role in dict.fromkeys(metric.role for metric in ALL.values()):
        its = tuple(_panel(metric) for metric in ALL.values() if metric.role == role)
        rows.append((role.capitalize(), its))
    board = {
        "uid": "forebay",
        "title": "Forebay",
        "tags": ["forebay"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": list(_laid_out(rows)),
    }
    return orjson.dumps(board, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _panel(metric: Declared) -> Panel:
    unit = UNITS.get(metric.unit, "none")
    return Panel(metric.name, metric.about, unit, tuple(_queries(metric)))


def _queries(metric: Declared) -> Iterator[tuple[str, str]]:
    chosen = OF_TYPE if "event" in metric.labels else ""
    by = ", ".join(metric.labels) or "instance"
    legend = " ".join(f"{{{{{label}}}}}" for label in metric.labels) or "{{instance}}"
    match metric.kind:
        case "counter":
            yield f"sum by ({by}) (rate({metric.name}{chosen}[{RATE}]))", legend
        case "gauge":
            yield f"max by ({by}) ({metric.name}{chosen})", legend
        case "histogram":
            for share in ("0.5", "0.99"):
                inner = f"sum by (le) (rate({metric.name}_bucket[{RATE}]))"
                yield f"histogram_quantile({share}, {inner})", f"quantile {share}"


def _variables() -> list[dict[str, Any]]:
    return [
        {"name": "datasource", "type": "datasource", "query": "prometheus"},
        {
            "name": "event",
            "label": "event type",
            "type": "query",
            "datasource": DATASOURCE,
            "query": "label_values(forebay_worker_events_total, event)",
            "refresh": 2,
            "includeAll": True,
            "allValue": ".*",
            "multi": True,
            "current": {"text": "All", "value": "$__all"},
        },
    ]


def _laid_out(rows: list[tuple[str, tuple[Panel, ...]]]) -> Iterator[dict[str, Any]]:
    number = y = 0
    for title, panels in rows:
        number += 1
        place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        yield {"id": number, "type": "row", "title": title, "gridPos": place, "panels": []}
        y += 1
        for index, panel in enumerate(panels):
            number += 1
            x = index * WIDTH % COLUMNS
            yield _drawn(number, panel, {"x": x, "y": y, "w": WIDTH, "h": HEIGHT})
            if x + WIDTH == COLUMNS or index == len(panels) - 1:
                y += HEIGHT


def _drawn(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": DATASOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": DATASOURCE, "expr": expr,
             "legendFormat": legend}
            for index, (expr, legend) in enumerate(panel.queries)
        ],
    }  # fmt: skip
