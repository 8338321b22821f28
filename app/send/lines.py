"""Events from an input, one by one, each with its line number; never more than one in memory."""

import gzip
import io
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from app.contracts.fields import Way
from app.core.errors import Fatal
from app.send.csv_rows import csv_events
from app.send.nest import nested

MAX_LINE_BYTES = 8 << 20
BOM = b"\xef\xbb\xbf"

Raw = bytes | bytearray | str | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One event as JSON text without a newline, or, if it can not be sent at all, why."""

    number: int
    body: bytes
    problem: str | None = None


Events = AsyncIterator["Raw | Line"] | Iterable["Raw | Line"]
"""JSON text, or objects to be written as JSON."""


async def numbered(events: Events) -> AsyncIterator[Line]:
    """Number the events from 1 where they are not yet, leaving out blank ones."""
    number = 0
    async for event in _each(events):
        number += 1
        line = event if isinstance(event, Line) else Line(number, _text(event))
        if line.body or line.problem:
            yield line


async def _each(events: Events) -> AsyncIterator["Raw | Line"]:
    if isinstance(events, AsyncIterator):
        async for event in events:
            yield event
    else:
        for event in events:
            yield event


def _text(event: Raw) -> bytes:
    match event:
        case Mapping():
            return orjson.dumps(event)
        case str():
            text = event.encode()
        case _:
            text = bytes(event)
    # In valid JSON a newline is only ever space between words; in NDJSON it would end the event.
    return text.strip().replace(b"\n", b" ")


@dataclass(frozen=True, slots=True)
class Source:
    """An opened file: `events` to send, and how far it has been read, for a progress bar."""

    events: Iterator[Line]
    size_bytes: int
    file: BinaryIO

    @property
    def read_bytes(self) -> int:
        return self.file.tell()


@contextmanager
def opened(
    path: Path,
    types: Mapping[str, str] | None = None,
    missing: frozenset[str] = frozenset({"", "NA"}),
    ways: Mapping[str, Way] | None = None,
) -> Iterator[Source]:
    """Open NDJSON (`.ndjson`, `.jsonl`, `.json`, any other name) or `.csv`, also with `.gz`.

    `types` are the contract's field types by name, `ways` where the fields belong in an event, and
    `missing` the words that mean "no value": all are for CSV.

    Raises:
        Fatal: the file can not be read, or its CSV header is wrong.
    """
    try:
        with path.open("rb") as file:
            stream = io.BufferedReader(gzip.GzipFile(fileobj=file)) if _zipped(path) else file
            lines = (
                _csv(stream, types or {}, missing, ways or {}) if _is_csv(path) else _ndjson(stream)
            )
            yield Source(lines, path.stat().st_size, file)
    except (OSError, EOFError, zlib.error) as error:
        raise Fatal(f"{path} can not be read: {error}") from error


def _zipped(path: Path) -> bool:
    return path.suffix == ".gz"


def _is_csv(path: Path) -> bool:
    return path.name.removesuffix(".gz").endswith(".csv")


def _ndjson(stream: BinaryIO) -> Iterator[Line]:
    number = 0
    while line := stream.readline(MAX_LINE_BYTES):
        number += 1
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield Line(number, b"", f"longer than {MAX_LINE_BYTES} bytes")
            continue
        yield Line(number, (line.removeprefix(BOM) if number == 1 else line).strip())


def _csv(
    stream: BinaryIO,
    types: Mapping[str, str],
    missing: frozenset[str],
    ways: Mapping[str, Way],
) -> Iterator[Line]:
    for number, event, problem in csv_events(stream, types, missing):
        yield Line(number, orjson.dumps(nested(event, ways)) if problem is None else b"", problem)
