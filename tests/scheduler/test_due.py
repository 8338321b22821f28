from datetime import UTC, datetime, timedelta

import pytest

from app.ledger.protocol import DayLoad, DirtyDay
from app.scheduler.due import is_due
from tests.scheduler.world import MONDAY, TUESDAY

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
EVERY = timedelta(minutes=15)


def dirty(minutes_ago: float) -> DirtyDay:
    return DirtyDay(MONDAY, ("s",), NOW - timedelta(minutes=minutes_ago))


def load(minutes_ago: float) -> DayLoad:
    at = NOW - timedelta(minutes=minutes_ago)
    return DayLoad("order_placed", "RAW.ORDER_PLACED", TUESDAY, "run", 1, (), 1, 1, at)


@pytest.mark.parametrize(
    ("days", "loads", "due"),
    [
        ([], [], False),
        ([], [load(60)], False),
        ([dirty(0)], [], True),
        ([dirty(1)], [load(14.9)], False),
        ([dirty(1)], [load(15)], True),
        ([dirty(1)], [load(60), load(1)], False),
        ([dirty(1), dirty(16)], [load(1)], True),
        ([dirty(-60)], [load(-60)], True),
        ([dirty(-60)], [load(-60), load(1)], False),
        ([dirty(-60)], [load(-60), load(15)], True),
        ([dirty(1)], [load(-1)], False),
    ],
    ids=[
        "nothing is dirty",
        "nothing is dirty and the last load is long ago",
        "the first load comes at once",
        "the last load is not long enough ago",
        "the last load is long enough ago",
        "the newest load counts",
        "a seal has waited long enough",
        "the clock was set back by an hour since the only load",
        "the clock was set back and a load was made since",
        "the clock was set back and the last load since then is long enough ago",
        "another scheduler's clock is a minute ahead",
    ],
)
def test_a_table_is_due(days: list[DirtyDay], loads: list[DayLoad], due: bool) -> None:
    assert is_due(days, loads, EVERY, NOW) is due
