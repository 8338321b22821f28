"""More than the gateway can take: who is refused, how, and who is not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import orjson

from app.kafka import KafkaOptions
from tests.gateway.orders import Client, all_records, opened, order, order_type, until

PATH = "/v1/events/order_placed"


class Raw(NamedTuple):
    """A connection without an HTTP library."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> tuple[int, dict[str, str], dict[str, object]]:
        """Status, headers by lower-case name, and body."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, orjson.loads(body)


def request(order_id: str, path: str = PATH, **headers: str) -> bytes:
    body = orjson.dumps(order(order_id))
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def connections(client: Client, number: int) -> AsyncIterator[Sequence[Raw]]:
    port = client.running.port
    raws = [Raw(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(number)]
    try:
        yield raws
    finally:
        for raw in raws:
            raw.writer.close()


async def test_a_refusal_says_when_to_come_again_and_keeps_the_connection_and_nothing_else(
    kafka: KafkaOptions,
) -> None:
    kind = order_type()
    async with (
        opened(kafka, kind, max_wait_ms=0) as client,
        connections(client, 30) as raws,
    ):
        for number, raw in enumerate(raws):  # all are there before the gateway looks
            raw.writer.write(request(str(number), X_Request_Id=f"id-{number}"))
        taken = set()
        for number, raw in enumerate(raws):
            status, headers, body = await raw.answer()
            assert headers["x-request-id"] == f"id-{number}"
            if status == 202:
                taken.add(str(number).encode())
                continue
            assert (status, body["error"]) == (503, "overloaded")
            assert int(headers["retry-after"]) >= 1
            raw.writer.write(request(f"again-{number}"))
            assert (await raw.answer())[0] == 202
            taken.add(f"again-{number}".encode())
        assert len(taken) == 30
        assert sum(key.startswith(b"again") for key in taken) in range(1, 30)
        await until(_nothing_held(client))
        metrics = (await client.get("/metrics")).body
        assert b'forebay_gateway_overloaded_total{event="order_placed"}' in metrics
        assert b'forebay_gateway_refused_total{reason="overloaded"}' in metrics
    assert {record.key for record in await all_records(kafka, kind.topic)} == taken


def _nothing_held(client: Client) -> Callable[[], Awaitable[bool]]:
    async def so() -> bool:
        return not await client.in_flight()

    return so


async def test_what_was_still_to_come_of_a_refused_request_is_dropped(kafka: KafkaOptions) -> None:
    kind = order_type()
    async with (
        opened(kafka, kind, max_wait_ms=0) as client,
        connections(client, 30) as raws,
    ):
        halves = [(text[:-50], text[-50:]) for text in (request(str(n)) for n in range(30))]
        for raw, (first, _) in zip(raws, halves, strict=True):
            raw.writer.write(first)
        refused = raws[-1]
        assert (await refused.answer())[0] == 503
        refused.writer.write(halves[-1][1])
        await asyncio.sleep(0.05)
        refused.writer.write(request("again"))
        assert (await refused.answer())[0] == 202
    assert [record.key for record in await all_records(kafka, kind.topic)] == [b"again"]


async def test_where_the_next_request_would_begin_is_uncertain_a_refusal_closes(
    kafka: KafkaOptions,
) -> None:
    async with (
        opened(kafka, order_type(), max_wait_ms=0) as client,
        connections(client, 30) as raws,
    ):
        for raw in raws:
            raw.writer.write(request("A") + b"POST /v1/")
        status, headers, _ = await raws[-1].answer()
        assert (status, headers["connection"]) == (503, "close")
        assert await raws[-1].reader.read() == b""


async def test_a_type_that_fills_its_share_leaves_room_for_the_others(kafka: KafkaOptions) -> None:
    stuck, well = order_type(), order_type("order_shipped")
    async with opened(kafka, stuck, well, linger_ms=2_000, max_in_flight_bytes=3_000) as client:
        first = asyncio.create_task(client.post(PATH, [order("A")] * 4))
        await until(client.in_flight)
        refused = await client.post(PATH, [order("B")] * 2)
        assert (refused.status, refused.json["error"]) == (429, "too_much_in_flight")
        assert int(refused.headers["Retry-After"]) >= 1
        mixed = [("order_shipped", "C"), ("order_placed", "D")]
        events = [{"type": type, "data": order(key)} for type, key in mixed]
        assert (await client.post("/v1/events", {"events": events})).status == 429
        assert not first.done()
        assert (await client.post("/v1/events/order_shipped", order("E"))).status == 202
        assert (await first).status == 202
        await until(_nothing_held(client))
    assert {record.key for record in await all_records(kafka, stuck.topic)} == {b"A"}
    assert {record.key for record in await all_records(kafka, well.topic)} == {b"E"}


async def test_bodies_that_do_not_arrive_hold_nobody_up(kafka: KafkaOptions) -> None:
    async with opened(kafka, order_type(), read_timeout_seconds=3) as client:
        async with connections(client, 50) as raws:
            for raw in raws:
                raw.writer.write(request("slow")[:-10])
            assert (await client.post(PATH, order("quick"))).status == 202
            status, _, body = await raws[0].answer()
            assert (status, body["error"]) == (408, "too_slow")
        await until(_nothing_held(client))


async def test_beyond_the_limit_of_connections_only_probes_are_answered(
    kafka: KafkaOptions,
) -> None:
    async with (
        opened(kafka, order_type(), max_connections=3) as client,
        connections(client, 2),  # the client keeps one
    ):
        async with connections(client, 2) as (probe, sender):
            probe.writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 200 " in await probe.reader.readline()
            sender.writer.write(request("A"))
            status, headers, body = await sender.answer()
            assert (status, body["error"]) == (503, "too_many_connections")
            assert "retry-after" in headers
            assert await sender.reader.read() == b""
        assert (await client.post(PATH, order())).status == 202
