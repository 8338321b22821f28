"""One pipe: everybody's lines go through it, with what is bound, and without what is secret."""

import asyncio
import gc
import logging
import warnings

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from aiokafka.errors import KafkaConnectionError
from loguru import logger

from app.core.errors import Fatal, Transient
from app.core.headers import TRACEPARENT
from app.gateway.door import Door
from app.gateway.http import middleware
from app.logs import always, flush_logs
from app.redaction import cause_of
from tests.logs.pipe import lines, piped

MARK = "xanthippe"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    "library", ["faust", "mode", "aiokafka", "botocore", "snowflake.connector"]
)
def test_lines_of_libraries_go_through_the_pipe_with_what_is_on_every_line(
    library: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with piped(role="worker"):
        always(worker="w1")
        logging.getLogger(library).error("no connection to %s", "broker 3")
        logging.getLogger(library).info("chatter")
    (line,) = lines(capfd)
    assert line["message"] == "no connection to broker 3"
    assert (line["role"], line["worker"]) == ("worker", "w1")
    assert (line["level"], line["logger"]) == ("ERROR", library)


def test_a_warning_of_python_goes_through_the_pipe(capfd: pytest.CaptureFixture[str]) -> None:
    with piped():
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert any("old" in line["message"] for line in lines(capfd))


def test_a_hot_error_is_written_at_once_and_the_rest_of_it_as_one_line_with_a_count(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with piped():
        for number in range(500):
            logger.bind(event="order", offset=number).error("judging raised KeyError")
        logger.bind(event="parcel").error("judging raised KeyError")
        for number in range(40):
            logging.getLogger("aiokafka").error("node %s is away", number)
        logger.info("all is well")
        logger.info("all is well")
        flush_logs()
    told = [(line["message"], line.get("event"), line.get("times")) for line in lines(capfd)]
    assert told == [
        ("judging raised KeyError", "order", None),
        ("judging raised KeyError", "parcel", None),
        ("node 0 is away", None, None),
        ("all is well", None, None),
        ("all is well", None, None),
        ("judging raised KeyError", "order", 499),
        ("node 39 is away", None, 39),
    ]


def raised_of_an_event() -> Exception:
    """As a bug would: the event in the text, in the cause's text, and in a local variable."""
    event = {"email": f"{MARK}@example.com"}
    try:
        try:
            {}[event["email"]]
        except KeyError as error:
            raise ValueError(f"can not read {event}") from error
    except ValueError as error:
        return error


async def die_unheard(error: Exception) -> None:
    async def die() -> None:
        raise error

    task = asyncio.create_task(die())
    await asyncio.wait({task})
    del task
    gc.collect()
    await asyncio.sleep(0)


async def test_what_an_error_quotes_of_an_event_is_in_no_line(
    capfd: pytest.CaptureFixture[str],
) -> None:
    error = raised_of_an_event()
    with piped():
        logger.opt(exception=error).error("something failed")
        logging.getLogger("faust").error("agent raised %r", error, exc_info=error)
        logging.getLogger("mode").error(error)
        logging.getLogger("strange").error("no arguments fit: %s %s", 1, exc_info=error)
        await die_unheard(raised_of_an_event())
        flush_logs()
    said = lines(capfd)
    assert len(said) == 5
    assert MARK not in str(said)
    assert "ValueError" in said[0]["exception"]
    assert "KeyError" in said[0]["exception"]
    assert "raised_of_an_event" in said[0]["exception"]
    assert said[1]["message"] == "agent raised 'ValueError'"


async def test_in_the_form_for_people_neither(capfd: pytest.CaptureFixture[str]) -> None:
    from app.logs import set_up_logs

    with piped():
        set_up_logs("DEBUG", "text", secrets=["a-secret-word"], role="worker")
        logger.opt(exception=raised_of_an_event()).error("failed with a-secret-word")
    said = capfd.readouterr().err
    assert MARK not in said
    assert "a-secret-word" not in said
    assert "ERROR   failed with ***" in said
    assert "'role': 'worker'" in said


def test_the_text_of_an_error_that_tells_of_a_connection_is_said(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with piped():
        for error in (Transient("S3 said 503"), KafkaConnectionError("no node"), OSError("no way")):
            logger.opt(exception=error).error("{}", cause_of(error))
    assert [line["exception"].splitlines()[-1] for line in lines(capfd)] == [
        "Transient: S3 said 503",
        "KafkaConnectionError: KafkaConnectionError: no node",
        "OSError: no way",
    ]


def test_a_secret_is_in_no_line_however_it_is_spelt(capfd: pytest.CaptureFixture[str]) -> None:
    secret = 'p"ss/wörd+1'
    with piped(secret, "abc", ""):
        logger.error("can not reach redis://:p%22ss%2Fw%C3%B6rd%2B1@redis:6379")
        logger.bind(url=f"redis://:{secret}@redis").error("no")
        logger.opt(exception=Fatal(f"refused: {secret}")).error("abc")
        logging.getLogger("redis").error("auth %s failed", secret)
    said = capfd.readouterr().err
    assert "rd+1" not in said
    assert "rd%2B1" not in said
    assert said.count("***") == 4
    assert '"abc"' in said  # too short to be one


async def test_the_trace_of_a_request_is_on_its_lines_and_on_no_other(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async def handler(request: web.Request) -> web.Response:
        logger.info("at {}", request.query["n"])
        return web.Response()

    app = web.Application(middlewares=[middleware(Door(1))])
    app.add_routes([web.get("/", handler)])
    given = [f"00-{TRACE}-00f067aa0ba902b7-01", None, f"00-{TRACE}", MARK]
    with piped():
        async with TestServer(app) as server, ClientSession() as http:
            for number, parent in enumerate(given):  # on one connection
                headers = {TRACEPARENT: parent} if parent else {}
                async with http.get(server.make_url(f"/?n={number}"), headers=headers) as answer:
                    assert answer.status == 200
    told = {line["message"]: line.get("trace") for line in lines(capfd)}
    assert told == {"at 0": TRACE, "at 1": None, "at 2": None, "at 3": None}
