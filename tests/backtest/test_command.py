"""`forebay topics backtest`, as the data team uses it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.commands.topics import topics

from .parcels import folders, parcel


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "samples.ndjson"
    path.write_bytes(b"\n".join(parcel(n, weight_grams=n * 100) for n in range(1, 11)))
    return path


def run(*arguments: str, now: Path) -> Result:
    return CliRunner().invoke(topics, ["backtest", *arguments], env={"TOPICS_DIR": str(now)})


def test_it_shows_what_would_differ_and_ends_with_1(tmp_path: Path, file: Path) -> None:
    now, then = folders(tmp_path, ("maximum: 100000", "maximum: 500"))
    done = run(str(then), "--file", str(file), "--event", "parcel_scanned", now=now)
    assert done.exit_code == 1
    for part in (
        "accepted: 10 → 5",
        "rejected: schema weight_grams: 0 → 5",
        "samples.ndjson:6",
        "rejected: schema weight_grams: weight_grams must be 500 or less",
    ):
        assert part in done.output


def test_a_machine_is_told_why_an_event_would_be_rejected(tmp_path: Path, file: Path) -> None:
    now, then = folders(tmp_path, ("maximum: 100000", "maximum: 500"))
    done = run(str(then), "--file", str(file), "--event", "parcel_scanned", "--json", now=now)
    [one] = json.loads(done.output)
    assert one["samples"][0]["then"]["why"] == "weight_grams must be 500 or less"
    assert "why" not in one["samples"][0]["now"]


def test_it_ends_with_0_when_nothing_differs(tmp_path: Path, file: Path) -> None:
    now, then = folders(tmp_path)
    done = run(str(then), "--file", str(file), "--event", "parcel_scanned", "--json", now=now)
    assert done.exit_code == 0
    (one,) = json.loads(done.output)
    assert one["now"] == one["then"] == {"accepted": 10}
    assert one["turns"] == []


def test_it_refuses_an_event_that_neither_folder_has(tmp_path: Path, file: Path) -> None:
    now, then = folders(tmp_path)
    done = run(str(then), "--file", str(file), "--event", "parcel_lost", now=now)
    assert "no topic file for parcel_lost" in str(done.exception)


def test_it_says_what_a_span_looks_like(tmp_path: Path) -> None:
    now, then = folders(tmp_path)
    done = run(str(then), "--since", "yesterday", now=now)
    assert done.exit_code == 2
    assert "write 90m, 24h or 7d" in done.output
