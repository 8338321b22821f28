"""Entries and chains in SQLite: functions of a connection, each inside one transaction."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from sqlite3 import Connection, Row

from app.core.errors import Fenced
from app.core.seal import AS_STAGED, DayCounts, ObjectKind, Range, Seal, StoredObject
from app.ledger.chain import after, after_incident, after_start, start_link
from app.ledger.document import time_text
from app.ledger.protocol import ChainStart, Cursor, EntryKind, Incident, Link

START_SLOT = -1


def append_seal(db: Connection, seal: Seal) -> None:
    if _is_recorded(db, seal.id):
        (stored,) = seals_of(db, [_entry(db, seal.id)])
        if stored != seal:
            raise Fenced(f"another seal is recorded as {seal.id}")
        return
    ends = [after(_end_for(db, r), r) for r in seal.ranges]
    add_entry(db, seal.id, EntryKind.SEAL, seal.event, time_text(seal.sealed_at),
               version=seal.version, worker=seal.worker, config_sha=seal.config_sha)  # fmt: skip
    for position, (r, end) in enumerate(zip(seal.ranges, ends, strict=True)):
        add_link(db, seal.id, EntryKind.SEAL, seal.event, r, end, slot=r.first, position=position)
    add_counts(db, seal.event, seal.id, seal.days, seal.dead_by_reason)
    _add_objects(db, seal)


def append_start(db: Connection, start: ChainStart) -> None:
    """Begin a chain, unless it has begun."""
    if _end_of(db, start.tp) is not None:
        return
    identity = start_link(start.tp)
    add_entry(db, identity, EntryKind.START, start.event, "", topic_id=start.topic_id)
    r = Range(start.tp, start.first, start.first, 0)
    add_link(db, identity, EntryKind.START, start.event, r, after_start(start), slot=START_SLOT)


def append_incident(db: Connection, incident: Incident) -> None:
    if _is_recorded(db, incident.id):
        if incidents_of(db, [_entry(db, incident.id)]) != [incident]:
            raise Fenced(f"another incident is recorded as {incident.id}")
        return
    r = incident.range
    end = after_incident(_end_for(db, r), incident)
    add_entry(db, incident.id, EntryKind.INCIDENT, incident.event, time_text(incident.seen_at),
               what=incident.what, topic_id=incident.topic_id)  # fmt: skip
    add_link(db, incident.id, EntryKind.INCIDENT, incident.event, r, end, slot=r.first)


def find_cursors(db: Connection, tps: Iterable[str]) -> dict[str, Cursor]:
    return {tp: end for tp in tps if (end := _end_of(db, tp)) is not None}


def find_starts(db: Connection, tps: Iterable[str]) -> dict[str, int]:
    query = "SELECT first FROM links WHERE tp = ? AND slot = ?"
    rows = {tp: db.execute(query, (tp, START_SLOT)).fetchone() for tp in tps}
    return {tp: row["first"] for tp, row in rows.items() if row is not None}


def find_entry_at(db: Connection, tp: str, offset: int) -> tuple[EntryKind, Row] | None:
    """Its kind and its row of `entries`."""
    row = db.execute(
        "SELECT * FROM links WHERE tp = ? AND slot <= ? ORDER BY slot DESC LIMIT 1", (tp, offset)
    ).fetchone()
    if row is None or not row["first"] <= offset < row["next"]:  # a start covers no offset
        return None
    return EntryKind(row["kind"]), _entry(db, row["entry"])


def find_partitions(db: Connection) -> dict[str, list[str]]:
    partitions: dict[str, list[str]] = {}
    for event, tp in db.execute("SELECT DISTINCT event, tp FROM links ORDER BY event, tp"):
        partitions.setdefault(event, []).append(tp)
    return partitions


def page_of_chain(db: Connection, tp: str, beyond: int, limit: int) -> list[tuple[int, Link]]:
    """The next links of a partition, each with its slot; `beyond` is the last slot seen."""
    rows = db.execute(
        "SELECT * FROM links WHERE tp = ? AND slot > ? ORDER BY slot LIMIT ?", (tp, beyond, limit)
    )
    return [
        (row["slot"], Link(EntryKind(row["kind"]), row["entry"], range_of(row))) for row in rows
    ]


def page_of_seals(
    db: Connection, event: str | None, day: date | None, beyond: str, limit: int
) -> list[Seal]:
    where, values = _of(EntryKind.SEAL, event, beyond)
    if day is not None:
        where += """ AND id IN (SELECT entry FROM counts WHERE day = :day
                                UNION SELECT entry FROM objects WHERE day = :day)"""
        if event is not None:
            where = where.replace("WHERE day", "WHERE event = :event AND day")
        values["day"] = day.isoformat()
    return seals_of(db, db.execute(_page(where), values | {"limit": limit}).fetchall())


def page_of_incidents(db: Connection, event: str | None, beyond: str, limit: int) -> list[Incident]:
    where, values = _of(EntryKind.INCIDENT, event, beyond)
    return incidents_of(db, db.execute(_page(where), values | {"limit": limit}).fetchall())


def _of(kind: EntryKind, event: str | None, beyond: str) -> tuple[str, dict[str, object]]:
    where = "kind = :kind AND id > :beyond" + (" AND event = :event" if event is not None else "")
    return where, {"kind": kind.value, "beyond": beyond, "event": event}


def _page(where: str) -> str:
    return f"SELECT * FROM entries WHERE {where} ORDER BY id LIMIT :limit"


def _is_recorded(db: Connection, identity: str) -> bool:
    return db.execute("SELECT 1 FROM entries WHERE id = ?", (identity,)).fetchone() is not None


def _entry(db: Connection, identity: str) -> Row:
    row: Row = db.execute("SELECT * FROM entries WHERE id = ?", (identity,)).fetchone()
    return row


def _end_of(db: Connection, tp: str) -> Cursor | None:
    row = db.execute(
        "SELECT next, end_changelog, end_topic_id, kind = ? AND next = first FROM links"
        " WHERE tp = ? ORDER BY slot DESC LIMIT 1",
        (EntryKind.INCIDENT.value, tp),
    ).fetchone()
    if row is None:
        return None
    next, changelog, topic_id, ended = row
    return Cursor(next, changelog, topic_id, bool(ended))


def _end_for(db: Connection, r: Range) -> Cursor:
    # Nobody else writes before our COMMIT (BEGIN IMMEDIATE), so the end can not move meanwhile.
    end = _end_of(db, r.tp)
    if end is None or end.next != r.first or end.ended:
        where = "has no start" if end is None else f"ends at {end.next}"
        raise Fenced(f"{r.link} does not continue its chain, which {where}; nothing was recorded")
    return end


def add_entry(
    db: Connection, identity: str, kind: EntryKind, event: str, at: str, **more: str | int
) -> None:
    values = {"id": identity, "kind": kind.value, "event": event, "at": at, **more}
    columns, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    db.execute(f"INSERT INTO entries ({columns}) VALUES ({places})", values)


def add_link(
    db: Connection,
    entry: str,
    kind: EntryKind,
    event: str,
    r: Range,
    end: Cursor,
    *,
    slot: int,
    position: int = 0,
) -> None:
    db.execute(
        "INSERT INTO links VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (r.tp, slot, entry, position, kind.value, event, r.first, r.next, r.records, r.changelog,
         end.changelog, end.topic_id),
    )  # fmt: skip


def add_counts(
    db: Connection,
    event: str,
    entry: str,
    days: Mapping[date, DayCounts],
    dead_by_reason: Mapping[str, int],
) -> None:
    db.executemany(
        "INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (event, day.isoformat(), entry, c.staged, c.duplicates, c.dead, c.filtered,
             None if c.rows == c.staged else c.rows)
            for day, c in days.items()
        ],
    )  # fmt: skip
    db.executemany(
        "INSERT INTO reasons VALUES (?, ?, ?)",
        [(entry, str(reason), dead) for reason, dead in dead_by_reason.items()],
    )


def _add_objects(db: Connection, seal: Seal) -> None:
    db.executemany(
        "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (seal.id, position, seal.event, o.day.isoformat(), o.kind.value, o.key, o.rows,
             o.bytes, o.sha256, o.etag)
            for position, o in enumerate(seal.objects)
        ],
    )  # fmt: skip
    days = {o.day.isoformat() for o in seal.objects if o.kind is ObjectKind.ROWS}
    db.executemany(
        "INSERT INTO unloaded VALUES (?, ?, ?)", [(seal.event, day, seal.id) for day in days]
    )


def seals_of(db: Connection, entries: Sequence[Row]) -> list[Seal]:
    ids = json.dumps([entry["id"] for entry in entries])
    ranges, objects, counts, reasons = (
        by_entry(db, f"SELECT * FROM {table} WHERE entry IN (SELECT value FROM json_each(?))"
                      f" ORDER BY {order}", ids)
        for table, order in (("links", "position"), ("objects", "position"),
                             ("counts", "day"), ("reasons", "reason"))
    )  # fmt: skip
    return [
        Seal(
            id=entry["id"],
            event=entry["event"],
            version=entry["version"],
            worker=entry["worker"],
            sealed_at=datetime.fromisoformat(entry["at"]),
            config_sha=entry["config_sha"],
            ranges=tuple(range_of(row) for row in ranges[entry["id"]]),
            objects=tuple(stored_object(row) for row in objects[entry["id"]]),
            days={date.fromisoformat(c["day"]): counts_of(c) for c in counts[entry["id"]]},
            dead_by_reason={row["reason"]: row["dead"] for row in reasons[entry["id"]]},
        )
        for entry in entries
    ]


def incidents_of(db: Connection, entries: Sequence[Row]) -> list[Incident]:
    ids = json.dumps([entry["id"] for entry in entries])
    ranges = by_entry(
        db, "SELECT * FROM links WHERE entry IN (SELECT value FROM json_each(?))", ids
    )
    return [
        Incident(
            id=entry["id"],
            event=entry["event"],
            range=range_of(ranges[entry["id"]][0]),
            what=entry["what"],
            seen_at=datetime.fromisoformat(entry["at"]),
            topic_id=entry["topic_id"],
        )
        for entry in entries
    ]


def by_entry(db: Connection, query: str, ids: str) -> Mapping[str, list[Row]]:
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for row in db.execute(query, (ids,)):
        rows[row["entry"]].append(row)
    return rows


def range_of(row: Row) -> Range:
    return Range(row["tp"], row["first"], row["next"], row["records"], row["changelog"])


def counts_of(row: Row) -> DayCounts:
    rows = AS_STAGED if row["rows"] is None else row["rows"]
    return DayCounts(row["staged"], row["duplicates"], row["dead"], row["filtered"], rows)


def stored_object(row: Row) -> StoredObject:
    return StoredObject(
        day=date.fromisoformat(row["day"]),
        kind=ObjectKind(row["kind"]),
        key=row["key"],
        rows=row["rows"],
        bytes=row["bytes"],
        sha256=row["sha256"],
        etag=row["etag"],
    )
