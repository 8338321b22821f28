"""How far a long load is, and when it will have ended."""

from datetime import date, timedelta

import pytest

from app.commands.pace import EMPTY_DAY, Pace, about

FIRST = date(2026, 3, 1)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_days_with_more_rows_take_longer() -> None:
    """A hundredth of the rows took 10 s; nine days of ten are left, and nearly all of the work."""
    rows = {FIRST + timedelta(days=n): 100_000 if n else 0 for n in range(10)}
    pace = Pace("order_placed", rows, clock := Clock())
    clock.now = 10
    to_come = 9 * (100_000 + EMPTY_DAY) / EMPTY_DAY * 10
    assert pace.told(9) == f"order_placed: 1 of 10 days, about {to_come / 3600:.1f} h left"


def test_at_the_end_nothing_is_left() -> None:
    pace = Pace("order_placed", {FIRST: 5, FIRST + timedelta(days=1): 5}, Clock())
    assert pace.told(0) == "order_placed: 2 of 2 days"


def test_days_that_came_in_between_do_no_harm() -> None:
    assert Pace("order_placed", {FIRST: 5}, Clock()).told(3) == "order_placed: 0 of 1 days"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (9000, "2.5 h")],
)
def test_a_time_is_told_as_exactly_as_it_is_known(seconds: float, said: str) -> None:
    assert about(seconds) == said


def test_one_step_alone_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    Pace("order_placed", {FIRST: 5}, Clock()).tell(0)
    assert capsys.readouterr().err == ""
    Pace("order_placed", {FIRST: 5, FIRST + timedelta(days=1): 5}, Clock()).tell(1)
    assert capsys.readouterr().err.startswith("order_placed: 1 of 2 days, about 0 s left")
