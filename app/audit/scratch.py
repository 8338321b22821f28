"""A temporary database on disk for the joins of an audit, so that memory stays flat."""

import sqlite3
from collections.abc import Iterator
from typing import Any

SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -8192;
CREATE TABLE links (tp TEXT, first INT, next INT, records INT, seal TEXT, event TEXT);
CREATE TABLE ranges (tp TEXT, first INT, next INT, records INT, seal TEXT, event TEXT);
CREATE TABLE objects (key TEXT, event TEXT, day TEXT, kind TEXT, rows INT, bytes INT,
                      sha256 TEXT, etag TEXT, seal TEXT);
CREATE TABLE loaded (event TEXT, day TEXT, seal TEXT);
CREATE TABLE loads (event TEXT, day TEXT, staged INT, run TEXT);
"""

INDEXES = """
CREATE INDEX links_of ON links (tp, first, seal);
CREATE INDEX ranges_of ON ranges (tp, first, seal);
CREATE INDEX ranges_by_seal ON ranges (seal);
CREATE INDEX objects_by_key ON objects (key);
CREATE INDEX objects_of ON objects (event, day, seal);
CREATE INDEX loaded_of ON loaded (event, day, seal);
"""

BUFFERED = 1_000


class Scratch:
    """`add` rows, then `index` once, then `rows`. An unnamed SQLite database lives in a temporary
    file that has no name and is gone when it is closed, also after a crash."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(SCHEMA)
        self._db.execute("BEGIN")
        self._buffers: dict[str, list[tuple[Any, ...]]] = {}

    def add(self, table: str, *values: Any) -> None:
        """Insert one row; `values` in the order of the table's columns."""
        buffer = self._buffers.setdefault(table, [])
        buffer.append(values)
        if len(buffer) >= BUFFERED:
            self._flush(table)

    def index(self) -> None:
        """Call once, when all is added and before the first join."""
        for table in self._buffers:
            self._flush(table)
        self._db.execute("COMMIT")
        self._db.executescript(INDEXES)

    def rows(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Walk a query's rows, one at a time."""
        yield from self._db.execute(query, values)

    def close(self) -> None:
        self._db.close()

    def _flush(self, table: str) -> None:
        buffer = self._buffers[table]
        if buffer:
            marks = ", ".join("?" * len(buffer[0]))
            self._db.executemany(f"INSERT INTO {table} VALUES ({marks})", buffer)
            buffer.clear()
