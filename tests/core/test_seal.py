"""The arithmetic of a seal: what does not add up is said."""

from dataclasses import replace
from datetime import date

import pytest

from app.core.seal import DayCounts
from tests.ledger.examples import MONDAY, TUESDAY, seal, span

EXPLODED = DayCounts(staged=2, duplicates=1, dead=1, filtered=3, rows=5)


@pytest.mark.parametrize("days", [
    {MONDAY: DayCounts(staged=7)},
    {MONDAY: EXPLODED},
    {MONDAY: DayCounts(staged=3, rows=0), TUESDAY: DayCounts(filtered=4)},
])  # fmt: skip
def test_what_adds_up_has_no_problems(days: dict[date, DayCounts]) -> None:
    assert seal(span(0, 7), days=days).problems() == []


def test_an_event_becomes_one_row_unless_it_is_said_otherwise() -> None:
    assert DayCounts(staged=3).rows == 3
    assert DayCounts(staged=3) == DayCounts(staged=3, rows=3)
    assert DayCounts(staged=3, rows=0).rows == 0


def test_counts_add_up_one_by_one() -> None:
    assert EXPLODED + DayCounts(1, 2, 3, 4) == DayCounts(3, 3, 4, 7, 6)


@pytest.mark.parametrize(("counted", "told"), [
    (DayCounts(2, 1, 1, 2, 5), "7 records received, 6 accounted for"),
    (DayCounts(2, 1, 1, 3, 6), "objects hold 5 of 2026-03-02 rows, counts say 6 of 2026-03-02"),
    (DayCounts(2, 1, 1, 3, 0), "objects hold 5 of 2026-03-02 rows, counts say none"),
    (DayCounts(0, 1, 1, 5, 5), "5 rows of 2026-03-02, and no event of that day is staged"),
])  # fmt: skip
def test_what_does_not_add_up_is_said(counted: DayCounts, told: str) -> None:
    made = seal(span(0, 7), days={MONDAY: EXPLODED})
    assert replace(made, days={MONDAY: counted}).problems() == [told]
