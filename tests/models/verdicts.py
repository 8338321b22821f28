"""Judge records by the parcels' topic file; as a program, for another process to compare with.

`python -m tests.models.verdicts <folder>`: JSON lists of records in, a line each; verdicts out.
"""

import sys
from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from app.core.judge import EventType
from app.worker.records import Clock, weigh
from tests.models.log import LogRecord
from tests.models.parcels import kinds_of


def verdicts(kind: EventType, records: Sequence[LogRecord]) -> list[str]:
    """With one clock, as an agent has one."""
    clock = Clock()
    return [repr(weigh(kind, record, clock.received(record).at)) for record in records]


def record_text(record: LogRecord) -> Any:
    """A record as JSON."""
    headers = [[name, _text(value)] for name, value in record.headers]
    return [record.offset, record.timestamp, _text(record.value), headers]


def record_from(text: Any) -> LogRecord:
    offset, timestamp, value, headers = text
    read = tuple((name, _bytes(header)) for name, header in headers)
    return LogRecord(offset, timestamp, None, _bytes(value), read)


def _text(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)


if __name__ == "__main__":
    parcels = kinds_of(Path(sys.argv[1]))["first"]
    for line in sys.stdin:
        answer = verdicts(parcels, [record_from(text) for text in orjson.loads(line)])
        print(orjson.dumps(answer).decode(), flush=True)  # noqa: T201
