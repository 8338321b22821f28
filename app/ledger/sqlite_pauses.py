"""Pauses in SQLite. Functions of a connection.

Files that were made before there was the table get it with the first pause.
"""

from datetime import datetime
from sqlite3 import Connection, Row

from app.core.pause import Activity, Pause, PausedBy
from app.ledger.document import time_text

TABLE = """
CREATE TABLE IF NOT EXISTS pauses (
    event TEXT NOT NULL,
    what TEXT NOT NULL,
    why TEXT NOT NULL,
    paused_by TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (event, what)
) WITHOUT ROWID
"""
ONE = "event = ? AND what = ?"


def keep(db: Connection, pause: Pause) -> Pause:
    """The first one stays."""
    db.execute(TABLE)
    db.execute(
        "INSERT OR IGNORE INTO pauses VALUES (?, ?, ?, ?, ?)",
        (pause.event, pause.what.value, pause.why, pause.by.value, time_text(pause.at)),
    )
    kept = db.execute(f"SELECT * FROM pauses WHERE {ONE}", (pause.event, pause.what.value))
    return _pause(kept.fetchone())


def end(db: Connection, event: str, what: Activity) -> Pause | None:
    db.execute(TABLE)
    ended = db.execute(f"DELETE FROM pauses WHERE {ONE} RETURNING *", (event, what.value))
    row = ended.fetchone()
    return None if row is None else _pause(row)


def find(db: Connection) -> list[Pause]:
    there = "SELECT 1 FROM sqlite_master WHERE name = 'pauses'"
    if db.execute(there).fetchone() is None:
        return []
    return [_pause(row) for row in db.execute("SELECT * FROM pauses ORDER BY event, what")]


def _pause(row: Row) -> Pause:
    return Pause(
        event=row["event"],
        what=Activity(row["what"]),
        why=row["why"],
        by=PausedBy(row["paused_by"]),
        at=datetime.fromisoformat(row["at"]),
    )
