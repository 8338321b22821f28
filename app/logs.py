"""One pipe for all log lines: loguru, JSON in production, readable on a terminal.

Never bind or format a payload, a key or a secret. What is bound where it is known: `role, worker,
event, topic, partition, offset, seal, run, day, request_id, trace`.
"""

import atexit
import logging
import sys
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

import orjson
from loguru import logger

from app.redaction import hidden, hide, told, told_whole
from app.repeats import Place, Repeats

if TYPE_CHECKING:
    from loguru import Message, Record

REQUEST: ContextVar[str | None] = ContextVar("request", default=None)
"""The id of the request that this is about, for each line that is logged meanwhile: what loguru's
`contextualize` does, at a fraction of its price."""

TRACE: ContextVar[str | None] = ContextVar("trace", default=None)
"""The id of its trace, if the sender gave it one."""

BAD_HTTP = "aiohttp.http_exceptions"  # by name: most commands need no aiohttp
WARNING, ERROR = 30, 40
DIM, BOLD, RED, YELLOW, PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Line:
    """A line to be written. `library` names whose it is; empty: ours. `times`: said so often since
    the last one of its kind."""

    at: datetime
    level: str
    number: int
    message: str
    context: dict[str, Any]
    place: Place
    library: str = ""
    error: BaseException | None = None
    exception: str = ""
    times: int = 0


Listener = Callable[[Line], None]
_listeners: list[tuple[Listener, Callable[[], None]]] = []
_everywhere: dict[str, Any] = {}
_repeats: Repeats[Line] | None = None
_write: Callable[[Line], None] = print


def set_up_logs(
    level: str,
    format: Literal["auto", "json", "text"],
    *,
    secrets: Iterable[str] = (),
    **context: str,
) -> None:
    """Send loguru and the standard library's loggers to stderr, with `context` on every line and
    without `secrets` on any."""
    global _repeats, _write
    flush_logs()
    hide(secrets)
    _listeners.clear()
    _everywhere.clear()
    _everywhere.update(context)
    on_terminal = sys.stderr.isatty()
    as_json = format == "json" or (format == "auto" and not on_terminal)
    _write = _write_json if as_json else _write_colours if on_terminal else _write_text
    _repeats = Repeats(_say)
    logger.remove()
    logger.configure(extra={}, patcher=_with_context)
    logger.add(_take, level=level, format="{message}", catch=True, diagnose=False, backtrace=False)
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)


def always(**context: str) -> None:
    """Have this on every line from now on."""
    _everywhere.update(context)


def listen(listener: Listener, flush: Callable[[], None]) -> None:
    """Hand each line to this, too, after it was written; `flush` is called by `flush_logs`."""
    _listeners.append((listener, flush))


def flush_logs() -> None:
    """Say now how often was said what was said again and again; before a process ends."""
    if _repeats is not None:
        _repeats.flush()
    for _, flush in _listeners:
        flush()


atexit.register(flush_logs)


def _with_context(record: "Record") -> None:
    extra = record["extra"]
    for name, value in _everywhere.items():
        extra.setdefault(name, value)
    if (request_id := REQUEST.get()) is not None:
        extra["request_id"] = request_id
    if (trace := TRACE.get()) is not None:
        extra.setdefault("trace", trace)


def _take(message: "Message") -> None:
    record = message.record
    context = dict(record["extra"])
    library, template = context.pop("logger", ""), context.pop("_template", "")
    error = record["exception"].value if record["exception"] is not None else None
    line = Line(
        record["time"],
        record["level"].name,
        record["level"].no,
        record["message"],
        context,
        (record["file"].path, record["line"]),
        library,
        error,
        "" if error is None else told_whole(error),
    )
    if line.number < WARNING or _repeats is None:
        _say(line, 0)
        return
    kind = template or f"{context.get('event', '')} {line.message}"
    _repeats.take(line.place, kind, line)


def _say(line: Line, times: int) -> None:
    # What is said later must not hold on to what stood in the frames of its error.
    line = replace(line, times=times, error=None if times else line.error)
    _write(line)
    for listener, _ in _listeners:
        listener(line)


def _fields(line: Line) -> dict[str, Any]:
    more = {"logger": line.library} if line.library else {}
    return {**line.context, **more, **({"times": line.times} if line.times else {})}


def _write_json(line: Line) -> None:
    told = {"time": line.at.isoformat(), "level": line.level, "message": line.message}
    told |= _fields(line)
    if line.exception:
        told["exception"] = line.exception
    text = hidden(orjson.dumps(told, default=str).decode())
    sys.stderr.buffer.write(text.encode() + b"\n")
    sys.stderr.buffer.flush()


def _write_text(line: Line) -> None:
    exception = f"{line.exception}\n" if line.exception else ""
    text = f"{line.at:%H:%M:%S.%f}"[:-3] + f" {line.level: <7} {line.message} {_fields(line)}\n"
    sys.stderr.write(hidden(text + exception))  # whichever it is by now: a test's is gone with it


def _write_colours(line: Line) -> None:
    colour = RED if line.number >= ERROR else YELLOW if line.number >= WARNING else BOLD
    exception = f"{line.exception}\n" if line.exception else ""
    sys.stderr.write(
        hidden(
            f"{DIM}{f'{line.at:%H:%M:%S.%f}'[:-3]}{PLAIN} {colour}{line.level: <7}{PLAIN} "
            f"{line.message} {DIM}{_fields(line)}{PLAIN}\n{exception}"
        )
    )


class _Forward(logging.Handler):
    """Hand a standard-library record to loguru, from the line that logged it.

    Of exceptions among its arguments only what may be said is. What aiohttp says of a request that
    is no HTTP quotes it, and is left out.
    """

    def emit(self, record: logging.LogRecord) -> None:
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
        bound = logger.opt(depth=depth, exception=record.exc_info).bind(
            logger=record.name, _template=f"{record.name} {record.msg}"[:300]
        )
        bound.log(level, "{}", _message(record))


def _message(record: logging.LogRecord) -> str:
    if isinstance(record.args, tuple):
        record.args = tuple(told(a) if isinstance(a, BaseException) else a for a in record.args)
    if isinstance(record.msg, BaseException):
        return told(record.msg)
    try:
        said = record.getMessage()
    except (TypeError, ValueError):  # a library's own mistake
        said = str(record.msg)
    # What asyncio shows of a task that failed, from the second line on, quotes its error.
    return said.partition("\n")[0] if record.name == "asyncio" else said
