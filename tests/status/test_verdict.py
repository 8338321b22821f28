"""Who is behind, and why: what was seen of a type goes in, a verdict comes out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.core.pause import Activity, Pause, PausedBy
from app.status.verdict import Freshness, Seen, Unloaded, Unread, judged, told

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
FINE = Seen(
    event="sale",
    topic="events.sale.v1",
    objective=timedelta(minutes=30),
    kept=timedelta(days=7),
    at=NOW,
    ever=True,
    last_arrival=NOW - timedelta(minutes=1),
)
TP = "events.sale.v1/0"


def paused(what: Activity) -> Pause:
    return Pause("sale", what, "700 of 900 rejected", PausedBy.BREAKER, ago(90))


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def unread(minutes: float, **more: object) -> Seen:
    return replace(FINE, unread=replace(Unread(7, ago(minutes), TP), **more))


def unloaded(minutes: float) -> Seen:
    return replace(FINE, unloaded=Unloaded(2, ago(minutes), ago(minutes + 5)))


CASES: dict[str, tuple[Seen, Freshness, str]] = {
    "nothing waits": (FINE, Freshness.OK, "nothing waits"),
    "unread, not for long": (unread(30), Freshness.OK, "is not sealed yet"),
    "sealed, not for long": (unloaded(30), Freshness.OK, "waits for a load"),
    "nobody reads it": (
        unread(31, unassigned=(TP, "events.sale.v1/1")),
        Freshness.NOT_CONSUMED,
        "7 unread, the oldest for 31 min in events.sale.v1/0; no worker reads events.sale.v1/0 and "
        "1 more",
    ),
    "never sealed": (unread(31), Freshness.NOT_SEALED, "sealed last never"),
    "not sealed since": (unread(31, sealed_at=ago(40)), Freshness.NOT_SEALED, "last 40 min ago"),
    "sealed, and too slow": (unread(31, sealed_at=ago(1)), Freshness.NOT_CONSUMED, "keep up"),
    "not loaded": (unloaded(31), Freshness.NOT_LOADED, "the last load was 36 min ago"),
    "never loaded": (
        replace(FINE, unloaded=Unloaded(1, ago(31))), Freshness.NOT_LOADED, "1 day waits for a load"
    ),
    "the older of two decides": (
        replace(unread(40, unassigned=(TP,)), unloaded=Unloaded(1, ago(50))),
        Freshness.NOT_LOADED,
        "50 min after the first seal",
    ),
    "silent": (
        replace(FINE, last_arrival=ago(31)),
        Freshness.NOT_ARRIVING,
        "nothing has arrived for 31 min",
    ),
    "so silent that Kafka forgot": (
        replace(FINE, last_arrival=None), Freshness.NOT_ARRIVING, "for at least 7.0 d"
    ),
    "so patient that Kafka can not know": (
        replace(FINE, last_arrival=None, objective=timedelta(days=8)), Freshness.OK, "nothing waits"
    ),
    "never an event": (
        replace(FINE, last_arrival=None, ever=False), Freshness.OK, "nothing has ever arrived"
    ),
    "no topic": (
        replace(FINE, in_kafka=False, ever=False, last_arrival=None),
        Freshness.NOT_ARRIVING,
        "Kafka has no topic events.sale.v1",
    ),
    "no objective": (replace(unloaded(9_000), objective=None), Freshness.NO_OBJECTIVE, "a load"),
    "reading is paused": (
        replace(unread(45), paused=(paused(Activity.CONSUME), paused(Activity.LOAD))),
        Freshness.NOT_CONSUMED,
        "consume is paused by breaker for 90 min: 700 of 900 rejected; `forebay resume --type",
    ),
    "loading is paused": (
        replace(unloaded(45), paused=(paused(Activity.CONSUME), paused(Activity.LOAD))),
        Freshness.NOT_LOADED,
        "load is paused by breaker for 90 min",
    ),
    "paused and not behind": (
        replace(FINE, paused=(paused(Activity.LOAD),)), Freshness.OK, "nothing waits"
    ),
    "a clock behind Kafka's": (unread(-5), Freshness.OK, "is not sealed yet"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_sight_has_its_verdict_and_its_reason(case: str) -> None:
    seen, verdict, why = CASES[case]
    status = judged(seen)
    assert status.verdict is verdict
    assert why in status.why


def test_only_those_that_miss_an_objective_are_behind() -> None:
    behind = {verdict for seen, verdict, _ in CASES.values() if judged(seen).is_behind}
    assert behind == {*Freshness} - {Freshness.OK, Freshness.NO_OBJECTIVE}


def test_the_worst_comes_first_by_how_many_times_its_objective_it_is_behind() -> None:
    patient = replace(unloaded(600), event="patient", objective=timedelta(hours=9))
    hasty = replace(unloaded(20), event="hasty", objective=timedelta(minutes=5))
    silent = replace(FINE, event="silent", last_arrival=ago(90))
    nobodys = replace(unloaded(9_000), event="nobodys", objective=None)
    seen = [FINE, nobodys, patient, hasty, silent]
    order = sorted(map(judged, seen), key=lambda status: status.rank)
    assert [status.seen.event for status in order] == [
        "hasty", "silent", "patient", "nobodys", "sale",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (99, "99 s"), (720, "12 min"), (12_240, "3.4 h"), (181_440, "2.1 d")],
)
def test_a_span_is_told_as_precisely_as_one_needs(seconds: int, words: str) -> None:
    assert told(timedelta(seconds=seconds)) == words
    assert told(None) == "–"
