"""A seal names the traces that its records are part of, and a dead letter's line has its own."""

from collections.abc import Iterator

import pytest
from loguru import logger

from app.core.headers import RECEIVED_AT, REJECTED, TRACEPARENT
from app.gateway.delivery import Delivery
from app.worker.open_seal import MAX_TRACES
from tests.worker.kinds import event, kind
from tests.worker.test_agent import Lives, Sent, lives  # noqa: F401

RECEIVED = (RECEIVED_AT, b"1772452800000")


def parent(number: int) -> tuple[str, bytes]:
    return TRACEPARENT, f"00-{number:032x}-00f067aa0ba902b7-01".encode()


def trace(number: int) -> str:
    return f"{number:032x}"


@pytest.fixture
def said() -> Iterator[list[dict[str, object]]]:
    found: list[dict[str, object]] = []
    sink = logger.add(
        lambda m: found.append({"said": m.record["message"], **m.record["extra"]}), level="INFO"
    )
    yield found
    logger.remove(sink)


async def test_a_seal_knows_the_traces_of_its_records_whoever_wrote_their_headers(
    lives: Lives,  # noqa: F811
) -> None:
    attempt = lives.attempt(kind("order"))
    headers = [
        (RECEIVED,),
        (RECEIVED, parent(1)),
        (parent(2), ("tracestate", b"x=1")),
        (parent(3),),
        (),
        (RECEIVED, (TRACEPARENT, b"no trace")),
        (RECEIVED, (TRACEPARENT, None)),
        (RECEIVED, parent(1)),
    ]
    await attempt.reads([Sent(n, event(n), headers=given) for n, given in enumerate(headers)])
    assert list(attempt.seal.traces) == [trace(1), trace(2), trace(3)]
    assert attempt.tally == (8, 0, 0)


async def test_a_seal_names_some_traces_however_many_there_are(lives: Lives) -> None:  # noqa: F811
    attempt = lives.attempt(kind("order"))
    await attempt.reads([Sent(n, event(n), headers=(RECEIVED, parent(n))) for n in range(200)])
    assert list(attempt.seal.traces) == [trace(number) for number in range(MAX_TRACES)]


async def test_a_dead_letter_has_a_line_with_its_trace_and_place_if_it_has_a_trace(
    lives: Lives,  # noqa: F811
    said: list[dict[str, object]],
) -> None:
    attempt = lives.attempt(kind("order"))
    bad = [(RECEIVED, parent(7), (REJECTED, b"not_json")), (RECEIVED,)]
    await attempt.reads([Sent(n, b"{", headers=given) for n, given in enumerate(bad)])
    (line,) = said
    assert line["said"] == "a dead letter: not_json"
    assert line["trace"] == trace(7)
    assert (line["event"], line["partition"], line["offset"]) == ("order", 0, 0)
    assert line["seal"] == attempt.seal.id
    assert attempt.tally == (0, 0, 2)


def test_a_record_of_the_gateway_has_a_header_more_only_if_its_request_named_a_trace() -> None:
    assert [name for name, _ in Delivery(3, 1).headers] == [RECEIVED_AT]
    assert Delivery(3, 1, parent(1)[1]).headers == [(RECEIVED_AT, b"1"), parent(1)]
