"""Disposals of dead letters in SQLite. Functions of a connection.

Files that were made before there was the table get it with the first one.
"""

import json
from datetime import datetime
from sqlite3 import Connection, Row

from app.core.disposal import Disposal, Fate, packed, unpacked
from app.core.errors import Fenced
from app.ledger.document import time_text

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS disposals (
        id TEXT PRIMARY KEY,
        event TEXT NOT NULL,
        fate TEXT NOT NULL,
        why TEXT NOT NULL,
        at TEXT NOT NULL,
        letters TEXT NOT NULL                 -- a JSON object: packed offsets by partition
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS disposals_by_event ON disposals (event, id)",
)


def append(db: Connection, disposal: Disposal) -> None:
    for statement in SCHEMA:
        db.execute(statement)
    row = db.execute("SELECT * FROM disposals WHERE id = ?", (disposal.id,)).fetchone()
    if row is not None:
        if _disposal(row) != disposal:
            raise Fenced(f"another disposal is recorded as {disposal.id}")
        return
    letters = {tp: packed(offsets) for tp, offsets in disposal.letters.items()}
    db.execute(
        "INSERT INTO disposals VALUES (?, ?, ?, ?, ?, ?)",
        (disposal.id, disposal.event, disposal.fate.value, disposal.why, time_text(disposal.at),
         json.dumps(letters)),
    )  # fmt: skip


def page(db: Connection, event: str | None, beyond: str, limit: int) -> list[Disposal]:
    """The next ones by id, of one event or of all."""
    there = "SELECT 1 FROM sqlite_master WHERE name = 'disposals'"
    if db.execute(there).fetchone() is None:
        return []
    of_event = " AND event = :event" if event is not None else ""
    rows = db.execute(
        f"SELECT * FROM disposals WHERE id > :beyond{of_event} ORDER BY id LIMIT :limit",
        {"beyond": beyond, "event": event, "limit": limit},
    )
    return [_disposal(row) for row in rows]


def _disposal(row: Row) -> Disposal:
    return Disposal(
        id=row["id"],
        event=row["event"],
        fate=Fate(row["fate"]),
        why=row["why"],
        at=datetime.fromisoformat(row["at"]),
        letters={tp: unpacked(text) for tp, text in json.loads(row["letters"]).items()},
    )
