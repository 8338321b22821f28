"""Gateway and worker come to one verdict on the same bytes, whatever they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import hdrs, web
from aiohttp.test_utils import make_mocked_request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.errors import Reason, Rejected
from app.core.headers import RUN
from app.core.judge import Accepted, Filtered, judge
from app.gateway.refusal import Refusal
from app.gateway.split import split
from app.gateway.verdicts import Verdict, judged
from app.worker.records import Clock, Good, weigh
from tests.conftest import run as wait

from .contracts import CONTRACTS, KINDS, NOON, raw, samples
from .mutations import mutated

RECEIVED_MS = int(NOON.timestamp() * 1000)
MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.data_too_large])


@dataclass(frozen=True)
class Sent:
    """A Kafka record."""

    value: bytes
    offset: int = 0
    timestamp: int = RECEIVED_MS
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def worker_says(event: str, value: bytes, run: str = "") -> Rejected | str | None:
    """The worker's verdict: it is rejected, or why it is filtered; None: it lands."""
    record = Sent(value, headers=((RUN, run.encode()),) if run else ())
    match weigh(KINDS[event], record, Clock().received(record).at):
        case Rejected() as rejected:
            return rejected
        case Filtered() as filtered:
            return filtered.why
        case Good():
            return None


def request(path: str, content_type: str) -> web.Request:
    return make_mocked_request("POST", path, headers={hdrs.CONTENT_TYPE: content_type})


def gateway_says(
    body: bytes, event: str | None, content_type: str = "application/json", run: str = ""
) -> list[Verdict] | Refusal:
    """The gateway's verdict on each event of a body, or that it takes none."""
    try:
        sent = split(request("/v1/events", content_type), body, event, 1_000)
    except Refusal as refusal:
        return refusal
    return wait(judged(KINDS, sent, RECEIVED_MS, None, run))


def of_one_run(
    event: str, many: Sequence[Mapping[str, Any]]
) -> tuple[Sequence[Mapping[str, Any]], str]:
    """Where days are sent in runs: the events of one day, and a run of it."""
    if not KINDS[event].runs:
        return many, ""
    verdicts = [judge(KINDS[event], raw(one), NOON) for one in many]
    days = [verdict.day for verdict in verdicts if isinstance(verdict, Accepted)]
    of_day = [one for one, day in zip(many, days, strict=True) if day == days[0]]
    return of_day, f"{days[0]}.01JNJ8QC3W5V8K4Y0J6M2T9R1A"


def same(event: str, verdict: Verdict) -> None:
    """What the gateway stores is judged by the worker as the gateway did."""
    if verdict.record is None:
        assert verdict.rejected is not None
        return
    assert worker_says(event, verdict.record.value) == (verdict.rejected or verdict.filtered)


@pytest.mark.parametrize("event", sorted(CONTRACTS))
@MANY
@given(data=st.data())
def test_gateway_and_worker_agree_on_each_event(event: str, data: st.DataObject) -> None:
    (good,) = samples(event, 1, data.draw(st.integers(0, 50)))
    body = data.draw(mutated(good))
    direct = worker_says(event, body)
    answer = gateway_says(body, event)
    if isinstance(answer, Refusal):
        # The gateway takes nothing of what is no JSON; a direct producer's is a dead letter.
        assert direct is not None
        assert answer.status in (400, 413)
        return
    for verdict in answer:
        same(event, verdict)
    if len(answer) == 1 and answer[0].record is not None and answer[0].record.value == body:
        assert direct == (answer[0].rejected or answer[0].filtered)


@pytest.mark.parametrize("event", sorted(CONTRACTS))
def test_a_good_event_is_good_in_each_shape_of_a_body(event: str) -> None:
    many, of_run = of_one_run(event, samples(event, 20))
    bodies: Mapping[tuple[bytes, str | None], str] = {
        (raw(many[0]), event): "application/json",
        (b"[" + b" , ".join(map(raw, many)) + b"]", event): "application/json",
        (b"\r\n".join(map(raw, many)), event): "application/x-ndjson",
        (
            b'{"events": ['
            + b",".join(b'{"data": %b, "type": "%b"}' % (raw(m), event.encode()) for m in many)
            + b"]}",
            None,
        ): "application/json",
    }
    for (body, of_type), content_type in bodies.items():
        if of_run and of_type is None:
            continue  # a run is of one type, which the path names
        answer = gateway_says(body, of_type, content_type, of_run)
        assert not isinstance(answer, Refusal)
        for verdict in answer:
            assert verdict.rejected is None
            assert verdict.record is not None
            assert worker_says(event, verdict.record.value, of_run) is None


@pytest.mark.parametrize("token", [b"NaN", b"Infinity", b"-Infinity"])
def test_numbers_that_are_no_json_are_no_json_to_anybody(token: bytes) -> None:
    event = CONTRACTS["parcel_scanned"]
    (good,) = samples(event.event, 1)
    for name in ("real", "tree", "weight_grams", "whole"):
        text = raw(good | {name: "here"}).replace(b'"here"', token)
        rejected = worker_says(event.event, text)
        assert isinstance(rejected, Rejected)
        assert rejected.reason is Reason.NOT_JSON
        assert isinstance(gateway_says(text, event.event), Refusal)


def test_an_event_that_is_left_out_is_left_out_by_both() -> None:
    event, why = "cart_bought", "test carts are not counted"
    many = [good | {"test": number % 2 == 0} for number, good in enumerate(samples(event, 10))]
    answer = gateway_says(b"[" + b",".join(map(raw, many)) + b"]", event)
    assert not isinstance(answer, Refusal)
    assert [verdict.filtered for verdict in answer] == [why, None] * 5
    assert [worker_says(event, raw(one)) for one in many] == [why, None] * 5
