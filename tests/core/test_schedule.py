"""When a job is due, by an interval or by cron, also on the days when clocks change."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.core.schedule import Cron, Every, Schedule

AMSTERDAM = "Europe/Amsterdam"
SKIPPED = datetime(2026, 3, 29, 1, tzinfo=UTC)
"""In Amsterdam 2:00 becomes 3:00."""
DOUBLED = datetime(2026, 10, 25, 1, tzinfo=UTC)
"""3:00 becomes 2:00 again."""


def fired(
    schedule: Schedule, around: datetime, *, every: timedelta = timedelta(minutes=1)
) -> Iterator[datetime]:
    """When it fires for somebody who looks `every` so often, from half a day before to after."""
    now, done = around - timedelta(hours=12), around - timedelta(hours=13)
    while now < around + timedelta(hours=12):
        tick = schedule.due(done, now)
        if tick is not None:
            yield now
            done = tick
        now += every


def local(moments: Iterator[datetime]) -> list[str]:
    return [f"{m.astimezone(ZoneInfo(AMSTERDAM)):%H:%M}" for m in moments]


@pytest.mark.parametrize("minute", [0, 30, 59])
def test_a_time_that_the_clocks_skip_comes_once_right_after_the_skip(minute: int) -> None:
    schedule = Cron(f"{minute} 2 * * *", AMSTERDAM)
    assert list(fired(schedule, SKIPPED)) == [SKIPPED]


@pytest.mark.parametrize("minute", [0, 30, 59])
def test_a_time_that_the_clocks_pass_twice_comes_once_the_first_time(minute: int) -> None:
    schedule = Cron(f"{minute} 2 * * *", AMSTERDAM)
    first = DOUBLED - timedelta(hours=1) + timedelta(minutes=minute)
    assert list(fired(schedule, DOUBLED)) == [first]


@pytest.mark.parametrize("around", [SKIPPED, DOUBLED])
def test_other_times_of_these_days_come_as_ever(around: datetime) -> None:
    assert local(fired(Cron("15 1,6 * * *", AMSTERDAM), around)) == ["01:15", "06:15"]
    assert len(list(fired(Cron("0 * * * *", AMSTERDAM), around))) == 24


@pytest.mark.parametrize("around", [SKIPPED, DOUBLED])
@pytest.mark.parametrize("hours", [1, 5, 20])
def test_who_was_away_makes_up_for_a_missed_time_once(around: datetime, hours: int) -> None:
    schedule = Cron("30 2 * * *", AMSTERDAM)
    back = around + timedelta(hours=hours)
    tick = schedule.due(around - timedelta(days=9), back)
    assert tick is not None
    assert around - timedelta(hours=1) <= tick <= around
    assert schedule.due(tick, back) is None
    assert schedule.due(tick, back + timedelta(hours=2)) is None


@pytest.mark.parametrize(
    "expression", ["*/7 * * * *", "0 6 * * 1-5", "30 2 1 * *", "0 0 29 2 *", "15,45 1-3 * * *"]
)
def test_the_last_moment_is_the_one_before_the_next(expression: str) -> None:
    schedule = Cron(expression, AMSTERDAM)
    for around in (SKIPPED, DOUBLED, datetime(2026, 7, 1, 12, tzinfo=UTC)):
        for minutes in range(-240, 241, 13):
            now = around + timedelta(minutes=minutes)
            last = schedule.last(now)
            assert last is not None
            assert last <= now
            assert schedule.last(last) == last
            later = schedule.last(now + timedelta(days=2_000))
            assert later is not None
            assert later > last


def test_each_zone_has_its_own_morning() -> None:
    now = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert Cron("0 6 * * *").last(now) == datetime(2026, 7, 1, 6, tzinfo=UTC)
    assert Cron("0 6 * * *", AMSTERDAM).last(now) == datetime(2026, 7, 1, 4, tzinfo=UTC)
    assert Cron("0 6 * * *", "America/New_York").last(now) == datetime(2026, 7, 1, 10, tzinfo=UTC)


def test_an_interval_is_due_when_it_is_over_or_nothing_was_ever_done() -> None:
    now, schedule = datetime(2026, 7, 1, 12, tzinfo=UTC), Every(timedelta(minutes=15))
    assert schedule.due(None, now) == now
    assert schedule.due(now - timedelta(minutes=14), now) is None
    assert schedule.due(now - timedelta(minutes=15), now) == now
    assert schedule.due(now - timedelta(days=30), now) == now


@pytest.mark.parametrize("schedule", [Every(timedelta(hours=1)), Cron("0 * * * *")])
def test_what_a_clock_said_that_was_far_ahead_holds_nothing_up(schedule: Schedule) -> None:
    now = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    assert schedule.due(now + timedelta(days=900), now) is not None
    assert schedule.due(now + timedelta(minutes=1), now) is None


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("soon", "five fields"),
        ("61 * * * *", "bad minute"),
        ("0 6 * *", "five fields"),
        ("0 0 30 2 *", "bad day-of-month"),
        ("0 6 * * * *", "five fields"),
    ],
)
def test_what_is_no_cron_expression_is_refused_with_the_field(expression: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Cron(expression)


def test_the_longest_gap_of_a_schedule_is_known() -> None:
    assert Every(timedelta(minutes=5)).longest_gap == timedelta(minutes=5)
    assert Cron("0 6 * * *").longest_gap == timedelta(days=1)
    assert Cron("0 6 * * 1-5").longest_gap == timedelta(days=3)
    assert Cron("*/10 * * * *").longest_gap == timedelta(minutes=10)


def test_a_schedule_is_told_in_words() -> None:
    assert str(Every(timedelta(minutes=15))) == "every 15m"
    assert str(Every(timedelta(hours=2))) == "every 2h"
    assert str(Every(timedelta(seconds=90))) == "every 90s"
    assert str(Cron("0 6 * * *", AMSTERDAM)) == f"at 0 6 * * * ({AMSTERDAM})"
