"""The verdict on one event. No I/O and no clock: the same input always gives the same answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from app.core.errors import FilteredError, Reason, Rejected, RejectedError
from app.core.once import PerEvent
from app.core.warned import Warned

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventType:
    """A compiled contract: all that the hot path needs, as plain values and functions.

    * `parse`          bytes as sent → the validated event; raises `RejectedError`
    * `transform`      the event → the columns that land (without `day` and lineage)
    * `occurred_at`    the event → the instant it happened, aware
    * `day`            that instant → the calendar day in the contract's time zone
    * `partition_key`  the event → the Kafka key, as a Java producer would write it (UTF-8 text)
    * `bad_key`        a rejected event, as parsed JSON → the same key; raises if it is not there
    * `dedupe_key`     the columns that land → 16 bytes naming the event, equal for each copy
    * `remember`       how long a worker has to know a `dedupe_key`, at least
    * `line`           the columns and the day → one JSON object, no newline
    * `warnings`       bytes that were accepted → what to tell their sender; None: never anything
    * `runs`           whether a day is sent whole, in declared runs
    * `explode`        in place of `transform`, where an event is several rows: the event → what
                       names it, for `dedupe_key`, and its rows, in order
    """

    name: str
    version: int
    topic: str
    max_bytes: int
    late: timedelta | None
    early: timedelta
    keep: Literal["first", "last"]
    parse: Callable[[bytes], Row]
    transform: Callable[[Row], Row]
    occurred_at: Callable[[Row], datetime]
    day: Callable[[datetime], date]
    partition_key: Callable[[Row], bytes]
    bad_key: Callable[[Any], bytes]
    dedupe_key: Callable[[Row], bytes]
    line: Callable[[Row, date], bytes]
    warnings: Callable[[bytes], tuple[Warned, ...]] | None = None
    explode: Callable[[Row], tuple[Row, tuple[Row, ...]]] | None = None
    remember: timedelta = timedelta(days=3)
    runs: bool = False


class Accepted(PerEvent, frozen=True, gc=False):
    """A good event: as it was sent (`event`), as it lands (`row`), and the day it belongs to.

    Where an event is several rows, or none, these are `exploded`, and `row` only names the event.
    """

    event: Row
    row: Row
    day: date
    exploded: tuple[Row, ...] | None = None

    @property
    def rows(self) -> tuple[Row, ...]:
        return (self.row,) if self.exploded is None else self.exploded


@dataclass(frozen=True, slots=True)
class Filtered:
    """A good event that its contract leaves out, and `why`, in the contract's words."""

    event: Row
    day: date
    why: str


Verdict = Accepted | Filtered | Rejected


def judge(kind: EventType, raw: bytes, received_at: datetime) -> Verdict:
    """Judge one event as sent.

    `received_at` is the record's own time (the gateway's header, else Kafka's timestamp), so that
    a replay a week later comes to the same verdict.
    """
    if len(raw) > kind.max_bytes:
        return Rejected(
            Reason.TOO_LARGE, f"{len(raw)} bytes; an event may have {kind.max_bytes} bytes"
        )
    try:
        event = kind.parse(raw)
        occurred_at = kind.occurred_at(event)
        if kind.late is not None and received_at - occurred_at > kind.late:
            return Rejected(
                Reason.TOO_LATE,
                f"happened {_told(received_at - occurred_at)} before it was received; "
                f"up to {_told(kind.late)} is accepted",
            )
        if occurred_at - received_at > kind.early:
            return Rejected(
                Reason.TOO_EARLY,
                f"happened {_told(occurred_at - received_at)} after it was received; "
                f"up to {_told(kind.early)} is accepted: is the sender's clock right?",
            )
        if kind.explode is not None:
            row, rows = kind.explode(event)
            return Accepted(event, row, kind.day(occurred_at), rows)
        return Accepted(event, kind.transform(event), kind.day(occurred_at))
    except RejectedError as rejected:
        return rejected.verdict
    except FilteredError as filtered:
        return Filtered(event, kind.day(occurred_at), str(filtered))


def _told(span: timedelta) -> str:
    """`3 days`, or `3 days, 0:00:02`: to the second."""
    return str(timedelta(seconds=round(span.total_seconds()))).removesuffix(", 0:00:00")
