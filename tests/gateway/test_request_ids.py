"""A request's id is on each line that is logged about it, and on no other."""

import asyncio
import sys
from collections.abc import Iterator

import orjson
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from loguru import logger

from app.gateway.door import Door
from app.gateway.http import REQUEST_ID, middleware
from app.logs import set_up_logs


@pytest.fixture
def json_logs() -> Iterator[None]:
    set_up_logs("INFO", "json", role="gateway")
    yield
    logger.configure(handlers=[{"sink": sys.stderr}], extra={}, patcher=lambda _: None)


async def told_twice(request: web.Request) -> web.Response:
    logger.info("first of {}", request.query["n"])
    await asyncio.sleep(0.01)
    await asyncio.create_task(told_in_a_task(request.query["n"]))
    return web.Response()


async def told_in_a_task(number: str) -> None:
    logger.info("second of {}", number)


@pytest.mark.usefixtures("json_logs")
async def test_each_line_has_the_id_of_its_request_and_lines_about_none_have_none(
    capfd: pytest.CaptureFixture[str],
) -> None:
    app = web.Application(middlewares=[middleware(Door(1))])
    app.add_routes([web.get("/", told_twice)])
    async with TestServer(app) as server, ClientSession() as http:

        async def ask(number: int) -> None:
            headers = {REQUEST_ID: f"id-{number}"} if number else {}
            async with http.get(server.make_url(f"/?n={number}"), headers=headers) as answer:
                ids[number] = answer.headers[REQUEST_ID]

        ids: dict[int, str] = {}
        await asyncio.gather(*(ask(number) for number in range(10)))
        await ask(10)  # on a connection that was used before
        logger.info("about none")
    lines = [orjson.loads(line) for line in capfd.readouterr().err.splitlines() if line[:1] == "{"]
    told = {line["message"]: line.get("request_id") for line in lines}
    assert told == {
        f"{which} of {number}": ids[number] for number in range(11) for which in ("first", "second")
    } | {"about none": None}
    assert len(set(ids.values())) == 11
    assert ids[7] == "id-7"
