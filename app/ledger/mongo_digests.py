"""Digests of shelves in MongoDB, computed by the server.

It has no hash of a text that all its versions know, so only numbers count, and how many there are
of everything, and how long the texts are: an entry that is gone or new, or a number that was
changed, changes the digest; a text changed into another one of the same length does not.
"""

from typing import Any

from app.ledger.document import Document
from app.ledger.protocol import SHELF

Expression = dict[str, Any]

NUMBERS = {
    "ranges": ("first", "next", "records", "changelog"),
    "objects": ("rows", "bytes"),
    "counts.days": ("staged", "duplicates", "dead"),
}
TEXTS = {"objects": ("day", "kind", "key", "sha256", "etag"), "counts.days": ("day",)}
SIZES = ("chain", "ends", "ranges", "objects", "counts.days")


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
            squares = {"$multiply": [{"$toDecimal": value}, value]}
            sums[field] = {"$sum": _sum(array, value)}
            sums[f"{field}_squares"] = {"$sum": _sum(array, squares)}
            weighted = {"$multiply": [{"$toDecimal": _sum(array, value)}, weight]}
            sums[f"{field}_weighted"] = {"$sum": weighted}
    for array, names in TEXTS.items():
        for name in names:
            length = {"$strLenBytes": {"$ifNull": [f"$$v.{name}", ""]}}
            sums[f"{array}_{name}".replace(".", "_")] = {"$sum": _sum(array, length)}
    for array in SIZES:
        size = {"$size": {"$ifNull": [f"${array}", []]}}
        sums[f"{array}_size".replace(".", "_")] = {"$sum": size}
    return [{"$group": {"_id": {"$substrCP": ["$_id", 0, SHELF]}, **sums}}]


def digest_of(sums: Document) -> str:
    return ",".join(f"{name}={sums[name]}" for name in sorted(sums) if name != "_id")


def on(shelf: str) -> Document:
    """The entries of a shelf."""
    return {"_id": {"$gte": shelf, "$lt": f"{shelf}\U0010ffff"}}


def _sum(array: str, value: Any) -> Expression:
    values = {"$map": {"input": {"$ifNull": [f"${array}", []]}, "as": "v", "in": value}}
    return {"$sum": values}
