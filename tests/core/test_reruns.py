"""Which run of a day is shown, and what is told of the others."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from app.core.errors import Reason
from app.core.reruns import (
    Counted,
    DeclaredRun,
    choose,
    day_of_run,
    is_shown,
    judged,
    run_in,
    states,
    unfit_run,
)
from app.core.seal import ObjectKind, StoredObject, object_key, run_of_key, seal_of_key

DAY = date(2026, 3, 1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
S0, S1, S2 = (f"01JNJ8QC3W5V8K4Y0J6M2T9S{n:02}" for n in range(3))
ONE, TWO, THREE = (f"2026-03-01.01JNJ8QC3W5V8K4Y0J6M2T9R1{n}" for n in "ABC")


def run(id: str, expected: int | None = None, *seals: str) -> DeclaredRun:
    """Closed, if rows are expected of it; complete, if it consists of seals."""
    closed_at = None if expected is None else NOON
    of = frozenset(seals) if seals else None
    return DeclaredRun(id, "revenue", NOON, expected, closed_at, seals=of)


def stored(run: str, rows: int, seal: str = S1) -> StoredObject:
    key = object_key(ObjectKind.ROWS, "revenue", 1, DAY, seal, run)
    return StoredObject(DAY, ObjectKind.ROWS, key, rows, 10, "sha", "etag")


def test_the_name_of_an_object_says_its_run_and_its_seal() -> None:
    for run, seal in ((ONE, S1), (TWO, S2), ("", S1)):
        key = stored(run, 1, seal).key
        assert (run_of_key(key), seal_of_key(key)) == (run, seal)


def test_a_closed_run_with_enough_rows_is_to_be_counted_and_hides_all_else() -> None:
    shown = choose([stored(ONE, 5), stored(TWO, 3), stored("", 2)], [run(ONE, 4), run(TWO)], {})
    assert (shown.run, shown.hidden, shown.expected) == (ONE, 5, 4)
    assert shown.objects == (stored(ONE, 5),)


@pytest.mark.parametrize(
    "runs",
    [
        [],
        [run(ONE)],
        [run(ONE, 6)],
        [replace(run(ONE, 5), abandoned_at=NOON)],
    ],
)
def test_what_is_not_complete_is_never_shown(runs: list[DeclaredRun]) -> None:
    shown = choose([stored(ONE, 5)], runs, {})
    assert (shown.run, shown.objects, shown.hidden, shown.expected) == ("", (), 5, None)


def test_the_run_opened_last_wins_whichever_was_complete_first() -> None:
    objects = [stored(ONE, 5), stored(TWO, 3, S2)]
    shown = choose(objects, [run(ONE, 5), run(TWO, 3, S2)], {})
    assert (shown.run, shown.hidden, shown.expected) == (TWO, 5, None)
    shown = choose(objects, [run(ONE, 5, S1), run(TWO, 3)], {})
    assert (shown.run, shown.expected) == (TWO, 3)


def test_a_run_that_was_miscounted_gives_way_to_the_next_one() -> None:
    objects = [stored(ONE, 5), stored(TWO, 5), stored(THREE, 5)]
    runs = [run(ONE, 5, S1), run(TWO, 5), run(THREE, 5)]
    assert choose(objects, runs, {}).run == THREE
    assert choose(objects, runs, {THREE: 4}).run == TWO
    assert choose(objects, runs, {THREE: 4, TWO: 6}).run == ONE


def test_a_complete_run_stays_what_it_was() -> None:
    objects = [stored(ONE, 5, S1), stored(ONE, 2, S2)]
    shown = choose(objects, [run(ONE, 5, S1)], {})
    assert (shown.objects, shown.hidden) == ((stored(ONE, 5, S1),), 2)


def test_a_run_of_no_rows_empties_its_day() -> None:
    shown = choose([stored(ONE, 5)], [run(ONE, 5, S1), run(TWO, 0)], {})
    assert (shown.run, shown.objects, shown.hidden, shown.expected) == (TWO, (), 5, 0)


def test_a_load_keeps_what_it_found_of_each_closed_run() -> None:
    objects = [stored(ONE, 5), stored(TWO, 7)]
    runs = [run(ONE, 5), run(TWO, 7), run(THREE), run(f"{DAY}.{'0' * 26}", 3, S0)]
    found = judged(objects, runs, {TWO: 6}, ONE, 5)
    assert found == [Counted(ONE, 5, frozenset({S1})), Counted(TWO, 6)]
    assert judged(objects, [run(THREE, 3)], {}, "", 0) == [Counted(THREE, 0)]


def test_only_rows_of_the_shown_run_that_were_there_in_time_are_shown() -> None:
    runs = {ONE: run(ONE, 5, S1)}
    shown = [
        is_shown(stored(of, 1, seal).key, ONE, runs, [S1, S2])
        for of, seal in ((ONE, S1), (ONE, S2), (TWO, S1), ("", S1))
    ]
    assert shown == [True, False, False, False]
    assert not is_shown(stored("", 1).key, "", runs, [S1])
    assert is_shown(stored(TWO, 1, S2).key, TWO, {TWO: run(TWO, 1)}, [S2])


def test_the_state_of_a_run_is_told_among_the_others_of_its_day() -> None:
    given_up = replace(run(f"{DAY}.{'0' * 26}"), abandoned_at=NOON)
    runs = [given_up, run(ONE, 5, S1), run(TWO, 5, S1), run(THREE)]
    assert list(states(runs).values()) == ["abandoned", "superseded", "complete", "open"]
    assert states([run(ONE), run(TWO, 1, S1)])[ONE] == "superseded"
    assert states([run(ONE, 3)])[ONE] == "closed"


@pytest.mark.parametrize(
    "id",
    ["", "2026-03-01", ONE.lower(), ONE + "A", "2026-13-01" + ONE[10:], ONE.replace(".", "/")],
)
def test_only_a_day_and_a_ulid_are_the_id_of_a_run(id: str) -> None:
    assert day_of_run(id) is None
    assert day_of_run(ONE) == DAY


def test_each_event_is_told_what_is_wrong_with_its_run() -> None:
    def said(id: str, day: date = DAY) -> str:
        found = unfit_run(id, day)
        assert found is None or found.reason is Reason.RUN
        return found.message if found else ""

    assert said(ONE) == ""
    assert "POST /v1/runs" in said("")
    assert "no id" in said("nonsense")
    assert "another day" in said(ONE, date(2026, 3, 2))


def test_a_record_says_its_run_in_a_header() -> None:
    assert run_in([("received-at", b"1"), ("forebay-run", ONE.encode())]) == ONE
    assert run_in([("received-at", b"1")]) == ""
    assert run_in([("forebay-run", None)]) == ""
    assert run_in([("forebay-run", b"\xff")]) != ""
