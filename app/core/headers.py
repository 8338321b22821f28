"""The Kafka headers that Forebay writes and reads."""

import re
from collections.abc import Iterable

RECEIVED_AT = "received-at"
"""When the gateway received the event: milliseconds since 1970 UTC, as ASCII digits."""

REJECTED = "rejected"
"""On an event that the gateway rejected and passed on to be kept: the reason."""

TRACEPARENT = "traceparent"
"""The trace that the sender's request is part of, as W3C writes it; also the name in HTTP."""

REPLAY_OF = "forebay-replay-of"
"""On a dead letter that was sent again: its name, `events.order_placed.v1/3@1200`."""

RUN = "forebay-run"
"""On an event that belongs to a declared run: the run's id, `2026-03-01.01JB…`."""

_traceparent = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def trace_id(traceparent: bytes) -> str | None:
    """The trace's id, 32 hexadecimal digits; None if it is not written as W3C says."""
    found = _traceparent.fullmatch(traceparent)
    return found[1].decode() if found is not None else None


def trace_in(headers: Iterable[tuple[str, bytes | None]]) -> str | None:
    """The id of the trace that a record is part of, None if its headers name none."""
    for name, value in headers:
        if name == TRACEPARENT and value is not None:
            return trace_id(value)
    return None
