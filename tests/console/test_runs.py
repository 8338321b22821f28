"""Runs of loads: the history of jobs and the ledger's loads tell one story."""

from datetime import UTC, date, datetime, timedelta

import pytest

from app.console.data import SLOTS, History
from app.console.runs import Run, behind_seconds, runs_of
from app.core.job_run import JobOutcome, JobRun
from app.ledger.sums import LoadRun

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
DAY = date(2026, 3, 3)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def job_run(id: str, outcome: JobOutcome = JobOutcome.DONE, after: float = 0) -> JobRun:
    at = NOON + minutes(after)
    did = {"days": 2, "rows": 90, "collapsed": 10} if outcome is JobOutcome.DONE else {}
    return JobRun(id, "load", "sale", at, at + minutes(1), outcome, 1, "one", did, "", "because")


def load_run(id: str, days: int = 1) -> LoadRun:
    last = DAY + timedelta(days=days - 1)
    return LoadRun("sale", "RAW.SALE", id, DAY, last, days, 50, 45, NOON + minutes(5))


def test_a_run_of_both_is_told_once_with_the_days_that_still_stand() -> None:
    (run,) = runs_of([load_run("a", 7)], [job_run("a")])
    assert (run.id, run.days, run.rows, run.collapsed) == (
        "a",
        "2026-03-03 – 03-09, 7 days",
        90,
        10,
    )
    assert run.took == minutes(1)


def test_a_run_of_one_of_them_is_told_as_far_as_it_is_known() -> None:
    newest, replaced = runs_of([load_run("by hand")], [job_run("replaced")])
    assert (newest.id, newest.days, newest.rows, newest.collapsed) == (
        "by hand",
        "2026-03-03",
        45,
        5,
    )
    assert newest.took is None
    assert (replaced.id, replaced.days) == ("replaced", "2 days")


def test_a_failure_says_why_and_a_run_that_another_instance_did_is_left_out() -> None:
    (failed,) = runs_of(
        [], [job_run("bad", JobOutcome.FAILED), job_run("other", JobOutcome.SKIPPED)]
    )
    assert (failed.failed, failed.why, failed.days, failed.rows) == (True, "because", "", 0)


def run(began: float, ended: float, *, failed: bool = False) -> Run:
    return Run("", "sale", NOON + minutes(began), NOON + minutes(ended), failed)


@pytest.mark.parametrize("order", [1, -1])
def test_what_a_load_has_not_seen_is_behind_until_the_next_one_commits(order: int) -> None:
    history = History(NOON, seals=[1] * SLOTS)
    runs = [run(-20, -19), run(10, 12), run(35, 37), run(50, 55, failed=True)]
    behind = behind_seconds(runs[::order], history, NOON + minutes(100))
    # The second waits for the third; what came after that waits still, as the fourth has failed.
    assert behind[:4] == [32 * 60, 27 * 60, 55 * 60, 65 * 60]
    assert behind[4:] == [None] * (SLOTS - 4)


def test_nothing_is_behind_while_nothing_is_sealed_or_no_load_is_known() -> None:
    quiet = History(NOON)
    behind = behind_seconds([run(-20, -19)], quiet, NOON + minutes(60))
    assert behind[:3] == [0, 0, None]
    busy = History(NOON, seals=[1] * SLOTS)
    assert behind_seconds([], busy, NOON + minutes(60)) == [None] * SLOTS
