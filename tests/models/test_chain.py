"""Random histories of the chain and the seal: workers, zombies, crashes between any two steps."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from app.ledger.options import LedgerOptions
from tests.models import happenings as h
from tests.models.effort import try_machine
from tests.models.happenings import Happening
from tests.models.parcels import Copy
from tests.models.stage import SMOOTH, Pace
from tests.models.workers import workers


@pytest.mark.parametrize(("ledger", "examples"), [("sqlite", 60), ("mongo", 5)])
def test_whatever_workers_do_each_record_is_sealed_once_with_its_only_right_fate(
    request: pytest.FixtureRequest, ledger: str, examples: int, fast_dir: Path, tmp_path: Path
) -> None:
    options = request.getfixturevalue(f"{ledger}_options")
    with workers(options, fast_dir, tmp_path) as (machine, stage):
        try_machine(machine, examples, steps=50)
        happened = stage.happened
    assert happened["seal"] > examples
    for what in ("dies Fenced", "ledger.record LOST", "changelog.append LOST"):
        assert happened[what] or examples < 20


HISTORIES: Mapping[str, Sequence[Happening]] = {
    "a copy of what retention took is no duplicate": [
        h.Produced((("first", 0, Copy(0)), ("first", 0, Copy(1)))),
        h.ReadsAllAndSeals(0, 1, Pace(before="ledger.record")),
        h.Killed(0, disk_lost=False, again=False),
        h.Retention("first", 0, before=1),
        h.Produced((("first", 0, Copy(0)),)),
        h.TakenOver(),
    ],
    "a table that another worker wrote into recovers what it missed": [
        h.Joins("ben", frozenset({0}), True, SMOOTH),
        h.Produced((("first", 0, Copy(0)), ("last", 0, Copy(1)))),
        h.Reads(1, "last", 0, 1, hold=False),
        h.Seals(1, SMOOTH),
        h.Reads(0, "first", 0, 1, hold=False),
        h.Seals(0, SMOOTH),
        h.Killed(0, disk_lost=False, again=True),
        h.SentAgain("last"),
        h.ReadsAllAndSeals(1, 4, SMOOTH),
        h.ReadsAllAndSeals(0, 4, SMOOTH),
    ],
}
"""Short ones that long tries have found, or that are too rare to be found in each run."""


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES.keys())
def test_known_histories_come_to_the_right_end(
    history: Sequence[Happening], sqlite_options: LedgerOptions, fast_dir: Path, tmp_path: Path
) -> None:
    with workers(sqlite_options, fast_dir, tmp_path) as (machine, _):
        told = machine()
        told.begin()
        try:
            for what in history:
                told.happens(what)
                told.nobody_dies_of_what_may_not_happen()
                told.the_ledger_is_the_models()
        finally:
            told.teardown()
