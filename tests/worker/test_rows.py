"""Events that are left out, or are several rows or none: what the worker writes and marks."""

import gzip
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import orjson

from app.core.errors import FilteredError
from app.core.judge import Row
from app.core.seal import DayCounts, ObjectKind
from app.metrics import WORKER_EVENTS
from sinks.memory import MemoryObjectStore
from tests.worker.kinds import event
from tests.worker.test_agent import DAY, MARCH_2, ORDER, Attempt, Lives, Sent, lives

__all__ = ["lives"]
FIRST = date(2026, 3, 1)


def _left_out(event: Row) -> Row:
    if event.get("test"):
        raise FilteredError("tests are not counted")
    return event


def _exploded(event: Row) -> tuple[Row, tuple[Row, ...]]:
    head = {"id": event["id"]}
    return head, tuple(head | {"line": n, "sku": sku} for n, sku in enumerate(event["skus"]))


NO_TESTS = replace(ORDER, transform=_left_out)
LINES = replace(ORDER, explode=_exploded)


def of_a_test(number: int, day: int = 1) -> bytes:
    return event(number, day, test=True)


def counts(attempt: Attempt) -> dict[date, DayCounts]:
    return {day: tally.counts() for day, tally in attempt.seal.days.items()}


async def lines(attempt: Attempt) -> list[dict[str, Any]]:
    """All rows of the open seal, which is over then."""
    store = attempt.sealing._objects
    assert isinstance(store, MemoryObjectStore)
    found: list[dict[str, Any]] = []
    for (kind, *_), opened in attempt.seal.objects.items():
        assert kind is ObjectKind.ROWS
        await opened.writer.finish()
        text = gzip.decompress(store.objects[opened.key].body)
        assert opened.rows == len(text.splitlines())
        found += map(orjson.loads, text.splitlines())
    return found


def places(rows: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["_offset"], row["line"], row["sku"]) for row in rows]


async def test_a_filtered_event_is_counted_on_its_own_day_and_leaves_no_object_and_no_mark(
    lives: Lives,
) -> None:
    before = WORKER_EVENTS.labels("order", "filtered")._value.get()
    attempt = lives.attempt(NO_TESTS)
    await attempt.reads([Sent(7, of_a_test(1, 2), MARCH_2 + DAY), Sent(8, of_a_test(2))])
    assert counts(attempt) == {
        date(2026, 3, 2): DayCounts(filtered=1),
        FIRST: DayCounts(filtered=1),
    }
    assert attempt.seal.objects == {}
    assert WORKER_EVENTS.labels("order", "filtered")._value.get() == before + 2
    await attempt.reads([Sent(9, event(1)), Sent(10, of_a_test(1))])
    assert counts(attempt)[FIRST] == DayCounts(staged=1, filtered=2)


async def test_a_flood_of_filtered_events_trips_no_breaker(lives: Lives) -> None:
    attempt = lives.attempt(NO_TESTS)
    await attempt.reads([Sent(n, of_a_test(n)) for n in range(2_000)])
    assert attempt.stopped == []
    assert counts(attempt) == {FIRST: DayCounts(filtered=2_000)}


async def test_a_mark_of_an_attempt_that_staged_what_is_filtered_now_is_removed(
    lives: Lives,
) -> None:
    sent = [Sent(7, of_a_test(1)), Sent(8, event(1))]
    await lives.attempt(ORDER).reads(sent)  # and was not sealed
    now = lives.attempt(NO_TESTS)
    await now.reads(sent)
    assert counts(now) == {FIRST: DayCounts(staged=1, filtered=1)}
    later = lives.attempt(NO_TESTS)
    await later.reads([Sent(9, event(1)), Sent(10, of_a_test(1))])
    assert counts(later) == {FIRST: DayCounts(duplicates=1, filtered=1)}


async def test_an_event_is_staged_once_with_all_its_rows_and_a_copy_is_one_duplicate(
    lives: Lives,
) -> None:
    attempt = lives.attempt(LINES)
    first, copy = event(1, skus=["a", "b", "c"]), event(1, skus=["x"])
    await attempt.reads([Sent(7, first), Sent(8, event(2, skus=["d"])), Sent(9, copy)])
    assert counts(attempt) == {FIRST: DayCounts(staged=2, duplicates=1, rows=4)}
    rows = await lines(attempt)
    assert places(rows) == [(7, 0, "a"), (7, 1, "b"), (7, 2, "c"), (8, 0, "d")]
    assert {(row["id"], row["_topic"], row["_partition"]) for row in rows} == {
        ("e1", ORDER.topic, 0), ("e2", ORDER.topic, 0)
    }  # fmt: skip


async def test_an_event_without_rows_is_staged_and_a_later_copy_is_a_duplicate(
    lives: Lives,
) -> None:
    attempt = lives.attempt(LINES)
    await attempt.reads([Sent(7, event(1, skus=[])), Sent(8, event(1, skus=["a"]))])
    assert counts(attempt) == {FIRST: DayCounts(staged=1, duplicates=1, rows=0)}
    assert attempt.seal.objects == {}
    later = lives.attempt(LINES)
    await later.reads([Sent(9, event(1, skus=["b"])), Sent(10, event(2, skus=["c"]))])
    assert counts(later) == {FIRST: DayCounts(staged=1, duplicates=1, rows=1)}


async def test_a_redelivered_event_of_several_rows_is_no_duplicate_of_itself(lives: Lives) -> None:
    sent = [Sent(7, event(1, skus=["a", "b"])), Sent(8, event(2, skus=[]))]
    await lives.attempt(LINES).reads(sent)
    again = lives.attempt(LINES)
    await again.reads([*sent, Sent(9, event(1, skus=["a", "b"]))])
    assert counts(again) == {FIRST: DayCounts(staged=2, duplicates=1, rows=2)}


async def test_long_lists_of_events_of_several_rows_are_taken_whole(lives: Lives) -> None:
    """Such a type is taken in small pieces, for its rows may be large."""
    attempt = lives.attempt(LINES)
    await attempt.reads([Sent(n, event(n, skus=["a"] * (n % 4))) for n in range(105)])
    assert counts(attempt) == {FIRST: DayCounts(staged=105, rows=sum(n % 4 for n in range(105)))}
    assert attempt.seal.spans[attempt.lanes[ORDER.topic, 0]].records == 105
