"""Acknowledged losses in SQLite. Functions of a connection.

Files that were made before there was the table get it with the first one.
"""

from datetime import datetime
from sqlite3 import Connection

from app.core.versions import event_of_partition
from app.ledger.chain import start_link
from app.ledger.document import time_text
from app.ledger.protocol import Acknowledgement, EntryKind

TABLE = """
CREATE TABLE IF NOT EXISTS acknowledgements (
    incident TEXT PRIMARY KEY,
    why TEXT NOT NULL,
    at TEXT NOT NULL
) WITHOUT ROWID
"""


def acknowledge(db: Connection, given: Acknowledgement) -> Acknowledgement | None:
    """Keep the first one of an incident, the last one of a partition; None of what is neither."""
    incident = _is_there(db, EntryKind.INCIDENT, given.incident)
    if not incident and not _is_partition(db, given.incident):
        return None
    db.execute(TABLE)
    db.execute(
        f"INSERT OR {'IGNORE' if incident else 'REPLACE'} INTO acknowledgements VALUES (?, ?, ?)",
        (given.incident, given.why, time_text(given.at)),
    )
    return find(db)[given.incident]


def _is_there(db: Connection, kind: EntryKind, identity: str) -> bool:
    found = db.execute("SELECT 1 FROM entries WHERE id = ? AND kind = ?", (identity, kind.value))
    return found.fetchone() is not None


def _is_partition(db: Connection, name: str) -> bool:
    if _is_there(db, EntryKind.START, start_link(name)):
        return True
    of_event = "SELECT 1 FROM entries WHERE kind = ? AND event = ?"
    values = EntryKind.START.value, event_of_partition(name)
    return db.execute(of_event, values).fetchone() is not None


def find(db: Connection) -> dict[str, Acknowledgement]:
    """By incident or partition."""
    there = "SELECT 1 FROM sqlite_master WHERE name = 'acknowledgements'"
    if db.execute(there).fetchone() is None:
        return {}
    return {
        row["incident"]: Acknowledgement(
            row["incident"], row["why"], datetime.fromisoformat(row["at"])
        )
        for row in db.execute("SELECT * FROM acknowledgements")
    }
