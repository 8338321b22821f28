"""The metrics and alerts as a page in Markdown."""

from collections.abc import Iterator

from app.metrics import ALL
from app.monitoring.alerts import ALERTS
from app.monitoring.declare import Declared

HEAD = """\
# Metrics

Made by `forebay metrics page --write` from `app/metrics.py` and
`app/monitoring/alerts.py`: change those. Each role serves its own at `/metrics`, beside those of
its process (`process_resident_memory_bytes`, `process_cpu_seconds_total`, …).

From the same declarations come `helm/files/alerts.yaml`, for Prometheus's `rule_files`, and
`helm/files/dashboard.json`, for Grafana; the chart installs both.
"""


def page_text() -> str:
    """Return METRICS.md."""
    return "\n".join([HEAD, *_metrics(), *_bounds(), *_alerts()])


def _metrics() -> Iterator[str]:
    for role in dict.fromkeys(declared.role for declared in ALL.values()):
        yield f"## {role.capitalize()}\n"
        yield "| metric | kind | unit | labels | what |\n|---|---|---|---|---|"
        for declared in ALL.values():
            if declared.role == role:
                yield _row(declared)
        yield ""


def _row(metric: Declared) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {metric.unit} | {labels} | {metric.about} |"


def _bounds() -> Iterator[str]:
    yield "## What bounds the labels\n"
    yield "| label | values | of |\n|---|---|---|"
    users: dict[tuple[str, str], list[str]] = {}
    for metric in ALL.values():
        for label, bound in metric.labels.items():
            values = ", ".join(f"`{value}`" for value in bound.values if len(bound.values) < 20)
            told = f"{bound.about}: {values}" if values else bound.about
            users.setdefault((label, told), []).append(f"`{metric.name}`")
    for (label, told), names in users.items():
        yield f"| `{label}` | {told} | {', '.join(names)} |"
    yield ""


def _alerts() -> Iterator[str]:
    yield "## Alerts\n"
    yield "| alert | severity | when, for how long | what it means | look at |"
    yield "|---|---|---|---|---|"
    for alert in ALERTS:
        summary, look = (
            text.replace("{{ $labels.event }}", "*event*").replace("{{ $labels.why }}", "*why*")
            for text in (alert.summary, alert.look)
        )
        expr = alert.expr.replace("|", "\\|")
        yield (
            f"| {alert.name} | {alert.severity} | `{expr}`, {alert.lasts} | {summary} | {look} |"
        )
    yield ""
