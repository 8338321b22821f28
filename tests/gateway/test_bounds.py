"""What one caller can make the gateway hold, or wait for, or tell. Nothing here needs Kafka."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from backports import zstd
from loguru import logger

from app.gateway.door import Door
from app.gateway.gate import MOST_HEAD_BYTES
from app.gateway.http import middleware
from app.kafka import KafkaOptions
from tests.gateway.orders import Client, opened, order, order_type, until
from tests.gateway.test_overload import connections, request

PATH = "/v1/validate/order_placed"
TEN_MB = bytes(10 << 20)
PIECES = {"gzip": gzip.compress(TEN_MB), "zstd": zstd.compress(TEN_MB, 3)}


@pytest.fixture
async def quick(nowhere: KafkaOptions) -> AsyncIterator[Client]:
    """A gateway that waits for nobody."""
    async with opened(
        nowhere,
        order_type(),
        ready=False,
        head_timeout_seconds=0.3,
        read_timeout_seconds=0.3,
    ) as client:
        yield client


@pytest.mark.parametrize("encoding", PIECES)
async def test_a_gigabyte_in_a_small_body_is_413_and_takes_no_memory(
    nowhere: KafkaOptions, encoding: str
) -> None:
    bomb = PIECES[encoding] * 100
    assert len(bomb) < 2_000_000
    async with opened(nowhere, order_type(), ready=False) as client:
        await client.post(PATH, order())
        before = memory_from_now()
        for _ in range(3):
            answer = await client.post(PATH, bomb, Content_Encoding=encoding)
            assert (answer.status, answer.json["error"]) == (413, "body_too_large")
        assert memory("VmHWM") - before < 100 << 20


def memory_from_now() -> int:
    """What this process has now; its peak is measured anew."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


def memory(what: str) -> int:
    """Of this process, in bytes, as the kernel counts it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) * 1024
    raise AssertionError(what)


async def test_a_frame_that_asks_for_a_large_window_is_400(alone: Client) -> None:
    pack = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    large = pack.compress(b"[" + b" " * 1_000) + pack.flush()
    answer = await alone.post(PATH, large, Content_Encoding="zstd")
    assert (answer.status, answer.json["error"]) == (400, "bad_compression")


@pytest.mark.parametrize(
    "start",
    [b"POST /v1/ev", b"POST /v1/events HTTP/1.1\r\n", b"GET /livez HTTP/1.1\r\nHost: x\r\nA: "],
)
async def test_a_head_that_does_not_end_is_408(quick: Client, start: bytes) -> None:
    async with connections(quick, 1) as (raw,):
        raw.writer.write(start)
        status, headers, body = await raw.answer()
        assert (status, body["error"], headers["connection"]) == (408, "too_slow", "close")
        assert await raw.reader.read() == b""


async def test_a_byte_of_the_head_now_and_then_buys_no_time(quick: Client) -> None:
    async with connections(quick, 1) as (raw,):
        raw.writer.write(b"GET /livez HTTP/1.1\r\nA: ")
        over = asyncio.create_task(raw.reader.read())
        for _ in range(600):
            await asyncio.sleep(0.05)
            if over.done():
                break
            raw.writer.write(b"x")
        else:
            raise AssertionError("it would have gone on for ever")
        await asyncio.gather(over, return_exceptions=True)  # its end may be a reset


async def test_a_connection_that_asks_for_nothing_is_closed(nowhere: KafkaOptions) -> None:
    async with (
        opened(nowhere, order_type(), ready=False, idle_timeout_seconds=1) as client,
        connections(client, 2) as (never, once),
        asyncio.timeout(60),
    ):
        once.writer.write(request("A", PATH))
        assert (await once.answer())[0] == 200
        assert await never.reader.read() == b""
        assert await once.reader.read() == b""


async def test_slow_ones_are_gone_and_others_are_served_meanwhile(quick: Client) -> None:
    async with connections(quick, 100) as raws:
        for number, raw in enumerate(raws):
            text = request("slow", PATH)
            raw.writer.write(text[: 20 if number % 2 else -10])
        assert (await quick.post(PATH, order())).status == 200
        for raw in raws:
            assert (await raw.answer())[0] == 408
        await until(lambda: quick_is_empty(quick))


async def quick_is_empty(client: Client) -> bool:
    return not await client.in_flight()


async def test_a_head_without_end_is_431(alone: Client) -> None:
    line = b"X-Filler: " + b"x" * 1_000 + b"\r\n"
    async with connections(alone, 1) as (raw,):
        raw.writer.write(b"POST /v1/events HTTP/1.1\r\nHost: x\r\n")
        for _ in range(MOST_HEAD_BYTES // len(line) + 1):
            raw.writer.write(line)
            await asyncio.sleep(0.001)
        status, headers, body = await raw.answer()
        assert (status, body["error"], headers["connection"]) == (431, "head_too_large", "close")


async def test_slow_bytes_of_a_whole_head_are_served(alone: Client) -> None:
    async with connections(alone, 1) as (raw,):
        for _ in range(3):
            text = request("A", PATH)
            for start in range(0, len(text), 30):
                raw.writer.write(text[start : start + 30])
                await asyncio.sleep(0.002)
            assert (await raw.answer())[0] == 200


@pytest.mark.parametrize("depth", [50, 900, 5_000])
@pytest.mark.parametrize("path", [PATH, "/v1/validate"])
async def test_depth_is_no_fault_of_the_gateway(alone: Client, depth: int, path: str) -> None:
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    wrapped = orjson.dumps(order())[:-1] + b',"more":' + deep + b"}"
    for body in (deep, b"[" * depth + b"]" * depth, wrapped, b'{"events":[' + deep + b"]}"):
        for content_type in ("application/json", "application/x-ndjson"):
            answer = await alone.post(path, body[:20_000], Content_Type=content_type)
            assert answer.status in (200, 400, 413, 422)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",  # TLS to a port without
        b"hello\r\n\r\n",
        b"POST /v1/events HTTP/9.9\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nA\x00: b\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_told_nothing_of_our_code(alone: Client, garbage: bytes) -> None:
    async with connections(alone, 1) as (raw,):
        raw.writer.write(garbage)
        raw.writer.write_eof()
        answer = await asyncio.wait_for(raw.reader.read(), 20)
    assert answer == b"" or b" 400 " in answer.partition(b"\r\n")[0]
    assert b"Traceback" not in answer
    assert b".py" not in answer


QUOTED = "the text of an event"


async def breaks(request: web.Request) -> web.Response:
    raise RuntimeError(QUOTED)


async def test_a_fault_of_ours_is_500_with_an_id_and_without_a_word_of_the_error() -> None:
    app = web.Application(middlewares=[middleware(Door(1))])
    app.add_routes([web.post("/v1/events", breaks)])
    heard: list[Any] = []
    listening = logger.add(heard.append, level="ERROR", format="{message} {extra}")
    try:
        async with (
            TestServer(app) as server,
            ClientSession() as http,
            http.post(server.make_url("/v1/events"), headers={"X-Request-Id": "id-7"}) as answer,
        ):
            body = await answer.text()
            assert (answer.status, answer.headers["X-Request-Id"]) == (500, "id-7")
    finally:
        logger.remove(listening)
    assert "X-Request-Id" in orjson.loads(body)["message"]
    for secret in ("RuntimeError", QUOTED, "Traceback", ".py"):
        assert secret not in body
    assert "RuntimeError" in heard[0]
    assert QUOTED not in heard[0]
