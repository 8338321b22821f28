"""One pipe for all log lines: loguru, JSON in production, readable on a terminal.

Never bind or format a payload, a key or a secret.
"""

import logging
import sys
from contextvars import ContextVar
from types import FrameType
from typing import TYPE_CHECKING, Literal

import orjson
from loguru import logger

if TYPE_CHECKING:
    from loguru import Message, Record

REQUEST: ContextVar[str | None] = ContextVar("request", default=None)
"""The id of the request that this is about, for each line that is logged meanwhile: what loguru's
`contextualize` does, at a fraction of its price."""

REPEAT_SECONDS = 10.0
BAD_HTTP = "aiohttp.http_exceptions"  # by name: most commands need no aiohttp

TEXT = (
    "<dim>{time:HH:mm:ss.SSS}</dim> <level>{level: <7}</level> {message} <dim>{extra}</dim>\n"
    "{exception}"
)


def set_up_logs(level: str, format: Literal["auto", "json", "text"], **context: str) -> None:
    """Send loguru and the standard library's loggers to stderr, with `context` on every line."""
    on_terminal = sys.stderr.isatty()
    as_json = format == "json" or (format == "auto" and not on_terminal)
    logger.remove()
    logger.configure(extra=dict(context), patcher=_with_request)
    if as_json:
        logger.add(_write_json, level=level)
    else:
        logger.add(_write_text, level=level, format=TEXT, colorize=on_terminal, diagnose=False)
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)


def _with_request(record: "Record") -> None:
    if (request_id := REQUEST.get()) is not None:
        record["extra"]["request_id"] = request_id


def _write_text(message: "Message") -> None:
    sys.stderr.write(message)  # whichever it is by now: a test's is gone when the test is


def _write_json(message: "Message") -> None:
    record = message.record
    line = {
        "time": record["time"].isoformat(),
        "level": record["level"].name,
        "message": record["message"],
        **record["extra"],
    }
    if record["exception"] is not None:
        line["exception"] = repr(record["exception"].value)
    sys.stderr.buffer.write(orjson.dumps(line, default=str) + b"\n")
    sys.stderr.buffer.flush()


class _Forward(logging.Handler):
    """Hand a standard-library record to loguru, from the line that logged it.

    A library that retries in a loop says the same many times a second (aiokafka does, while a
    broker is away): each line of code is heard once in `REPEAT_SECONDS`. What aiohttp says of a
    request that is no HTTP quotes it, and is left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._heard: dict[tuple[str, int], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        place = (record.pathname, record.lineno)
        if record.created - self._heard.get(place, 0.0) < REPEAT_SECONDS:
            return
        self._heard[place] = record.created
        if record.exc_info and type(record.exc_info[1]).__module__ == BAD_HTTP:
            logger.info("a request was no HTTP: {}", type(record.exc_info[1]).__name__)
            return
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        frame: FrameType | None = logging.currentframe()
        depth = 2
        while frame is not None and frame.f_code.co_filename == logging.__file__:
            frame, depth = frame.f_back, depth + 1
        logger.opt(depth=depth, exception=record.exc_info).bind(logger=record.name).log(
            level, record.getMessage()
        )
