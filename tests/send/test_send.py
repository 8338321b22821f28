"""`send` against a server that keeps the gateway's contract."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import orjson
import pytest

from app.core.errors import Fatal
from app.send import SendReport, send
from tests.send.front_door import (
    ACCEPTED,
    RETRY,
    FrontDoor,
    front_door,
    hang_up,
    refusal,
    rejected,
)


def lines(count: int) -> list[bytes]:
    return [orjson.dumps({"id": n, "n": n}) for n in range(count)]


async def sent(door: FrontDoor, events: object, **options: object) -> SendReport:
    async with front_door(door):
        options = {"type": "order_placed", "batch": 10, "patience_seconds": 20} | options
        return await send(events, gateway_url=door.url, **options)  # type: ignore[arg-type]


async def test_every_event_is_sent_once_and_counted() -> None:
    door = FrontDoor()
    report = await sent(door, lines(95))
    assert sorted(door.taken) == sorted(lines(95))
    assert len(door.requests) == 10
    assert door.types == {"order_placed"}
    assert (report.sent, report.accepted, report.retried, report.rejected) == (95, 95, 0, {})
    assert report.exit_code == 0


async def test_objects_text_and_async_streams_are_events_too() -> None:
    async def stream() -> AsyncIterator[bytes | str | dict[str, int]]:
        yield {"id": 1}
        yield '{"id":2}\n'
        yield b'{"id":3}'

    door = FrontDoor()
    report = await sent(door, stream())
    assert sorted(door.taken) == [b'{"id":1}', b'{"id":2}', b'{"id":3}']
    assert report.accepted == 3


@pytest.mark.parametrize(("encoding", "header"), [("gzip", "gzip"), ("zstd", "zstd"), ("none", "")])
async def test_bodies_are_packed_as_asked(encoding: str, header: str) -> None:
    door = FrontDoor()
    report = await sent(door, lines(25), encoding=encoding)
    assert report.accepted == 25
    assert door.encodings == {header}
    assert sorted(door.taken) == sorted(lines(25))


async def test_rejected_events_are_counted_by_reason_with_their_lines() -> None:
    events = [*lines(12), b'{"n":-1}', b"", b"no json", b'{"n":-2}']
    report = await sent(FrontDoor(), events)
    assert report.accepted == 12
    assert {reason: r.count for reason, r in report.rejected.items()} == {
        "schema": 2, "not_json": 1,
    }  # fmt: skip
    assert [(r.line, r.field) for r in report.rejected["schema"].first] == [(13, "n"), (16, "n")]
    assert [r.line for r in report.rejected["not_json"].first] == [15]
    assert report.kept == 2
    assert report.exit_code == 1


async def test_a_request_without_any_json_is_rejected_line_by_line() -> None:
    report = await sent(FrontDoor(), [b"no json", b"neither"] * 10)
    assert report.rejected["not_json"].count == 20
    assert report.exit_code == 1


async def test_json_over_several_lines_is_one_event() -> None:
    door = FrontDoor()
    assert (await sent(door, [b'{\n "id": 1\n}', b'{"id":2}'])).accepted == 2
    assert door.taken == [b'{  "id": 1 }', b'{"id":2}']


async def test_a_type_that_the_gateway_does_not_know_ends_it_at_once() -> None:
    door = FrontDoor(verdict=lambda line: rejected("unknown_event", "type"))
    with pytest.raises(Fatal, match="--type order_placed"):
        await sent(door, lines(1_000), concurrency=1)
    assert len(door.requests) == 1


async def test_of_many_rejections_the_first_lines_are_shown() -> None:
    report = await sent(FrontDoor(), [b'{"n":-1}'] * 100, concurrency=7)
    assert report.rejected["schema"].count == 100
    assert [r.line for r in report.rejected["schema"].first] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "refuse",
    [refusal(429, Retry_After="0"), refusal(503, Retry_After="0"), refusal(502), refusal(504),
     refusal(408), refusal(503, Retry_After="Thu, 01 Jan 2026 00:00:00 GMT"), hang_up],
)  # fmt: skip
async def test_a_refused_request_is_sent_again_whole(refuse: object) -> None:
    door = FrontDoor(first=[refuse, None, refuse])  # type: ignore[list-item]
    report = await sent(door, lines(20), concurrency=1)
    assert sorted(door.taken) == sorted(lines(20))
    assert (report.sent, report.accepted, report.retried) == (20, 20, 20)
    assert report.exit_code == 0


async def test_only_events_answered_retry_are_sent_again() -> None:
    asked: Counter[bytes] = Counter()

    def every_third_fails_once(line: bytes) -> dict[str, object]:
        asked[line] += 1
        return RETRY if orjson.loads(line)["id"] % 3 == 0 and asked[line] == 1 else ACCEPTED

    door = FrontDoor(verdict=every_third_fails_once)
    report = await sent(door, lines(30))
    assert {line: n for line, n in asked.items() if n > 1} == dict.fromkeys(lines(30)[::3], 2)
    assert (report.sent, report.accepted, report.retried) == (30, 30, 10)


async def test_a_request_that_is_too_large_goes_in_halves() -> None:
    door = FrontDoor(most_events=3)
    report = await sent(door, lines(20))
    assert sorted(door.taken) == sorted(lines(20))
    assert report.accepted == 20


async def test_an_event_too_large_by_itself_is_rejected_and_the_others_pass() -> None:
    big = orjson.dumps({"id": "big", "note": "x" * 3_000_000})
    door = FrontDoor(most_bytes=2_000_000)
    report = await sent(door, [*lines(3), big, *lines(3)])
    assert report.accepted == 6
    assert [r.line for r in report.rejected["too_large"].first] == [4]


async def test_a_server_that_comes_up_late_is_waited_for() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    seen = asyncio.Event()
    door = FrontDoor()

    def events() -> Iterator[bytes]:
        seen.set()
        yield from lines(10)

    sending = asyncio.create_task(
        send(events(), type="x", gateway_url=f"http://127.0.0.1:{port}", patience_seconds=30)
    )
    await seen.wait()
    async with front_door(door, port):
        report = await sending
    assert report.accepted == 10


async def test_without_any_answer_it_gives_up_and_says_where_to_go_on() -> None:
    door = FrontDoor(first=[None, None, *[refusal(503, Retry_After="0")] * 1000])
    report = await sent(door, lines(100), concurrency=1, patience_seconds=0.5)
    assert report.exit_code == 3
    assert report.accepted == 20
    assert report.resume_line == 21
    assert "503" in str(report.gave_up)


async def test_a_gateway_that_answers_retry_for_ever_is_given_up_as_well() -> None:
    door = FrontDoor(verdict=lambda line: RETRY)
    report = await sent(door, lines(10), patience_seconds=0.5, max_wait_seconds=0.02)
    assert (report.exit_code, report.sent, report.accepted, report.resume_line) == (3, 10, 0, 1)
    assert "Kafka did not answer in time" in str(report.gave_up)


@pytest.mark.parametrize("status", [400, 404, 415, 500])
async def test_an_answer_that_no_retry_can_heal_ends_it_with_a_reason(status: int) -> None:
    door = FrontDoor(first=[refusal(status)])
    with pytest.raises(Fatal, match=str(status)):
        await sent(door, lines(1000), concurrency=3)


async def test_an_address_that_is_none_is_no_reason_to_wait() -> None:
    with pytest.raises(Fatal, match="not the address"):
        await send(lines(1), type="x", gateway_url="nowhere")


async def test_no_more_is_read_than_can_be_sent() -> None:
    """Whatever has been taken from the source is in a request, in the queue, or being batched."""
    door, taken = FrontDoor(), 0
    most_ahead = 0

    def events() -> Iterator[bytes]:
        nonlocal taken, most_ahead
        for line in lines(2_000):
            taken += 1
            most_ahead = max(most_ahead, taken - sum(map(len, door.requests)))
            yield line

    report = await sent(door, events(), concurrency=2)
    assert report.accepted == 2_000
    assert most_ahead <= 10 * (2 + 1 + 1 + 1)


async def test_progress_is_told_after_each_answer() -> None:
    told: list[int] = []
    await sent(FrontDoor(), lines(50), progress=lambda report: told.append(report.settled))
    assert len(told) == 5
    assert told[-1] == 50
