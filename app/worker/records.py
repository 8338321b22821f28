"""One Kafka record: when it was received, what it is worth, and how it is kept if it is bad."""

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple, Protocol

import orjson
from loguru import logger

from app.core.errors import Reason, Rejected
from app.core.headers import RECEIVED_AT
from app.core.judge import Accepted, EventType, Filtered, judge
from app.core.once import PerEvent
from app.core.reruns import run_in, unfit_run

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MILLISECOND = 253_402_300_799_999


class Record(Protocol):
    """What aiokafka reads (`record_form.py`). `timestamp` is milliseconds since 1970, -1: none."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Received(NamedTuple):
    """The instant a record was received: as judged, and as it is written."""

    at: datetime
    text: str


class Clock:
    """Reads the time a record was received; never the wall clock, so that a replay agrees.

    Records come in the order of their times, by and large: each often shares the last one's
    millisecond, being of one batch of the gateway, and nearly always its second.
    """

    def __init__(self) -> None:
        self._ms = self._second = -1
        self._received = Received(EPOCH, "")
        self._began, self._to_the_second = EPOCH, ""

    def received(self, record: Record) -> Received:
        """The gateway's header, else Kafka's timestamp; out of range is the nearest in range."""
        ms = min(max(_from_header(record) or record.timestamp, 0), LAST_MILLISECOND)
        if ms != self._ms:
            self._ms = ms
            second, rest = divmod(ms, 1000)
            if second != self._second:
                self._second, self._began = second, EPOCH + timedelta(seconds=second)
                self._to_the_second = self._began.isoformat().removesuffix("+00:00")
            at = self._began + timedelta(milliseconds=rest)
            self._received = Received(at, f"{self._to_the_second}.{rest:03}Z")
        return self._received


def _from_header(record: Record) -> int | None:
    for name, value in record.headers:
        if name == RECEIVED_AT and value is not None and len(value) < 16 and value.isdigit():
            return int(value)
    return None


class Good(PerEvent, frozen=True, gc=False):
    """`key` names the event among those of its type (16 bytes), and of its `run` if it is of one;
    each of `lines`, its rows in order, is JSON without a newline."""

    key: bytes
    day: date
    lines: tuple[bytes, ...]
    run: str = ""


def weigh(
    kind: EventType, record: Record, received_at: datetime, partition: int | None = None
) -> Good | Filtered | Rejected:
    """Judge a record, of this `partition` if it is one of Kafka's. Whatever is in it, there is an
    answer: a bad event never blocks."""
    if record.value is None:
        return Rejected(Reason.NOT_JSON, "a record without a value holds no event")
    try:
        verdict = judge(kind, record.value, received_at)
        if not isinstance(verdict, Accepted):
            return verdict
        day, run = verdict.day, ""
        if kind.runs:
            run = run_in(record.headers)
            if unfit := unfit_run(run, day):
                return unfit
        if verdict.exploded is None:
            lines: tuple[bytes, ...] = (kind.line(verdict.row, day),)
        else:
            lines = tuple(kind.line(row, day) for row in verdict.exploded)
        key = kind.dedupe_key(verdict.row)
        if run:
            lines, key = _in_run(run, lines, key)
        return Good(_identity(kind, key, lines), day, lines, run)
    except Exception as error:
        # A hole in a contract's code must not stop the partition; the breaker stops a flood.
        where = {"event": kind.name, "topic": kind.topic, "partition": partition}
        bug = logger.bind(**where, offset=record.offset, job=f"judging {kind.name}")
        bug.error("judging {} raised {}", kind.topic, type(error).__name__)
        message = f"could not be processed ({type(error).__name__})"
        return Rejected(Reason.TRANSFORM, message)


def _in_run(run: str, lines: tuple[bytes, ...], key: bytes) -> tuple[tuple[bytes, ...], bytes]:
    """Its rows say which run they are of; and the same event in another run is no copy of it."""
    said = b',"_run":"%b"}' % run.encode()
    own = blake2b(key + run.encode(), digest_size=16).digest()
    return tuple(line[:-1] + said for line in lines), own


def _identity(kind: EventType, key: bytes, lines: tuple[bytes, ...]) -> bytes:
    """With `keep: last` a changed copy is another event here; the load lets the newest stand."""
    if kind.keep == "first":
        return key
    return blake2b(b"".join((key, *lines)), digest_size=16).digest()


def dead_letter(
    kind: EventType,
    log: str,
    partition: int,
    record: Record,
    received: Received,
    verdict: Rejected,
) -> bytes:
    """One NDJSON line that holds the record whole: bytes are base64, null where there were none.

    `log` names the topic as the ledger does. `headers` are [name, value] pairs, for a name may
    appear twice.
    """
    return orjson.dumps(
        {
            "event": kind.name,
            "reason": verdict.reason,
            "field": verdict.field,
            "message": verdict.message,
            "topic": log,
            "partition": partition,
            "offset": record.offset,
            "received_at": received.text,
            "key": _base64(record.key),
            "headers": [[name, _base64(value)] for name, value in record.headers],
            "value": _base64(record.value),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _base64(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode()
