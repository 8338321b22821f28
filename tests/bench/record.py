"""What each bench found in its last run, kept beside the page that is made of it.

All benches take a while, so a run of one of them renews its own part only; each part says when it
was measured, on which commit, and how busy the machine was.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tests.bench.model import Line

RECORD = Path(__file__).with_name("results.json")


@dataclass(frozen=True, slots=True)
class Run:
    """The last run of one bench. `at` is a time in UTC, `load` the load averages of 1, 5 and 15
    minutes in the end."""

    at: str
    commit: str
    load: str
    lines: tuple[Line, ...]


def run_now(commit: str, lines: Iterable[Line]) -> Run:
    """A run that has just ended."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return Run(f"{datetime.now(UTC):%Y-%m-%d %H:%M}", commit, load, tuple(lines))


def read_record(path: Path = RECORD) -> dict[str, Run]:
    """The last run of each bench, by its name; empty when there is no record."""
    if not path.exists():
        return {}
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Run])


def write_record(runs: Mapping[str, Run], path: Path = RECORD) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(runs), indent=1) + b"\n")
