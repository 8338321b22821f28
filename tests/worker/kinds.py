"""Two small event types, compiled by hand: the worker needs no topic files."""

import re
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b

import orjson

from app.core.errors import Reason, RejectedError
from app.core.judge import EventType, Row


def _parse(raw: bytes) -> Row:
    try:
        event = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise RejectedError(Reason.NOT_JSON, "not JSON") from error
    if not isinstance(event, dict) or not isinstance(event.get("id"), str):
        raise RejectedError(Reason.SCHEMA, "a text is wanted", "id")
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(event.get("at"))):
        raise RejectedError(Reason.SCHEMA, "a timestamp is wanted", "at")
    return event


def _line(row: Row, day: date) -> bytes:
    return orjson.dumps({"day": day.isoformat(), **row})


def kind(
    name: str, *, late: timedelta | None = None, keep: str = "first", max_bytes: int = 100_000
) -> EventType:
    """An event `{"id": …, "at": …, …}`, deduplicated by `id`."""
    return EventType(
        name=name,
        version=1,
        topic=f"events.{name}.v1",
        max_bytes=max_bytes,
        late=late,
        early=timedelta(days=36_500),
        keep="last" if keep == "last" else "first",
        parse=_parse,
        transform=lambda event: event,
        occurred_at=lambda event: datetime.strptime(event["at"], "%Y-%m-%dT%H:%M:%SZ").replace(
            tzinfo=UTC
        ),
        day=lambda at: at.date(),
        partition_key=lambda event: str(event["id"]).encode(),
        bad_key=lambda event: str(event["id"]).encode(),
        dedupe_key=lambda row: blake2b(str(row["id"]).encode(), digest_size=16).digest(),
        line=_line,
    )


def event(number: int, day: int = 1, **more: object) -> bytes:
    """Event `number` of a day of March 2026, as sent."""
    return orjson.dumps({"id": f"e{number}", "at": f"2026-03-{day:02d}T12:00:00Z", **more})
