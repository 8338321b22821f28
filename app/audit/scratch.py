"""A database on disk for the joins of an audit, so that memory stays flat.

Without a path it is temporary. With one it is the audit's memory: what it read of the ledger's
shelves stays, and the next audit reads only the shelves whose digest has changed since.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.ledger.protocol import SHELF

FORMAT = 1

SCHEMA = """
PRAGMA temp_store = FILE;
PRAGMA cache_size = -8192;
CREATE TABLE IF NOT EXISTS shelves (shelf TEXT, digest TEXT, seals INT);
CREATE TABLE IF NOT EXISTS links (shelf TEXT, tp TEXT, first INT, next INT, records INT, seal TEXT,
                                  event TEXT, kind TEXT);
CREATE TABLE IF NOT EXISTS ranges (shelf TEXT, tp TEXT, first INT, next INT, records INT,
                                   seal TEXT, event TEXT);
CREATE TABLE IF NOT EXISTS objects (shelf TEXT, key TEXT, event TEXT, day TEXT, kind TEXT,
                                    rows INT, bytes INT, sha256 TEXT, etag TEXT, seal TEXT);
CREATE TABLE IF NOT EXISTS counted (shelf TEXT, event TEXT, day TEXT, staged INT, duplicates INT,
                                    dead INT, filtered INT, rows INT);
CREATE TABLE IF NOT EXISTS summed (shelf TEXT, event TEXT, day TEXT, seal TEXT, rows INT);
CREATE TABLE IF NOT EXISTS ends (tp TEXT PRIMARY KEY, event TEXT, next INT);
CREATE TABLE IF NOT EXISTS log_ends (tp TEXT, topic_id TEXT, event TEXT, end INT, seen_at TEXT,
                                     PRIMARY KEY (tp, topic_id));
CREATE TABLE IF NOT EXISTS log_losses (tp TEXT, topic_id TEXT, kind TEXT, event TEXT, first INT,
                                       next INT, since TEXT, PRIMARY KEY (tp, topic_id, kind));
CREATE TABLE IF NOT EXISTS prints (event TEXT, day TEXT, run TEXT, print TEXT,
                                   PRIMARY KEY (event, day));
CREATE TEMP TABLE loaded (event TEXT, day TEXT, seal TEXT);
CREATE TEMP TABLE loads (event TEXT, day TEXT, staged INT, rows INT, run TEXT);
CREATE TEMP TABLE copies (topic TEXT, part INT, at INT, line INT, key BLOB, received INT);
"""

ADDED = {"counted": ("filtered", "rows")}
"""Columns that the files of earlier versions lack."""

BY_SHELF = ("links", "ranges", "objects", "counted", "summed", "shelves")
"""Tables of what was read of the shelves."""

INDEXES = {
    "links": """
CREATE INDEX IF NOT EXISTS links_of ON links (tp, first, next);
CREATE INDEX IF NOT EXISTS links_on ON links (shelf);
""",
    "seals": """
CREATE INDEX IF NOT EXISTS ranges_of ON ranges (tp, first, seal);
CREATE INDEX IF NOT EXISTS ranges_by_seal ON ranges (seal);
CREATE INDEX IF NOT EXISTS ranges_on ON ranges (shelf);
CREATE INDEX IF NOT EXISTS objects_by_key ON objects (key);
CREATE INDEX IF NOT EXISTS objects_of ON objects (event, day, seal);
CREATE INDEX IF NOT EXISTS objects_on ON objects (shelf);
CREATE INDEX IF NOT EXISTS summed_of ON summed (event, day, seal);
CREATE INDEX IF NOT EXISTS summed_on ON summed (shelf);
CREATE INDEX IF NOT EXISTS loaded_of ON loaded (event, day, seal);
""",
}

BUFFERED = 1_000


def shelf_of(entry: str) -> str:
    """Where an entry lies, by its id."""
    return entry[:SHELF]


class Scratch:
    """`add` rows, `index` them, then walk `rows`.

    All is one transaction: `keep` makes it the memory of the next audit, an audit that ends
    without it leaves the memory as it was. The unnamed database of an audit without memory lives
    in a temporary file that has no name and is gone when it is closed, also after a crash.

    Raises:
        sqlite3.Error: the file is no memory of this version, or another audit has it open.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._db = sqlite3.connect(path or "", isolation_level=None, timeout=0)
        self._buffers: dict[str, list[tuple[Any, ...]]] = {}
        try:
            if path is None:
                self._db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
            (found,) = self._db.execute("PRAGMA user_version").fetchone()
            if found not in (0, FORMAT):
                raise sqlite3.DatabaseError(f"its format is {found}, ours is {FORMAT}")
            # Everything at once, lest two audits write what each of them read.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.executescript(f"{SCHEMA}; PRAGMA user_version = {FORMAT}")
            self._db.execute("BEGIN IMMEDIATE")
            self._add_columns()
        except BaseException:
            self._db.close()
            raise

    def add(self, table: str, *values: Any) -> None:
        """Insert one row; `values` in the order of the table's columns."""
        buffer = self._buffers.setdefault(table, [])
        buffer.append(values)
        if len(buffer) >= BUFFERED:
            self._flush(table)

    def index(self, what: str) -> None:
        """Call when all links, or all seals, are added and before they are joined."""
        self._flush_all()
        for statement in INDEXES[what].split(";"):
            self._db.execute(statement)

    def rows(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Walk a query's rows, one at a time."""
        self._flush_all()
        yield from self._db.execute(query, values)

    def change(self, statement: str, *values: Any) -> None:
        """Delete or replace rows."""
        self._flush_all()
        self._db.execute(statement, values)

    def _add_columns(self) -> None:
        """To an older version's file, whose shelves must be read again then."""
        for table, columns in ADDED.items():
            known = {name for _, name, *_ in self._db.execute(f"PRAGMA table_info({table})")}
            for column in columns:
                if column not in known:
                    self._db.execute(f"ALTER TABLE {table} ADD COLUMN {column} INT")
                    self._db.execute("UPDATE shelves SET digest = NULL")

    def keep(self) -> None:
        """Make all this what the next audit remembers."""
        self._flush_all()
        self._db.execute("COMMIT")

    def close(self) -> None:
        self._db.close()

    def _flush_all(self) -> None:
        for table in self._buffers:
            self._flush(table)

    def _flush(self, table: str) -> None:
        buffer = self._buffers[table]
        if buffer:
            marks = ", ".join("?" * len(buffer[0]))
            self._db.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", buffer)
            buffer.clear()
