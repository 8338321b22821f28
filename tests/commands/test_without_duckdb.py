"""DuckDB is an extra: without it all else works, and what would need it says so."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.assemble import NO_DUCKDB
from tests.commands.test_cli import empty

WITHOUT = "import sys\nsys.modules['duckdb'] = None\n"
EVERYTHING = f"""{WITHOUT}
import pkgutil
from importlib import import_module
import app, sinks
for package in (app, sinks):
    for found in pkgutil.walk_packages(package.__path__, f"{{package.__name__}}."):
        if not found.name.startswith("sinks.duckdb."):
            import_module(found.name)
            print(found.name)
"""
COMMAND = f"{WITHOUT}from app.cli import main\nmain()"


def python(code: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "PII_KEY": "a key of the tests, long enough for all hashes"} | variables,
    )


def test_nothing_but_its_own_sink_imports_it() -> None:
    done = python(EVERYTHING)
    assert done.returncode == 0, done.stderr
    assert {"app.roles", "app.demo.run", "sinks.snowflake.warehouse"} <= set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "variables", "code"),
    [
        (["run"], {"ROLE": "scheduler"}, 1),
        (["run"], {"ROLE": "gateway", "GATEWAY__RECEIPTS": "true", "GATEWAY__PORT": "0"}, 1),
        (["load"], {}, 2),
        (["audit"], {}, 2),
    ],
)
def test_what_needs_it_ends_with_one_sentence_that_says_what_to_do(
    words: list[str], variables: dict[str, str], code: int, tmp_path: Path
) -> None:
    done = python(COMMAND, *words, WAREHOUSE="duckdb", **empty(tmp_path), **variables)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert said.count(NO_DUCKDB) == 1
    assert "Traceback" not in said
