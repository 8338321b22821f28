"""The verdict on one event: by its size, its shape and its own time."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.core.errors import Reason, Rejected, RejectedError
from app.core.judge import Accepted, EventType, judge

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def parse(raw: bytes) -> dict[str, Any]:
    if raw == b"bad":
        raise RejectedError(Reason.SCHEMA, "must be good", "it")
    return {"at": NOW - timedelta(seconds=int(raw))}


def transform(event: dict[str, Any]) -> dict[str, Any]:
    if event["at"] == NOW - timedelta(seconds=13):
        raise RejectedError(Reason.TRANSFORM, "thirteen can not be", "at")
    return event | {"more": 1}


KIND = EventType(
    name="tick",
    version=1,
    topic="events.tick.v1",
    max_bytes=8,
    late=timedelta(days=1),
    early=timedelta(minutes=1),
    keep="first",
    parse=parse,
    transform=transform,
    occurred_at=lambda event: event["at"],
    day=lambda moment: moment.date(),
    partition_key=lambda event: b"",
    bad_key=lambda event: b"",
    dedupe_key=lambda row: b"",
    line=lambda row, day: b"",
)


def test_a_good_event_is_accepted_as_sent_and_as_it_lands() -> None:
    at = NOW - timedelta(seconds=1)
    assert judge(KIND, b"1", NOW) == Accepted({"at": at}, {"at": at, "more": 1}, date(2026, 3, 3))


@pytest.mark.parametrize(
    ("raw", "reason", "field"),
    [
        (b"bad", Reason.SCHEMA, "it"),
        (b"13", Reason.TRANSFORM, "at"),
        (b"123456789", Reason.TOO_LARGE, None),
        (b"86401", Reason.TOO_LATE, None),
        (b"-61", Reason.TOO_EARLY, None),
    ],
)
def test_a_bad_event_is_rejected_with_its_reason(
    raw: bytes, reason: Reason, field: str | None
) -> None:
    verdict = judge(KIND, raw, NOW)
    assert isinstance(verdict, Rejected)
    assert (verdict.reason, verdict.field) == (reason, field)


@pytest.mark.parametrize("raw", [b"86400", b"-60", b"00000001"])
def test_the_limits_themselves_are_good(raw: bytes) -> None:
    assert isinstance(judge(KIND, raw, NOW), Accepted)


def test_a_replay_years_later_comes_to_the_same_verdict() -> None:
    """Nothing in here asks a clock: only the record's own time counts."""
    assert judge(KIND, b"5", NOW) == judge(KIND, b"5", NOW)
    late = judge(KIND, b"5", NOW + timedelta(days=2))
    assert isinstance(late, Rejected)
    assert late.reason is Reason.TOO_LATE
