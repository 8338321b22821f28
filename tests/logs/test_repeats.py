"""The same again and again: at once, then once in an interval, and none is lost."""

import threading
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from app.repeats import DISTINCT, Repeats

PLACE = ("worker.py", 7)


class Said:
    """A clock to turn, and all that was said: what, and how often since the last."""

    def __init__(self, seconds: float = 10) -> None:
        self.now = 0.0
        self.told: list[tuple[str, int]] = []
        self.repeats = Repeats[str](self._say, seconds, clock=lambda: self.now)

    def _say(self, what: str, times: int) -> None:
        self.told.append((what, times))

    @property
    def count(self) -> int:
        """How often something was said, by what was told of it."""
        return sum(times or 1 for _, times in self.told)


def test_a_hot_error_is_told_at_once_and_then_once_an_interval_with_how_often_it_was_said() -> None:
    said = Said()
    for second in range(35):
        said.now = float(second)
        said.repeats.take(PLACE, "a", f"a{second}")
    assert said.told == [("a0", 0), ("a9", 9), ("a19", 10), ("a29", 10)]
    said.repeats.flush()
    assert said.told[-1] == ("a34", 5)
    assert said.count == 35


def test_what_is_said_seldom_is_told_each_time() -> None:
    said = Said()
    for second in range(0, 100, 11):
        said.now = float(second)
        said.repeats.take(PLACE, "a", f"a{second}")
    assert [times for _, times in said.told] == [0] * 10


def test_two_kinds_and_two_places_do_not_silence_each_other() -> None:
    said = Said()
    said.repeats.take(PLACE, "a", "a")
    said.repeats.take(PLACE, "b", "b")
    said.repeats.take(("worker.py", 8), "a", "elsewhere")
    assert [what for what, _ in said.told] == ["a", "b", "elsewhere"]


def test_a_line_of_code_that_says_something_else_each_time_is_bounded_too() -> None:
    said = Said()
    for number in range(1_000):
        said.repeats.take(PLACE, f"kind {number}", f"{number}")
    assert len(said.told) == DISTINCT + 1
    assert len(said.repeats._heard) == DISTINCT + 1
    said.repeats.flush()
    assert said.count == 1_000
    assert not said.repeats._heard
    assert not said.repeats._kinds


def test_what_was_counted_is_told_when_its_interval_is_over_though_nothing_follows() -> None:
    all_told = threading.Event()
    seen: list[int] = []

    def say(_: str, times: int) -> None:
        seen.append(times or 1)
        if sum(seen) == 4:
            all_told.set()

    repeats = Repeats(say, 0.5)
    for _ in range(4):
        repeats.take(PLACE, "a", "a")
    assert len(seen) < 4
    assert all_told.wait(60)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.floats(0, 6)), max_size=200))
def test_the_counts_always_add_up(calls: list[tuple[int, int, float]]) -> None:
    said = Said(seconds=5)
    for place, kind, pause in calls:
        said.now += pause
        said.repeats.take(("a.py", place), str(kind), "x")
    said.repeats.flush()
    assert said.count == len(calls)


def test_threads_lose_none() -> None:
    count = 0
    lock = threading.Lock()

    def say(_: str, times: int) -> None:
        nonlocal count
        with lock:
            count += times or 1

    repeats = Repeats(say, 0.01)

    def talk() -> None:
        for number in range(500):
            repeats.take(PLACE, str(number % 3), "x")
            if not number % 100:
                time.sleep(0.005)

    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    repeats.flush()
    assert count == 2_000
