"""The day of an event, in the calendar of its contract, and how late or early it may come."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contracts.compile import compile_contract
from app.contracts.load import load_contracts
from app.core.errors import Reason, Rejected
from app.core.judge import Accepted, EventType, judge
from app.demo.input import FLIGHTS, events

from .everything import sent
from .topic_files import changed, load

TOPICS = Path(__file__).parents[2] / "topics"


def scanned(folder: Path, day: str) -> EventType:
    """A parcel contract with other words behind `day:`."""
    old = "{from: scanned_at, timezone: UTC, late_days: 3, early_minutes: 60}"
    text = changed((old, f"{{from: scanned_at, {day}}}"))
    return compile_contract(load(folder, text)["parcel_scanned"])


def day_of(kind: EventType, at: str) -> date:
    return kind.day(datetime.fromisoformat(at))


@pytest.mark.parametrize(
    ("timezone", "at", "day"),
    [
        ("UTC", "2026-03-01T23:59:59.999999Z", "2026-03-01"),
        ("UTC", "2026-03-01T23:59:59-00:30", "2026-03-02"),
        ("America/New_York", "2013-01-02T04:59:59Z", "2013-01-01"),
        ("America/New_York", "2013-01-02T05:00:00Z", "2013-01-02"),
        # Summer time begins: midnight is an hour earlier from the next day on.
        ("America/New_York", "2013-03-10T04:59:59Z", "2013-03-09"),
        ("America/New_York", "2013-03-11T03:59:59Z", "2013-03-10"),
        ("America/New_York", "2013-03-11T04:00:00Z", "2013-03-11"),
        ("Asia/Kathmandu", "2026-03-01T18:14:59Z", "2026-03-01"),
        ("Asia/Kathmandu", "2026-03-01T18:15:00Z", "2026-03-02"),
        # Samoa had no 30 December 2011.
        ("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31"),
    ],
)
def test_a_day_is_a_day_of_the_contracts_calendar(
    timezone: str, at: str, day: str, tmp_path: Path
) -> None:
    assert day_of(scanned(tmp_path, f"timezone: {timezone}"), at) == date.fromisoformat(day)


def test_the_first_of_january_is_842_flights_in_new_york_and_709_in_greenwich() -> None:
    kind = compile_contract(load_contracts(TOPICS)[FLIGHTS])
    new_york, greenwich = 0, 0
    for number, event in enumerate(events(FLIGHTS)):
        verdict = judge(kind, sent(event), datetime(2026, 3, 1, tzinfo=UTC))
        assert isinstance(verdict, Accepted)
        new_york += verdict.day == date(2013, 1, 1)
        greenwich += kind.occurred_at(verdict.event).date() == date(2013, 1, 1)
        if number == 2_000:  # the file is in order
            break
    assert (new_york, greenwich) == (842, 709)


with TemporaryDirectory() as folder:
    PARCEL = compile_contract(load(Path(folder))["parcel_scanned"])
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def received(kind: EventType, after: timedelta) -> Accepted | Rejected:
    event = {
        "scan_id": "6f1c1c5e-3a57-4d0a-9a5e-0d7a3c1f9b10",
        "scanned_at": AT.isoformat(),
        "parcel_id": "P1",
    }
    return judge(kind, sent(event), AT + after)


@settings(max_examples=300, deadline=None)
@given(st.timedeltas(timedelta(days=-10), timedelta(days=10)))
def test_between_early_and_late_an_event_lands(after: timedelta) -> None:
    match received(PARCEL, after):
        case Rejected(reason=Reason.TOO_LATE):
            assert after > timedelta(days=3)
        case Rejected(reason=Reason.TOO_EARLY):
            assert after < timedelta(minutes=-60)
        case Accepted():
            assert timedelta(minutes=-60) <= after <= timedelta(days=3)
        case other:
            pytest.fail(f"{other}")


def test_history_is_welcome_where_the_contract_says_any(tmp_path: Path) -> None:
    kind = scanned(tmp_path, "late_days: any")
    assert kind.late is None
    assert isinstance(received(kind, timedelta(days=20_000)), Accepted)
    assert isinstance(received(kind, timedelta(minutes=-61)), Rejected)
