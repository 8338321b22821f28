"""What every path and every answer has in common. Nothing here needs Kafka."""

import asyncio
import re
import socket
from contextlib import closing

import pytest
import uvloop

from app.core.errors import Fatal
from app.kafka import KafkaOptions
from app.metrics import GATEWAY_REQUESTS
from tests.gateway.orders import OPENAPI, Client, opened, order, order_type


async def test_a_gateway_is_alive_before_kafka_is_there_and_says_what_it_waits_for(
    alone: Client,
) -> None:
    assert (await alone.get("/livez")).status == 200
    ready = await alone.get("/readyz")
    assert ready.status == 503
    assert "kafka" in ready.json["waiting_for"]


async def test_events_before_kafka_is_there_get_503_and_a_time_to_come_back(alone: Client) -> None:
    answer = await alone.post("/v1/events/order_placed", order())
    assert (answer.status, answer.json["error"]) == (503, "kafka_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


async def test_the_api_describes_itself_without_another_host(alone: Client) -> None:
    assert (await alone.get("/openapi.json")).json == OPENAPI
    page = (await alone.get("/docs")).body.decode()
    assert "//" not in page.replace("<!doctype html>", "")
    for address in re.findall(r'(?:href|src)="([^"]+)"', page):
        if not address.startswith("data:"):
            assert (await alone.get(f"/{address}")).status == 200, address


async def test_the_docs_show_the_version_of_openapi_that_contracts_write(alone: Client) -> None:
    script = (await alone.get("/docs/swagger-ui-bundle.js")).body
    assert b"3.1" in script
    assert b"isOAS31" in script


@pytest.mark.parametrize("path", ["/docs/../docs.py", "/docs/index.html", "/docs/%2e%2e/x"])
async def test_only_the_files_of_the_docs_are_served(alone: Client, path: str) -> None:
    assert (await alone.get(path)).status == 404


async def test_a_path_that_is_not_there_says_what_to_do_in_json(alone: Client) -> None:
    answer = await alone.get("/v2/events")
    assert answer.status == 404
    assert "/docs" in answer.json["message"]


async def test_another_method_is_405_and_names_the_right_one(alone: Client) -> None:
    answer = await alone.get("/v1/events")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_a_request_id_comes_back_and_one_is_made_where_none_is_fit(alone: Client) -> None:
    named = await alone.post("/v1/validate/order_placed", order(), X_Request_Id="shop-17")
    assert named.headers["X-Request-Id"] == "shop-17"
    for unfit in ("", "x" * 200, "a b", '"}'):
        answer = await alone.post("/v1/validate/order_placed", order(), X_Request_Id=unfit)
        assert re.fullmatch("[0-9A-Z]{26}", answer.headers["X-Request-Id"])
    assert "X-Request-Id" in (await alone.get("/nowhere")).headers


async def test_requests_are_counted_by_status(alone: Client) -> None:
    async def count(status: int) -> float:
        metrics = (await alone.get("/metrics")).body.decode()
        found = re.search(
            rf'^forebay_gateway_requests_total{{status="{status}"}} (\S+)', metrics, re.M
        )
        return float(found[1]) if found else 0

    before = await count(400)
    await alone.post("/v1/validate/order_placed", b"{")
    assert await count(400) == before + 1


async def test_a_body_that_stops_arriving_is_408(nowhere: KafkaOptions) -> None:
    async with opened(nowhere, order_type(), ready=False, read_timeout_seconds=0.2) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.running.port)
        with closing(writer):
            writer.write(
                b"POST /v1/validate/order_placed HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
            )
            assert b" 408 " in await asyncio.wait_for(reader.readline(), 20)


@pytest.mark.parametrize(
    "request_text",
    [
        b"Content-Length: 50\r\n\r\n{",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    ],
)
async def test_a_body_that_breaks_off_is_no_fault_of_the_gateway(
    alone: Client, request_text: bytes
) -> None:
    failed = GATEWAY_REQUESTS.labels("500")
    before = failed._value.get()
    reader, writer = await asyncio.open_connection("127.0.0.1", alone.running.port)
    with closing(writer):
        writer.write(b"POST /v1/validate/order_placed HTTP/1.1\r\nHost: x\r\n" + request_text)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 20)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert failed._value.get() == before


async def test_an_address_in_use_is_fatal_and_names_the_setting(nowhere: KafkaOptions) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Fatal, match="GATEWAY__PORT"):
            async with opened(nowhere, order_type(), port=taken.getsockname()[1]):
                pass


async def test_the_memory_held_for_bodies_is_given_back(alone: Client) -> None:
    for body in (b"[", b"", b"x" * 19_000, b"[{}]"):
        await alone.post("/v1/validate/order_placed", body)
        await alone.post("/v1/validate/order_placed", body, Content_Encoding="gzip")
    metrics = (await alone.get("/metrics")).body.decode()
    assert "\nforebay_gateway_in_flight_bytes 0.0\n" in metrics


async def test_the_loop_is_the_one_that_a_gateway_runs_on() -> None:
    assert type(asyncio.get_running_loop()) is uvloop.Loop
