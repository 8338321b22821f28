"""The verdict on each event of a request, and what is to be stored of it."""

import asyncio
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from app.contracts.openapi import NOT_ALLOWED
from app.core.errors import Reason, Rejected
from app.core.judge import Accepted, EventType, Filtered, judge
from app.core.once import PerEvent
from app.core.reruns import unfit_run
from app.core.warned import Warned
from app.gateway.delivery import Record
from app.gateway.split import Sent

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TURN_EVENTS, TURN_BYTES = 200, 256 * 1024
"""Judged at a stretch, before other requests get their turn."""

UNKNOWN = "unknown"
"""Stands for every event name that has no contract, where names are metric labels."""

MAX_KEY_BYTES = 1_000
"""Of a bad event: it may be a whole document."""

NOT_KEPT = (Reason.NOT_JSON, Reason.UNKNOWN_EVENT, Reason.TOO_LARGE)


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """Not judged at all: who sent it may not send events of this type. Looks like a `Rejected`,
    whose reasons are about events."""

    message: str = "your key may not send events of this type"
    reason: str = NOT_ALLOWED
    field: str | None = "type"


NOT_THEIRS = NotAllowed()


class Verdict(PerEvent, frozen=True, gc=False):
    """`rejected` is None for a good event; `record` is None for one that is not to be stored.

    `warnings` are what the sender of a good one is told. `filtered` says why a good one will become
    no row; it is stored all the same, for the worker counts it, as those that never passed here.
    """

    event: str
    rejected: Rejected | NotAllowed | None
    record: Record | None
    warnings: tuple[Warned, ...] = ()
    filtered: str | None = None


async def judged(
    kinds: Mapping[str, EventType],
    sent: Sequence[Sent],
    received_ms: int,
    allowed: Container[str] | None = None,
    run: str = "",
) -> list[Verdict]:
    """Judge each event as the worker will, received at the same time and in the same run; those of
    types that are not `allowed` (None: all are) are not looked at."""
    received_at = EPOCH + timedelta(milliseconds=received_ms)
    verdicts: list[Verdict] = []
    events = size = 0
    for one in sent:
        events, size = events + 1, size + len(one.raw)
        if events > TURN_EVENTS or size > TURN_BYTES:
            await asyncio.sleep(0)
            events, size = 1, len(one.raw)
        verdicts.append(_judge(kinds, one, received_at, allowed, run))
    return verdicts


def _judge(
    kinds: Mapping[str, EventType],
    sent: Sent,
    received_at: datetime,
    allowed: Container[str] | None,
    run: str,
) -> Verdict:
    kind = kinds.get(sent.type) if sent.type is not None else None
    if kind is None:
        return Verdict(UNKNOWN, _unknown(sent.type), None)
    if allowed is not None and kind.name not in allowed:
        return Verdict(kind.name, NOT_THEIRS, None)
    verdict = judge(kind, sent.raw, received_at)
    if isinstance(verdict, Rejected):
        return Verdict(kind.name, verdict, _dead_letter(kind, verdict, sent.raw))
    key = kind.partition_key(verdict.event)
    if kind.runs and isinstance(verdict, Accepted) and (unfit := unfit_run(run, verdict.day)):
        return Verdict(kind.name, unfit, Record(kind.topic, key, sent.raw, unfit.reason))
    record = Record(kind.topic, key, sent.raw)
    warnings = kind.warnings(sent.raw) if kind.warnings is not None else ()
    why = verdict.why if isinstance(verdict, Filtered) else None
    return Verdict(kind.name, None, record, warnings, why)


def _unknown(type: str | None) -> Rejected:
    if type is None:
        return Rejected(
            Reason.UNKNOWN_EVENT, 'an event here looks like {"type": "…", "data": {…}}', "type"
        )
    return Rejected(
        Reason.UNKNOWN_EVENT, "there is no event of this type; /docs lists them", "type"
    )


def _dead_letter(kind: EventType, rejected: Rejected, raw: bytes) -> Record | None:
    """A bad event travels to the worker too, which keeps it: as a whole, or it can not be."""
    if rejected.reason in NOT_KEPT or not raw.startswith(b"{"):
        return None
    return Record(kind.topic, _key_of_rejected(kind, rejected, raw), raw, rejected.reason)


def _key_of_rejected(kind: EventType, rejected: Rejected, raw: bytes) -> bytes | None:
    """Its key when it can be read, so that it stays in order with its kin."""
    if rejected.reason is not Reason.SCHEMA:  # then it was parsed
        return kind.partition_key(kind.parse(raw))
    try:
        key = kind.bad_key(orjson.loads(raw))
    except Exception:  # made for valid events only: whatever it stumbles over, there is no key
        return None
    return key if len(key) <= MAX_KEY_BYTES else None
