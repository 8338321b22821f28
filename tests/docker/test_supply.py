"""What the image is made of, and what makes and signs it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from .licences import EXTRA, HOUSE, licences, listed, refused, runtime

WORKFLOWS = HOUSE / ".github/workflows"


def test_the_licences_are_listed_and_none_takes_our_own_away() -> None:
    found, kept = licences(), listed()
    assert {name: kept.get(name) for name in found} == dict(found), "run: make licences"
    assert kept.keys() <= runtime(EXTRA), "run: make licences"
    assert runtime(EXTRA) - runtime() == {EXTRA}
    assert len(found) > 80
    assert {name: one for name, one in found.items() if refused(one)} == {}


@pytest.mark.parametrize(("licence", "is_refused"), [
    ("MIT", False), ("Apache Software License; MIT License", False), ("GPL-3.0-or-later", True),
    ("GNU Lesser General Public License v3 (LGPLv3)", True), ("LGPL-2.1 OR MIT", False),
    ("AGPL-3.0-only", True), ("MPL-2.0 AND (Apache-2.0 OR MIT)", False), ("UNKNOWN", True),
    ("Business Source License 1.1", True), ("MIT AND GPL-2.0", True),
])  # fmt: skip
def test_a_licence_is_taken_if_there_is_a_permissive_way_to_take_it(
    licence: str, is_refused: bool
) -> None:
    assert refused(licence) is is_refused


def workflow(name: str) -> Any:
    return yaml.safe_load((WORKFLOWS / name).read_text("utf-8").replace("\non:", '\n"on":'))


def steps(name: str) -> list[Any]:
    return [step for job in workflow(name)["jobs"].values() for step in job.get("steps", ())]


def test_the_workflow_s_gate_is_the_same_script_as_everywhere() -> None:
    gate = workflow("ci.yaml")["jobs"]["gate"]
    assert gate["steps"][-1] == {"run": ".ci/run"}
    assert "pull_request" in workflow("ci.yaml")["on"]
    assert workflow("release.yaml")["jobs"]["gate"]["uses"] == "./.github/workflows/ci.yaml"


def test_a_release_waits_for_the_gate_and_its_digest_is_signed_with_what_is_in_it() -> None:
    jobs = workflow("release.yaml")["jobs"]
    assert jobs["image"]["needs"] == "gate"
    assert jobs["chart"]["needs"] == "image"
    assert jobs["image"]["strategy"]["matrix"]["target"] == ["forebay", "duckdb", "machine"]
    built = next(step["with"] for step in steps("release.yaml") if step.get("id") == "push")
    assert (built["provenance"], built["sbom"]) == ("mode=max", True)
    said = "\n".join(step.get("run", "") for step in steps("release.yaml"))
    assert 'cosign sign --yes "$IMAGE@$DIGEST"' in said
    assert "cosign attest" in said


@pytest.mark.parametrize("name", sorted(path.name for path in WORKFLOWS.glob("*.yaml")))
def test_a_workflow_may_do_little_and_names_versions(name: str) -> None:
    content = workflow(name)
    assert content["permissions"] == {"contents": "read"}
    for job in content["jobs"].values():
        assert "timeout-minutes" in job or "uses" in job
    for step in steps(name):
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"])
        if "run" in step:  # what comes from outside is never part of a script
            assert "${{" not in step["run"]


def test_what_a_workflow_calls_is_there() -> None:
    assert (HOUSE / ".ci/run").stat().st_mode & 0o111
    makefile = Path(HOUSE, "Makefile").read_text("utf-8")
    for step in steps("ci.yaml"):
        for target in re.findall(r"^make (\S+)", step.get("run", ""), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE)
