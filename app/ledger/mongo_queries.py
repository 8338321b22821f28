"""Indexes and aggregations of the Mongo ledger."""

from collections.abc import Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel

Stage = dict[str, Any]

INDEXES = (
    # The whole fencing of workers: each link can be taken once, over all documents.
    IndexModel([("chain", ASCENDING)], name="chain", unique=True),
    IndexModel([("ends", ASCENDING)], name="ends"),
    IndexModel([("kind", ASCENDING), ("event", ASCENDING), ("_id", ASCENDING)], name="entries"),
    IndexModel([("event", ASCENDING), ("days", ASCENDING), ("_id", ASCENDING)], name="days"),
    IndexModel(
        [("event", ASCENDING), ("row_days", ASCENDING), ("_id", ASCENDING)], name="row_days"
    ),
    IndexModel([("event", ASCENDING), ("unloaded", ASCENDING)], name="unloaded"),
    IndexModel([("summed.seal", ASCENDING)], name="summed", sparse=True),
    IndexModel([("ranges.tp", ASCENDING), ("ranges.first", ASCENDING)], name="ranges"),
)


def ranges_of(tp: str) -> list[Stage]:
    """Each entry of a partition with `ranges` being its one range there."""
    return [
        {"$match": {"ranges.tp": tp}},
        {"$unwind": "$ranges"},
        {"$match": {"ranges.tp": tp}},
        {"$project": {"kind": 1, "ranges": 1}},
    ]


def chain_of(tp: str) -> list[Stage]:
    """In order. A start and the first entry after it share `first`, not `next`, unless that one
    ends the chain: then it goes by the kind, "incident" before "start", backwards."""
    return [*ranges_of(tp), {"$sort": {"ranges.first": 1, "ranges.next": 1, "kind": -1}}]


def last_of(tp: str) -> list[Stage]:
    return [
        *ranges_of(tp),
        {"$sort": {"ranges.first": -1, "ranges.next": -1, "kind": 1}},
        {"$limit": 1},
    ]


def row_objects_of(event: str, days: Sequence[str]) -> list[Stage]:
    """By seal id, only the row objects of these days."""
    wanted = {"$and": [{"$eq": ["$$o.kind", "rows"]}, {"$in": ["$$o.day", list(days)]}]}
    return [
        {"$match": {"event": event, "row_days": {"$in": list(days)}}},
        {"$sort": {"_id": 1}},
        {"$project": {"objects": {"$filter": {"input": "$objects", "as": "o", "cond": wanted}}}},
    ]


def totals_of(event: str) -> list[Stage]:
    """Sums by day. One pass, so that a seal recorded meanwhile counts wholly or not at all."""
    stored = {"$filter": {"input": "$objects", "as": "o", "cond": {"$eq": ["$$o.day", "$$c.day"]}}}
    rows = {"$ifNull": ["$$c.rows", "$$c.staged"]}
    of_day = {
        "day": "$$c.day",
        "staged": "$$c.staged",
        "duplicates": "$$c.duplicates",
        "dead": "$$c.dead",
        "filtered": "$$c.filtered",
        "rows": rows,
        # The rows of a day and what its row objects hold is one number: `Seal.problems`.
        "unloaded": {"$cond": [{"$in": ["$$c.day", "$unloaded"]}, rows, 0]},
        "objects": {"$size": stored},
        "bytes": {"$sum": {"$map": {"input": stored, "as": "o", "in": "$$o.bytes"}}},
    }
    sums = [name for name in of_day if name != "day"]
    return [
        {"$match": {"kind": {"$in": ["seal", "summary"]}, "event": event}},
        {"$project": {"d": {"$map": {"input": "$counts.days", "as": "c", "in": of_day}}}},
        {"$unwind": "$d"},
        {"$group": {"_id": "$d.day", **{name: {"$sum": f"$d.{name}"} for name in sums}}},
        {"$sort": {"_id": 1}},
    ]
