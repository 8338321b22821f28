"""`forebay` itself: what it says of its commands, and how little it needs for that."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer

from app.cli import COMMANDS

TOPICS = Path(__file__).parents[2] / "topics"


def forebay(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | variables,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_of_each_command_what_the_command_says_itself(name: str) -> None:
    entry = COMMANDS[name]
    command = getattr(import_module(entry.module), entry.name)
    said = command.info.help if isinstance(command, typer.Typer) else command.__doc__
    assert said.splitlines()[0] == entry.about


def test_help_lists_each_command() -> None:
    said = forebay("--help").stdout
    for name in COMMANDS:
        assert f" {name} " in said


def test_a_mistyped_command_is_told_the_right_one() -> None:
    done = forebay("adit")
    assert done.returncode == 2
    assert "audit" in done.stderr


@pytest.mark.parametrize("words", [["--help"], ["topics", "--help"], ["adit"]])
def test_help_imports_no_client_of_any_server(words: list[str]) -> None:
    """It should be there at once."""
    code = f"import sys; sys.argv = ['forebay', *{words}]; import app.cli as cli\n"
    code += "try:\n    cli.main()\nexcept SystemExit:\n    print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    heavy = {"aiohttp", "aiokafka", "faust", "redis", "aioboto3", "boto3", "motor", "duckdb"}
    assert loaded & heavy == set()


@pytest.mark.parametrize("words", [["days"], ["load"], ["ledger", "show"]])
def test_a_mistyped_event_type_is_told_the_right_one(words: list[str], tmp_path: Path) -> None:
    done = forebay(*words, "--type", "order_placd", **empty(tmp_path))
    assert done.returncode == 2
    said = "forebay: no topic file for order_placd (did you mean order_placed?)\n"
    assert done.stderr == said


def empty(folder: Path) -> dict[str, str]:
    """Where the ledger and the warehouse are: there is nothing in them yet."""
    return {
        "TOPICS_DIR": str(TOPICS),
        "LEDGER__URL": f"sqlite:///{folder}/ledger.db",
        "DUCKDB__PATH": f"{folder}/warehouse.duckdb",
    }


def test_a_folder_where_no_stack_runs_is_not_taken_for_the_usual_one(tmp_path: Path) -> None:
    done = forebay("days", "--data-dir", str(tmp_path))
    assert done.returncode == 2
    assert f"No local stack runs in {tmp_path}" in done.stderr
    assert f"forebay up --data-dir {tmp_path}" in done.stderr


def test_a_folder_where_no_stack_runs_does_no_harm_where_the_ledger_is_named(
    tmp_path: Path,
) -> None:
    done = forebay("days", "--json", "--data-dir", str(tmp_path), **empty(tmp_path))
    assert (done.returncode, done.stdout) == (0, "[]\n")
