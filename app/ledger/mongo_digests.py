"""Digests of shelves in MongoDB, computed by the server.

It has no hash of a text that all its versions know, so only numbers count, and how many there are
of everything, and how long the texts are: an entry that is gone or new, or a number that was
changed, changes the digest; a text changed into another one of the same length does not.
"""

from typing import Any

from app.core.seal import COUNTED
from app.ledger.document import (
    Document,
    end_from,
    seal_document,
    seal_from,
    summary_document,
    summary_from,
)
from app.ledger.protocol import SHELF, EntryKind

Expression = dict[str, Any]

NUMBERS = {
    "ranges": ("first", "next", "records", "changelog"),
    "objects": ("rows", "bytes"),
    "counts.days": COUNTED,
    "summed": ("rows",),
}
TEXTS = {
    "objects": ("day", "kind", "key", "sha256", "etag"),
    "counts.days": ("day",),
    "summed": ("day", "seal"),
}
SIZES = ("chain", "ends", "ranges", "objects", "counts.days", "days", "row_days", "summed")
TOTALS = ("received", *COUNTED)
CHANGING = ("unloaded", "missed")
"""What loads change, and so is no part of what an entry is."""


def digests() -> list[Expression]:
    """One document per shelf, full of sums.

    Plain sums alone would not see a count that was taken from one place to another. Squares see
    it within a document, and sums weighted by the first offset see it between two.
    """
    weight = {"$add": [{"$mod": [_sum("ranges", "$$v.first"), 65_521]}, 1]}
    sums: Expression = {"entries": {"$sum": 1}}
    for array, names in NUMBERS.items():
        for name in names:
            value, field = f"$$v.{name}", f"{array}_{name}".replace(".", "_")
            sums[field] = {"$sum": _sum(array, value)}
            sums[f"{field}_squares"] = {"$sum": _sum(array, _square(value))}
            weighted = {"$multiply": [{"$toDecimal": _sum(array, value)}, weight]}
            sums[f"{field}_weighted"] = {"$sum": weighted}
    for array, names in TEXTS.items():
        for name in names:
            length = {"$strLenBytes": {"$ifNull": [f"$$v.{name}", ""]}}
            sums[f"{array}_{name}".replace(".", "_")] = {"$sum": _sum(array, length)}
    reasons = {"$objectToArray": {"$ifNull": ["$counts.dead_by_reason", {}]}}
    for name, of_reason in {"reasons": "$$v.v", "reasons_squares": _square("$$v.v")}.items():
        sums[name] = {"$sum": {"$sum": {"$map": {"input": reasons, "as": "v", "in": of_reason}}}}
    for name in TOTALS:
        sums[f"counts_{name}"] = {"$sum": f"$counts.{name}"}
    for array in SIZES:
        size = {"$size": {"$ifNull": [f"${array}", []]}}
        sums[f"{array}_size".replace(".", "_")] = {"$sum": size}
    return [{"$group": {"_id": {"$substrCP": ["$_id", 0, SHELF]}, **sums}}]


def digest_of(sums: Document) -> str:
    return ",".join(f"{name}={sums[name]}" for name in sorted(sums) if name != "_id")


def contradictions(stored: Document) -> tuple[str, ...]:
    """What a seal's or a summary's document says twice, for queries and for people, and
    differently."""
    if stored["kind"] == EntryKind.SUMMARY:
        ends_of = {(r["tp"], r["next"]): end_from(r) for r in stored["ranges"]}
        written = summary_document(summary_from(stored), ends_of)
    else:
        ends = {r["tp"]: end_from(r) for r in stored["ranges"]}
        written = seal_document(seal_from(stored), ends)
    return tuple(
        f"its {name} are not what the rest of it says"
        for name in written
        if name not in CHANGING and stored.get(name) != written[name]
    )


def on(shelf: str) -> Document:
    """The entries of a shelf."""
    return {"_id": {"$gte": shelf, "$lt": f"{shelf}\U0010ffff"}}


def _square(value: str) -> Expression:
    return {"$multiply": [{"$toDecimal": value}, value]}


def _sum(array: str, value: Any) -> Expression:
    values = {"$map": {"input": {"$ifNull": [f"${array}", []]}, "as": "v", "in": value}}
    return {"$sum": values}
