"""Acknowledged incidents in SQLite. Functions of a connection.

Files that were made before there was the table get it with the first one.
"""

from datetime import datetime
from sqlite3 import Connection

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
    """Keep the first one; None when there is no such incident."""
    incident = "SELECT 1 FROM entries WHERE id = ? AND kind = ?"
    if db.execute(incident, (given.incident, EntryKind.INCIDENT.value)).fetchone() is None:
        return None
    db.execute(TABLE)
    db.execute(
        "INSERT OR IGNORE INTO acknowledgements VALUES (?, ?, ?)",
        (given.incident, given.why, time_text(given.at)),
    )
    return find(db)[given.incident]


def find(db: Connection) -> dict[str, Acknowledgement]:
    """By incident."""
    there = "SELECT 1 FROM sqlite_master WHERE name = 'acknowledgements'"
    if db.execute(there).fetchone() is None:
        return {}
    return {
        row["incident"]: Acknowledgement(
            row["incident"], row["why"], datetime.fromisoformat(row["at"])
        )
        for row in db.execute("SELECT * FROM acknowledgements")
    }
