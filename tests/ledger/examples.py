"""Seals, incidents and loads that add up, with only what a test is about spelt out."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from ulid import ULID

from app.core.seal import DayCounts, ObjectKind, Range, Seal, StoredObject
from app.ledger.protocol import ChainStart, DayLoad, Incident

EVENT = "order_placed"
TABLE = "RAW.ORDER_PLACED"
TP = "events.order_placed.v1/0"
OTHER_TP = "events.order_placed.v1/1"
MONDAY = date(2026, 3, 2)
TUESDAY = date(2026, 3, 3)
NOON = datetime(2026, 3, 3, 12, 0, 0, 123456, tzinfo=UTC)


def new_id(moment: datetime | None = None) -> str:
    return str(ULID.from_datetime(moment) if moment else ULID())


def start(tp: str = TP, first: int = 0, *, event: str = EVENT, topic_id: str = "t1") -> ChainStart:
    return ChainStart(event, tp, first, topic_id)


def seal(
    *ranges: Range,
    days: Mapping[date, DayCounts] | None = None,
    event: str = EVENT,
    id: str = "",
    sealed_at: datetime = NOON,
    worker: str = "w1",
) -> Seal:
    """Without `days` all records are staged, for Monday."""
    if days is None:
        days = {MONDAY: DayCounts(staged=sum(r.records for r in ranges))}
    id = id or new_id()
    dead = sum(c.dead for c in days.values())
    return Seal(
        id=id,
        event=event,
        version=1,
        worker=worker,
        sealed_at=sealed_at,
        config_sha="c0ffee",
        ranges=ranges,
        objects=tuple(objects(id, event, days)),
        days=days,
        dead_by_reason={"schema": dead} if dead else {},
    )


def objects(id: str, event: str, days: Mapping[date, DayCounts]) -> list[StoredObject]:
    """One object per day and kind, where there are rows."""
    return [
        StoredObject(day, kind, f"{event}/dt={day}/{id}.{kind}.gz", rows, rows * 10, "5ha", "e7ag")
        for day, counts in days.items()
        for kind, rows in ((ObjectKind.ROWS, counts.rows), (ObjectKind.DEAD, counts.dead))
        if rows
    ]


def span(first: int, next: int, tp: str = TP, *, changelog: int = -1) -> Range:
    """Offsets `first` to `next - 1`, all of them records."""
    return Range(tp, first, next, next - first, changelog)


def incident(first: int, next: int, tp: str = TP, *, topic_id: str = "t1") -> Incident:
    lost = Range(tp, first, next, 0)
    return Incident(new_id(), EVENT, lost, "retention overtook us", NOON, topic_id)


def load(
    day: date, fence: int, seals: Sequence[str], *, rows: int = 1, event: str = EVENT
) -> DayLoad:
    loaded_at = NOON + timedelta(minutes=fence)
    return DayLoad(event, TABLE, day, f"run-{fence}", fence, tuple(seals), rows, rows, loaded_at)
