"""Where a load gathers its rows before it touches the warehouse: a folder and a file of its own."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from loguru import logger

from app.contracts.table import Table
from app.contracts.types import sql_type
from app.core.seal import StoredObject
from sinks.duckdb import sql
from sinks.duckdb.errors import OutOfMemory, translated
from sinks.duckdb.file import WarehouseFile

T = TypeVar("T")
MOST_ROOM = 8
READER_MEGABYTES = 8  # what DuckDB's JSON reader takes, however small a row: see read_objects


class Staging:
    """Rows of one load in a database beside the warehouse, which stays closed meanwhile.

    All of it blocks: call it from a thread. `close` it in any case.
    """

    def __init__(self, file: WarehouseFile, table: Table) -> None:
        self._table = table
        self._keys: list[str] = []
        self._megabytes, self._room = file.memory_megabytes, 1
        parent = _folder_of(file)
        with _alone(parent):
            _sweep(parent)
            self.folder = parent / uuid4().hex
            self.folder.mkdir()
            self._held = _lock(self.folder / "lock")
        try:
            database = self.folder / "staged.duckdb"
            self.connection = file.connect(self.folder / "spill", database)
            with translated("stage"):
                self.connection.execute(sql.stage(table))
        except BaseException:
            self._remove()
            raise

    def name_next(self, stored: StoredObject) -> Path:
        """Say where to download an object to."""
        self._keys.append(stored.key)
        return self.folder / str(len(self._keys) - 1)

    def take(self, files: Sequence[Path], keys: Sequence[str]) -> None:
        """Stage downloaded objects, and remove the files."""
        columns = {c.name: sql_type(c, "duckdb") for c in self._table.columns}

        def read() -> None:
            with translated(f"read {keys[0]}" + (f" … {keys[-1]}" if len(keys) > 1 else "")):
                self._limit_to(extra=READER_MEGABYTES)
                self.connection.execute(
                    sql.read_objects(self._table), [[str(file) for file in files], columns]
                )
                self._limit_to()

        self.with_room(read)
        for file in files:
            file.unlink()

    def with_room(self, work: Callable[[], T]) -> T:
        """Do `work`, which leaves nothing behind when it fails.

        Many columns, or many rows, need more memory than the limit: then that is doubled for this
        load, three times at most.
        """
        while True:
            try:
                return work()
            except OutOfMemory:
                if self._room == MOST_ROOM:
                    raise
                self._room *= 2
                self._limit_to()
                logger.info(
                    "{} does not fit into DUCKDB__MEMORY_LIMIT: loading it with {} times as much",
                    self._table.name,
                    self._room,
                )

    def counts(self) -> dict[tuple[str, date | None], int]:
        """Count the staged rows by object and day."""
        with translated("count what is staged"):
            rows = self.connection.execute(
                "SELECT _object, day, count(*) FROM staged GROUP BY ALL"
            ).fetchall()
        return {(self._keys[number], day): count for number, day, count in rows}

    def keyless(self) -> dict[str, int]:
        """Count the rows that lack a column of the key, by object."""
        with translated("look for rows without a key"):
            rows = self.connection.execute(sql.count_keyless(self._table)).fetchall()
        return {self._keys[number]: count for number, count in rows}

    def settle(self) -> None:
        """Decide which copy of each key stands."""
        for statement in sql.find_losers(self._table):
            self.with_room(partial(self._execute, statement))

    def _limit_to(self, extra: int = 0) -> None:
        megabytes = self._megabytes * self._room + extra
        self.connection.execute(f"SET memory_limit = '{megabytes}MB'")

    def _execute(self, statement: str) -> None:
        with translated("find duplicates"):
            self.connection.execute(statement)

    def close(self) -> None:
        """Leave nothing behind."""
        self.connection.close()
        self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._held)


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    """Keep other processes from sweeping away a folder that is about to be locked."""
    parent.mkdir(parents=True, exist_ok=True)
    descriptor = _lock(parent / "lock")
    try:
        yield
    finally:
        os.close(descriptor)


def left_behind(file: WarehouseFile, *, remove: bool) -> dict[str, int]:
    """The folders of loads that were killed, with their bytes."""
    parent = _folder_of(file)
    if not parent.is_dir():
        return {}
    with _alone(parent):
        return _sweep(parent, remove=remove)


def _folder_of(file: WarehouseFile) -> Path:
    return file.path.with_name(f"{file.path.name}.loads")


def _sweep(parent: Path, *, remove: bool = True) -> dict[str, int]:
    """Remove the folders of loads that were killed: nobody holds their lock any more."""
    found: dict[str, int] = {}
    for folder in parent.iterdir():
        if not folder.is_dir():
            continue
        try:
            descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found[str(folder)] = sum(f.stat().st_size for f in folder.rglob("*"))
                if remove:
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
        except OSError:
            continue
    return found
