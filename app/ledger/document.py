"""How an entry looks as a document: plain values that BSON and JSON both hold exactly.

Times are text with microseconds and days are text, because BSON's own time keeps milliseconds
only; both sort as they should.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from app.core.seal import COUNTED, DayCounts, ObjectKind, Range, Seal, StoredObject
from app.ledger.chain import after_start, end_link, start_link
from app.ledger.protocol import ChainStart, Cursor, DayLoad, EntryKind, Incident
from app.ledger.summary import Summary

Document = dict[str, Any]


def time_text(moment: datetime) -> str:
    """UTC with microseconds, always as long, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def seal_document(seal: Seal, ends: Mapping[str, Cursor]) -> Document:
    """The one document of a seal; `ends` says by partition where the seal leaves its chain.

    `unloaded` alone changes later: the days with rows here that no committed load has named.
    """
    row_days = sorted({o.day.isoformat() for o in seal.objects if o.kind is ObjectKind.ROWS})
    days = {o.day.isoformat() for o in seal.objects} | {day.isoformat() for day in seal.days}
    return {
        "_id": seal.id,
        "kind": EntryKind.SEAL.value,
        "event": seal.event,
        "version": seal.version,
        "worker": seal.worker,
        "sealed_at": time_text(seal.sealed_at),
        "config_sha": seal.config_sha,
        "chain": list(seal.links),
        "ends": [end_link(tp, end) for tp, end in ends.items()],
        "ranges": [range_document(r, ends[r.tp]) for r in seal.ranges],
        "objects": [_object_document(stored) for stored in seal.objects],
        "counts": _counts_document(seal.received, seal.days, seal.dead_by_reason),
        "days": sorted(days),
        "row_days": row_days,
        "unloaded": row_days,
    }


def start_document(start: ChainStart) -> Document:
    """The first entry of a partition; its id is its link, so that it can be only one."""
    end = after_start(start)
    return {
        "_id": start_link(start.tp),
        "kind": EntryKind.START.value,
        "event": start.event,
        "topic_id": start.topic_id,
        "chain": [start_link(start.tp)],
        "ends": [end_link(start.tp, end)],
        "ranges": [range_document(Range(start.tp, start.first, start.first, 0), end)],
    }


def incident_document(incident: Incident, end: Cursor) -> Document:
    return {
        "_id": incident.id,
        "kind": EntryKind.INCIDENT.value,
        "event": incident.event,
        "what": incident.what,
        "seen_at": time_text(incident.seen_at),
        "topic_id": incident.topic_id,
        "chain": [incident.range.link],
        "ends": [] if end.ended else [end_link(incident.range.tp, end)],
        "ranges": [range_document(incident.range, end)],
    }


def summary_document(summary: Summary, ends: Mapping[tuple[str, int], Cursor]) -> Document:
    """`ends` says by partition and `next` where a range leaves its chain."""
    return {
        "_id": summary.id,
        "kind": EntryKind.SUMMARY.value,
        "event": summary.event,
        "seals": summary.seals,
        "sealed_from": time_text(summary.sealed_from),
        "sealed_at": time_text(summary.sealed_to),
        "made_at": time_text(summary.made_at),
        "chain": [r.link for r in summary.ranges],
        "ends": [end_link(r.tp, ends[r.tp, r.next]) for r in summary.ranges],
        "ranges": [range_document(r, ends[r.tp, r.next]) for r in summary.ranges],
        "counts": _counts_document(summary.received, summary.days, summary.dead_by_reason),
        "days": sorted(day.isoformat() for day in summary.days),
        "summed": [
            {"day": day.isoformat(), "seal": seal, "rows": rows}
            for day, of_day in sorted(summary.rows.items())
            for seal, rows in sorted(of_day.items())
        ],
        "objects": [],
        "unloaded": [],
    }


def range_document(r: Range, end: Cursor) -> Document:
    return {
        "tp": r.tp,
        "first": r.first,
        "next": r.next,
        "records": r.records,
        "changelog": r.changelog,
        "end": {"changelog": end.changelog, "topic_id": end.topic_id, "ended": end.ended},
    }


def load_document(load: DayLoad) -> Document:
    """All of a load but its id, which names event, table and day."""
    return {
        "event": load.event,
        "table": load.table,
        "day": load.day.isoformat(),
        "run": load.run,
        "fence": load.fence,
        "seals": list(load.seals),
        "staged": load.staged,
        "rows": load.rows,
        "loaded_at": time_text(load.loaded_at),
        "shown": load.shown,
        "hidden": load.hidden,
    }


def _object_document(stored: StoredObject) -> Document:
    return {
        "day": stored.day.isoformat(),
        "kind": stored.kind.value,
        "key": stored.key,
        "rows": stored.rows,
        "bytes": stored.bytes,
        "sha256": stored.sha256,
        "etag": stored.etag,
    }


def _counts_document(
    received: int, days: Mapping[date, DayCounts], dead_by_reason: Mapping[str, int]
) -> Document:
    return {
        "received": received,
        **_counted(sum(days.values(), DayCounts())),
        "dead_by_reason": dict(dead_by_reason),
        "days": [
            {"day": day.isoformat(), **_counted(counts)} for day, counts in sorted(days.items())
        ],
    }


def _counted(counts: DayCounts) -> Document:
    """Without what goes without saying: nothing `filtered`, as many `rows` as staged events."""
    found = {"staged": counts.staged, "duplicates": counts.duplicates, "dead": counts.dead}
    if counts.filtered:
        found["filtered"] = counts.filtered
    if counts.rows != counts.staged:
        found["rows"] = counts.rows
    return found


def counts_from(document: Document) -> DayCounts:
    return DayCounts(**{name: document[name] for name in COUNTED if name in document})


def seal_from(document: Document) -> Seal:
    return Seal(
        id=document["_id"],
        event=document["event"],
        version=document["version"],
        worker=document["worker"],
        sealed_at=datetime.fromisoformat(document["sealed_at"]),
        config_sha=document["config_sha"],
        ranges=tuple(range_from(r) for r in document["ranges"]),
        objects=tuple(object_from(stored) for stored in document["objects"]),
        days=_days_from(document),
        dead_by_reason=dict(document["counts"]["dead_by_reason"]),
    )


def _days_from(document: Document) -> dict[date, DayCounts]:
    return {date.fromisoformat(c["day"]): counts_from(c) for c in document["counts"]["days"]}


def summary_from(document: Document) -> Summary:
    rows: dict[date, dict[str, int]] = {}
    for one in document["summed"]:
        rows.setdefault(date.fromisoformat(one["day"]), {})[one["seal"]] = one["rows"]
    return Summary(
        id=document["_id"],
        event=document["event"],
        seals=document["seals"],
        sealed_from=datetime.fromisoformat(document["sealed_from"]),
        sealed_to=datetime.fromisoformat(document["sealed_at"]),
        made_at=datetime.fromisoformat(document["made_at"]),
        ranges=tuple(range_from(r) for r in document["ranges"]),
        days=_days_from(document),
        dead_by_reason=dict(document["counts"]["dead_by_reason"]),
        rows=rows,
    )


def incident_from(document: Document) -> Incident:
    return Incident(
        id=document["_id"],
        event=document["event"],
        range=range_from(document["ranges"][0]),
        what=document["what"],
        seen_at=datetime.fromisoformat(document["seen_at"]),
        topic_id=document["topic_id"],
    )


def entry_from(document: Document) -> Seal | Incident | Summary:
    """Any entry that covers offsets."""
    if document["kind"] == EntryKind.SUMMARY:
        return summary_from(document)
    return seal_from(document) if document["kind"] == EntryKind.SEAL else incident_from(document)


def range_from(document: Document) -> Range:
    names = ("tp", "first", "next", "records", "changelog")
    return Range(*(document[name] for name in names))


def end_from(document: Document) -> Cursor:
    """Where this range document leaves its chain."""
    end = document["end"]
    return Cursor(document["next"], end["changelog"], end["topic_id"], end.get("ended", False))


def object_from(document: Document) -> StoredObject:
    return StoredObject(
        day=date.fromisoformat(document["day"]),
        kind=ObjectKind(document["kind"]),
        key=document["key"],
        rows=document["rows"],
        bytes=document["bytes"],
        sha256=document["sha256"],
        etag=document["etag"],
    )


def load_from(document: Document) -> DayLoad:
    return DayLoad(
        event=document["event"],
        table=document["table"],
        day=date.fromisoformat(document["day"]),
        run=document["run"],
        fence=document["fence"],
        seals=tuple(document["seals"]),
        staged=document["staged"],
        rows=document["rows"],
        loaded_at=datetime.fromisoformat(document["loaded_at"]),
        shown=document.get("shown", ""),
        hidden=document.get("hidden", 0),
    )
