"""The licences of what the image has installed, into docker/LICENCES.md: `make licences`.

Without versions, so that the list changes when a package comes or goes, or changes its licence.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

HOUSE = Path(__file__).parents[2]
LIST = HOUSE / "docker/LICENCES.md"
HEAD = """\
# What the image has installed

Made by `make licences` from `uv.lock` and the packages' own metadata. MPL-2.0 asks for the source
of its own files alone, which is on every package index. The tests' and the local stack's packages
are not in the image.

| package | licence |
|---|---|
"""
EXTRA = "duckdb"
MORE = """
The targets `duckdb` and `machine` also have:

| package | licence |
|---|---|
"""
PERMISSIVE = re.compile(
    r"\b(MIT|MIT-0|Apache|BSD|ISC|PSF|Python Software Foundation|Unlicense|Public Domain"
    r"|Repoze Public|MPL|Mozilla Public)\b"
)
COPYLEFT = re.compile(r"GPL|GNU|SSPL|Server Side|EUPL|CC-BY-SA|Commons Clause|BUSL|Business Source")


def uv() -> str:
    """uv, as the Makefile finds it."""
    found = shutil.which("uv", path=f"{os.environ['PATH']}:{HOUSE / '.uv/bin'}")
    assert found is not None, "no uv: make setup"
    return found


def runtime(*extras: str) -> set[str]:
    """The locked packages without groups and other extras, for any Python and system."""
    words = "export --frozen --no-dev --no-hashes --no-emit-project --no-annotate --no-header -q"
    chosen = [f"--extra={name}" for name in extras]
    done = subprocess.run(
        [uv(), *words.split(), *chosen], cwd=HOUSE, capture_output=True, text=True, check=True
    )
    return {_plain(re.split(r"[ ;=]", line)[0]) for line in done.stdout.splitlines()}


def licences() -> Mapping[str, str]:
    """By name, of the locked packages that are installed here: not those of another system."""
    done = subprocess.run(
        [sys.executable, "-m", "piplicenses", "--from=mixed", "--format=json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    every = {_plain(one["Name"]): one["License"] for one in json.loads(done.stdout)}
    return {name: every[name] for name in sorted(runtime(EXTRA) & every.keys())}


def refused(licence: str) -> bool:
    """Whether there is no permissive way to take it, or nobody here knows it."""
    ways = re.split(r"\bOR\b|(?<=\)) or ", licence)
    return not any(PERMISSIVE.search(way) and not COPYLEFT.search(way) for way in ways)


def page(found: Mapping[str, str]) -> str:
    default = runtime()
    rows = {name: f"| {name} | {licence} |\n" for name, licence in found.items()}
    always = [row for name, row in rows.items() if name in default]
    more = [row for name, row in rows.items() if name not in default]
    return "".join([HEAD, *always, MORE, *more])


def listed() -> Mapping[str, str]:
    """What the page says."""
    rows = re.findall(r"^\| ([a-z0-9.-]+) \| (.+) \|$", LIST.read_text("utf-8"), re.MULTILINE)
    return {name: licence for name, licence in rows if name != "package"}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.partition("[")[0]).lower()


if __name__ == "__main__":
    LIST.write_text(page(licences()), "utf-8")
