"""The network's faults, tried on a server that says what it was told."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.house.proxy import Answer, Cut, LoseAnswer, Proxy, Stall, http, http_answer


class Echo:
    """Answers each line with itself, and remembers it."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            self.heard.append(line)
            writer.write(line)
        writer.close()


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    async with Proxy(server.sockets[0].getsockname()[1]).running() as proxy:
        yield proxy
    server.close()


async def ask(proxy: Proxy, line: bytes) -> bytes:
    """Everything that comes back until a full line or the end; a reset is the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(line)
        return await reader.readline()
    except ConnectionResetError:
        return b""
    finally:
        writer.transport.abort()


async def test_without_a_fault_a_question_is_answered(proxy: Proxy) -> None:
    assert await ask(proxy, b"hello\n") == b"hello\n"


async def test_a_cut_request_never_arrives(proxy: Proxy, echo: Echo) -> None:
    rule = proxy.rule(lambda chunk: b"now" in chunk, Cut())
    assert await ask(proxy, b"not yet\n") == b"not yet\n"
    assert await ask(proxy, b"now\n") == b""
    assert await ask(proxy, b"now\n") == b"now\n"
    assert (echo.heard, rule.hits) == ([b"not yet\n", b"now\n"], 1)


async def test_a_request_whose_answer_is_lost_has_arrived(proxy: Proxy, echo: Echo) -> None:
    proxy.rule(lambda _: True, LoseAnswer())
    assert await ask(proxy, b"hello\n") == b""
    assert echo.heard == [b"hello\n"]


async def test_a_stalled_request_is_never_answered_and_holds_up_no_other(
    proxy: Proxy, echo: Echo
) -> None:
    proxy.rule(lambda chunk: b"first" in chunk, Stall())
    asking = asyncio.create_task(ask(proxy, b"first\n"))
    assert await ask(proxy, b"second\n") == b"second\n"
    await asyncio.wait([asking], timeout=0.2)
    assert not asking.done()
    assert echo.heard == [b"second\n"]
    proxy.cut()
    assert await asking == b""


async def test_an_answer_may_be_lost_from_some_byte_on(proxy: Proxy) -> None:
    proxy.rule(lambda _: True, LoseAnswer(after_bytes=3))
    assert await ask(proxy, b"hello\n") in (b"hel", b"")


async def test_an_answer_of_the_network_spares_the_server(proxy: Proxy, echo: Echo) -> None:
    proxy.rule(http("PUT", "part=3"), http_answer(503, "SlowDown"))
    assert (await ask(proxy, b"PUT /a?part=3 HTTP/1.1\r\n")).startswith(b"HTTP/1.1 503")
    assert (await ask(proxy, b"PUT /a?part=4 HTTP/1.1\r\n")).startswith(b"PUT")
    assert len(echo.heard) == 1


async def test_nothing_moves_on_a_stalled_network_until_it_is_healed(proxy: Proxy) -> None:
    proxy.stalled = True
    asking = asyncio.create_task(ask(proxy, b"hello\n"))
    await asyncio.wait([asking], timeout=0.2)
    assert not asking.done()
    proxy.heal()
    assert await asking == b"hello\n"


async def test_a_network_that_is_down_cuts_the_old_and_refuses_the_new(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"hello\n")
    assert await reader.readline() == b"hello\n"
    proxy.take_down()
    assert await reader.read() == b""
    assert await ask(proxy, b"hello\n") == b""
    proxy.heal()
    assert await ask(proxy, b"hello\n") == b"hello\n"


def test_an_answer_is_http_that_a_client_can_read() -> None:
    assert isinstance(http_answer(503, "SlowDown"), Answer)
    head, body = http_answer(503, "SlowDown", "1").text.split(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"Retry-After: 1" in head
