"""The chart, made with the value sets of `cases/`."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from .binary import helm
from .settings_schema import CHART

HERE = Path(__file__).parent
CASES = sorted(path.stem for path in (HERE / "cases").glob("*.yaml"))
Object = Mapping[str, Any]


def template(*words: str, case: str = "smallest") -> str:
    """What helm makes of a case; `words` are further options. Raises `Refused` if it does not."""
    done = helm(
        "template", "events", str(CHART), "--namespace", "data", "--values",
        str(HERE / "cases" / f"{case}.yaml"), *words,
    )  # fmt: skip
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


class Refused(Exception):
    """What helm says against some values."""


def objects(text: str) -> list[Object]:
    return [found for found in yaml.safe_load_all(text) if found]


@cache
def rendered(case: str) -> list[Object]:
    """All objects of a case."""
    return objects(template(case=case))


def of_kind(found: list[Object], kind: str) -> list[Object]:
    return [one for one in found if one["kind"] == kind]


def only(found: list[Object], kind: str, name: str) -> Object:
    """The one of that kind whose name ends so."""
    (one,) = [one for one in of_kind(found, kind) if one["metadata"]["name"].endswith(name)]
    return one


def pods(found: list[Object]) -> Iterator[tuple[str, Object]]:
    """The pods that would run: what makes them, and their spec."""
    for one in found:
        if one["kind"] in {"Deployment", "StatefulSet", "Job"}:
            yield f"{one['kind']} {one['metadata']['name']}", one["spec"]["template"]["spec"]


def environment(pod: Object) -> dict[str, str]:
    (container,) = pod["containers"]
    named = [one["name"] for one in container["env"]]
    assert len(named) == len(set(named))
    return {
        one["name"]: one["value"] if "value" in one else from_pod(one) for one in container["env"]
    }


def from_pod(variable: Object) -> str:
    """Which of its pod's fields it is."""
    (field,) = variable["valueFrom"].values()
    return str(field["fieldPath"])
