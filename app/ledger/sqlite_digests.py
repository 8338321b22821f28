"""Digests of shelves in SQLite, and what lies on one. Functions of a connection."""

import json
from collections import defaultdict
from hashlib import blake2b
from sqlite3 import Connection

from app.ledger.protocol import SHELF, EntryKind, Link, Shelved
from app.ledger.sqlite_entries import range_of, seals_of

# All of an entry, and where each table says whose row it is. `unloaded` is no part of it: it
# changes with each load, and is compared by its sums.
PARTS = (
    ("entries", "id"),
    ("links", "entry"),
    ("counts", "entry"),
    ("reasons", "entry"),
    ("objects", "entry"),
    ("summaries", "id"),
    ("summed", "entry"),
)


def shelf_digests(db: Connection) -> dict[str, str]:
    """Add up a hash of each row, whatever their order: every value counts."""
    sums: defaultdict[str, int] = defaultdict(int)
    rows = db.cursor()
    rows.row_factory = None
    for table, entry in PARTS:
        for row in rows.execute(f"SELECT {entry}, * FROM {table}"):
            text = f"{table}{row}".encode()
            sums[row[0][:SHELF]] += int.from_bytes(blake2b(text, digest_size=8).digest())
    return {shelf: f"{total:x}" for shelf, total in sums.items()}


def page_of_links(
    db: Connection, shelf: str, beyond: tuple[str, int], limit: int
) -> list[tuple[tuple[str, int], str, Link]]:
    """The next links of a shelf's entries, each with its place and its event."""
    rows = db.execute(
        """SELECT * FROM links
           WHERE entry >= :shelf AND entry < :end AND (entry, position) > (:e, :p)
           ORDER BY entry, position LIMIT :limit""",
        {"shelf": shelf, "end": end_of(shelf), "e": beyond[0], "p": beyond[1], "limit": limit},
    )
    return [
        (
            (row["entry"], row["position"]),
            row["event"],
            Link(EntryKind(row["kind"]), row["entry"], range_of(row)),
        )
        for row in rows
    ]


def page_of_shelf(db: Connection, beyond: str, end: str, limit: int) -> list[Shelved]:
    """The next seals with ids between `beyond` and `end`, neither of which is one itself."""
    rows = db.execute(
        "SELECT * FROM entries WHERE kind = ? AND id > ? AND id < ? ORDER BY id LIMIT ?",
        (EntryKind.SEAL.value, beyond, end, limit),
    ).fetchall()
    found = contradictions(db, json.dumps([row["id"] for row in rows]))
    return [Shelved(seal, tuple(found.get(seal.id, ()))) for seal in seals_of(db, rows)]


def contradictions(db: Connection, ids: str) -> dict[str, list[str]]:
    """The event stands beside each part of an entry, too, and so does the kind beside a link."""
    found: dict[str, list[str]] = {}
    for table, differs in (
        ("links", "p.event <> e.event OR p.kind <> e.kind"),
        ("counts", "p.event <> e.event"),
        ("objects", "p.event <> e.event"),
        ("summed", "p.event <> e.event"),
    ):
        for (entry,) in db.execute(
            f"""SELECT DISTINCT p.entry FROM {table} p JOIN entries e ON e.id = p.entry
                WHERE p.entry IN (SELECT value FROM json_each(?)) AND ({differs})""",
            (ids,),
        ):
            found.setdefault(entry, []).append(f"its {table} are of another event or kind")
    return found


def end_of(shelf: str) -> str:
    """Greater than each id on the shelf."""
    return f"{shelf}\U0010ffff"
