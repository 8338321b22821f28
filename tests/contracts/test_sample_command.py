"""`forebay topics sample`, as the data team uses it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.commands.topics import topics
from app.core.errors import Fatal

from .topic_files import PARCEL, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "topics", {"parcel_scanned.yaml": PARCEL})


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(topics, ["sample", *arguments], env={"TOPICS_DIR": str(folder)})


def test_events_are_printed_one_a_line(folder: Path) -> None:
    lines = run(folder, "--event", "parcel_scanned", "-n", "5").output.splitlines()
    assert len(lines) == 5
    assert all("scan_id" in json.loads(line) for line in lines)


def test_the_same_seed_and_day_give_the_same_bytes(folder: Path) -> None:
    arguments = ("--event", "parcel_scanned", "-n", "9", "--day", "2026-03-01")
    one, again = (run(folder, *arguments, "--seed", "7").stdout_bytes for _ in range(2))
    assert one == again
    assert one != run(folder, *arguments, "--seed", "8").stdout_bytes
    assert {json.loads(line)["scanned_at"][:10] for line in one.splitlines()} == {"2026-03-01"}


def test_without_a_day_they_are_of_the_last_hour(folder: Path) -> None:
    before = datetime.now(UTC) - timedelta(hours=1, milliseconds=1)
    lines = run(folder, "--event", "parcel_scanned", "-n", "20").output.splitlines()
    moments = [datetime.fromisoformat(json.loads(line)["scanned_at"]) for line in lines]
    assert all(before <= moment <= datetime.now(UTC) for moment in moments)


def test_in_json_they_are_one_document(folder: Path) -> None:
    found = json.loads(run(folder, "--event", "parcel_scanned", "-n", "2", "--json").output)
    assert (found["event"], found["seed"], len(found["events"])) == ("parcel_scanned", 1, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--event", "parcel"], "no topic file for parcel (did you mean parcel_scanned?)"),
        (
            ["--event", "parcel_scanned", "--day", "1st of March"],
            "--day «1st of March»: write a day such as 2026-03-01",
        ),
    ],
)
def test_what_can_not_be_done_is_said(folder: Path, arguments: list[str], message: str) -> None:
    result = run(folder, *arguments)
    assert isinstance(result.exception, Fatal)
    assert str(result.exception) == message
