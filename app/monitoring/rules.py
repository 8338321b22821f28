"""The alerts as a rule file of Prometheus."""

from typing import Any

import yaml

from app.monitoring.alerts import ALERTS

HEAD = """\
# Made by `forebay metrics rules --write` from app/monitoring/alerts.py. For Prometheus's
# rule_files, and for the chart.
"""


def rules_text() -> str:
    """Return the file; `promtool check rules` takes it."""
    rules: list[dict[str, Any]] = [
        {
            "alert": alert.name,
            "expr": alert.expr,
            "for": alert.lasts,
            "labels": {"severity": alert.severity},
            "annotations": {"summary": alert.summary, "look": alert.look},
        }
        for alert in ALERTS
    ]
    file = {"groups": [{"name": "forebay", "rules": rules}]}
    return HEAD + yaml.safe_dump(file, sort_keys=False, allow_unicode=True, width=100)
