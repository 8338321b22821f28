"""Events of declared runs: each run has objects of its own, and its own memory of copies."""

from dataclasses import replace

from app.core.errors import Reason, Rejected
from app.core.headers import RUN
from app.core.seal import run_of_key, seal_of_key
from app.worker.records import Clock, Good, weigh
from tests.worker.kinds import event, kind
from tests.worker.test_agent import Lives, Sent, lives
from tests.worker.test_rows import FIRST, lines

__all__ = ["lives"]

ONE, TWO = (f"2026-03-01.01JNJ8QC3W5V8K4Y0J6M2T9R1{n}" for n in "AB")
WITH_RUNS = replace(kind("revenue"), runs=True)


def sent(offset: int, run: str | None, number: int = 1, day: int = 1) -> Sent:
    headers = () if run is None else ((RUN, run.encode()),)
    return Sent(offset, event(number, day), headers=headers)


def weighed(of: Sent, runs: bool = True) -> object:
    known = replace(WITH_RUNS, runs=runs)
    return weigh(known, of, Clock().received(of).at)


def test_an_event_is_rejected_that_is_in_no_run_or_in_the_wrong_one() -> None:
    for of in (sent(1, None), sent(1, ""), sent(1, "nonsense"), sent(1, ONE, day=2)):
        verdict = weighed(of)
        assert isinstance(verdict, Rejected), of
        assert verdict.reason is Reason.RUN
    assert isinstance(weighed(sent(1, ONE)), Good)


def test_where_days_are_not_sent_in_runs_a_run_changes_nothing() -> None:
    verdict = weighed(sent(1, ONE), runs=False)
    assert isinstance(verdict, Good)
    assert verdict == weighed(sent(1, None), runs=False)
    assert b"_run" not in verdict.lines[0]


def test_the_same_event_in_another_run_is_another_one() -> None:
    first, again, other = (weighed(sent(1, run)) for run in (ONE, ONE, TWO))
    assert isinstance(first, Good)
    assert isinstance(other, Good)
    assert first == again
    assert first.key != other.key
    assert (first.run, other.run) == (ONE, TWO)


async def test_rows_of_two_runs_at_once_lie_in_objects_of_their_own_and_copies_count_once(
    lives: Lives,
) -> None:
    attempt = lives.attempt(WITH_RUNS)
    await attempt.reads(
        [
            sent(0, ONE), sent(1, TWO), sent(2, ONE), sent(3, TWO, 2), sent(4, ONE, 2),
            sent(5, None), sent(6, ONE, 3, day=2),
        ]
    )  # fmt: skip
    assert attempt.tally == (4, 1, 2)
    rows = {k: o for k, o in attempt.seal.objects.items() if k[2]}
    assert {(run, opened.rows) for (_, _, run), opened in rows.items()} == {(ONE, 2), (TWO, 2)}
    for (_, day, run), opened in rows.items():
        assert (day, run_of_key(opened.key), seal_of_key(opened.key)) == (
            FIRST,
            run,
            attempt.seal.id,
        )
    attempt.seal.objects = {k: o for k, o in attempt.seal.objects.items() if k[2]}
    found = await lines(attempt)
    assert {(row["_run"], row["_offset"], row["id"]) for row in found} == {
        (ONE, 0, "e1"), (TWO, 1, "e1"), (TWO, 3, "e2"), (ONE, 4, "e2"),
    }  # fmt: skip


async def test_what_was_read_again_after_a_crash_is_no_copy(lives: Lives) -> None:
    records = [sent(0, ONE), sent(1, TWO), sent(2, ONE)]
    await lives.attempt(WITH_RUNS).reads(records)
    again = lives.attempt(WITH_RUNS)
    await again.reads(records)
    assert again.tally == (2, 1, 0)
