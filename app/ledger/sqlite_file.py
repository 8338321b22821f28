"""One SQLite file, one connection, one thread: transactions that never block the event loop."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from app.core.errors import Fatal, Fenced, ForebayError, Transient
from app.ledger.sqlite_schema import STEPS, VERSION

T = TypeVar("T")

# SQLite's primary result codes: whose fault, and what to do. All others are Transient.
_LOCKED = "is locked by another process; trying again helps"
_ERRORS: dict[int, tuple[type[ForebayError], str]] = {
    sqlite3.SQLITE_BUSY: (Transient, _LOCKED),
    sqlite3.SQLITE_LOCKED: (Transient, _LOCKED),
    sqlite3.SQLITE_FULL: (Transient, "can not grow, the disk is full: free some space"),
    sqlite3.SQLITE_IOERR: (Transient, "can not be read or written: is the disk full or failing?"),
    sqlite3.SQLITE_CANTOPEN: (Transient, "can not be opened: check the folder's permissions"),
    sqlite3.SQLITE_CONSTRAINT: (Fenced, "already has this entry: another owner was first"),
    sqlite3.SQLITE_READONLY: (Fatal, "is read-only: give this user write access to it"),
    sqlite3.SQLITE_PERM: (Fatal, "is not ours to open: check its permissions"),
    sqlite3.SQLITE_NOTADB: (Fatal, "is not a SQLite file: name another one"),
    sqlite3.SQLITE_CORRUPT: (Fatal, "is damaged: restore it from a backup, then audit"),
    sqlite3.SQLITE_ERROR: (Fatal, "refuses a statement: was it written by another version?"),
}
# After these the connection itself is as it was.
_HARMLESS = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CONSTRAINT}


class SQLiteFile:
    """Runs functions of a connection as transactions, one after the other, in its own thread."""

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        self._path = path
        self._timeout_seconds = timeout_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on one unchanging view of the file; writers are not kept waiting."""
        return await self._in_thread(lambda: self._transact("BEGIN", work))

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` as the only writer; it is on the disk when this returns.

        Raises:
            Transient: nothing was written, except when the disk failed in COMMIT itself: then
                what was written may turn up after a restart, so `work` must bear repeating.
        """
        return await self._in_thread(lambda: self._transact("BEGIN IMMEDIATE", work))

    async def close(self) -> None:
        await self._in_thread(self._disconnect)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _transact(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._connected()
            self._refuse_if_replaced()
            connection.execute(begin)
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            return result
        except sqlite3.Error as error:
            if _code(error) not in _HARMLESS:  # a new connection may do better
                self._disconnect()
            raise translated(self._path, error) from error

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            _make_folder(self._path.parent)
            connection = sqlite3.connect(
                self._path, timeout=self._timeout_seconds, isolation_level=None
            )
            try:
                _prepare(self._path, connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
            self._identity = _identity(self._path)
        return self._connection

    def _refuse_if_replaced(self) -> None:
        # SQLite would go on writing into a file that has no name any more, and acknowledge it.
        if _identity(self._path) != self._identity:
            raise Fatal(
                f"the ledger {self._path} was removed or replaced while it was open: "
                "put it back, then start again"
            )

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def translated(path: Path, error: sqlite3.Error) -> ForebayError:
    """Say whose fault a SQLite error is."""
    kind, advice = _ERRORS.get(_code(error), (Transient, "does not answer as it should"))
    return kind(f"the ledger {path} {advice} ({error})")


def _code(error: sqlite3.Error) -> int:
    # The low byte is the primary code, the rest tells variants apart. Errors of the module itself
    # (a wrong parameter, say) have none: they are ours.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return int(code) & 0xFF


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Fatal(f"the ledger's folder {folder} can not be made: {error}") from error


def _identity(path: Path) -> tuple[int, int] | None:
    """What stays the same while a file is written to: device and inode; None when it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row
    # An entry that was acknowledged must survive a power cut: WAL alone does not sync at COMMIT.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_mode = WAL")
    while _version(connection) in STEPS:
        connection.execute("BEGIN IMMEDIATE")
        if (step := STEPS.get(_version(connection))) is not None:  # nobody else was first
            version, statements = step
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")
    if (version := _version(connection)) != VERSION:
        raise Fatal(
            f"the ledger {path} has format {version}, this program writes {VERSION}: "
            "run the version of Forebay that made it, or name another file"
        )


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
