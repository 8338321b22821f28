"""Make what is made from the chart and from the settings: `make golden`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .rendering import HERE, Object, rendered
from .settings_schema import SCHEMA, renewed

GOLDEN = ("external", "smallest", "whole")
"""The cases of which everything is kept, to be read in a review."""


def made() -> Mapping[Path, str]:
    """Every such file, as it should be."""
    schema = renewed(SCHEMA.read_text("utf-8"))
    return {SCHEMA: schema} | {HERE / "golden" / f"{case}.yaml": golden(case) for case in GOLDEN}


def golden(case: str) -> str:
    """A case, sorted, without what `forebay metrics` makes, which has tests of its own."""
    found = sorted(map(_without_files, rendered(case)), key=_place)
    text: str = yaml.safe_dump_all(found, sort_keys=False, width=200)
    return text


def _place(one: Object) -> tuple[str, str]:
    return one["kind"], one["metadata"]["name"]


def _without_files(one: Object) -> dict[str, Any]:
    if one["kind"] == "PrometheusRule":
        return {**one, "spec": "files/alerts.yaml"}
    if one["metadata"]["name"].endswith("-dashboards"):
        return {**one, "data": {name: f"files/{name}" for name in one["data"]}}
    return dict(one)


def main() -> None:
    schema = renewed(SCHEMA.read_text("utf-8"))
    if "--check-settings" in sys.argv:
        if SCHEMA.read_text("utf-8") != schema:
            sys.exit(f"{SCHEMA.name} does not know the settings of now; run: make golden")
        return
    SCHEMA.write_text(schema, "utf-8")  # first: what helm makes depends on it
    for path, text in made().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
