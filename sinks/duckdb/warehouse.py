"""The warehouse in a DuckDB file: the embedded default."""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from app.contracts.table import Table
from app.core.errors import Transient
from app.core.seal import StoredObject
from sinks.duckdb import sql
from sinks.duckdb.control import read_control
from sinks.duckdb.errors import translated
from sinks.duckdb.file import WarehouseFile
from sinks.duckdb.fingerprints import read_places, read_prints
from sinks.duckdb.options import DuckDBOptions
from sinks.duckdb.schema import missing, stands
from sinks.duckdb.staging import Staging, left_behind
from sinks.duckdb.swap import Load, swap
from sinks.manifest import batches, check_keys, check_staged, for_each, objects_of
from sinks.protocol import (
    CLOSE_SECONDS,
    NO_PLACE,
    DayManifest,
    DayPrints,
    LoadedDay,
    ObjectLost,
    ObjectStore,
    Place,
)
from sinks.values import python_row

T = TypeVar("T")
DOWNLOADS_AT_ONCE = 4
GROUP_BYTES = 64 << 20


class DuckDBWarehouse:
    """A `Warehouse`. Rows go from the objects into the file without passing through Python.

    `at` is called in the loading thread at `staged`, `deleted`, `inserted`, `before_commit` and
    `after_commit`: what it raises happens there.
    """

    def __init__(
        self,
        options: DuckDBOptions,
        objects: ObjectStore,
        *,
        at: Callable[[str], None] = lambda point: None,
    ) -> None:
        self._file = WarehouseFile(options)
        self._objects = objects
        self._at = at
        self._thread = ThreadPoolExecutor(1, "duckdb")
        self._one_load = asyncio.Lock()  # two at a time would need twice the memory

    async def prepare(self, table: Table) -> Sequence[str]:
        return await self._call(partial(self._prepare, table))

    async def loaded(self, table: Table, days: Collection[date]) -> Mapping[date, LoadedDay]:
        return await self._look(table, lambda db: read_control(db, table, days), {})

    async def replace(
        self, table: Table, days: Sequence[DayManifest], *, run: str, fence: int
    ) -> Mapping[date, LoadedDay]:
        objects = objects_of(days)
        load = Load(table, days, run, fence, self._at)
        async with self._one_load:
            staging = await self._call(lambda _: Staging(self._file, table))
            try:
                for group in batches(objects, most_bytes=GROUP_BYTES):
                    await self._stage(staging, group)
                return await self._call(partial(self._swap, staging, load, objects))
            finally:
                await asyncio.shield(self._call(lambda _: staging.close()))

    async def litter(self, *, remove: bool) -> Mapping[str, int]:
        return await self._call(lambda _: left_behind(self._file, remove=remove))

    async def count(self, table: Table) -> Mapping[date, int]:
        statement = f"SELECT day, count(*) FROM {sql.target(table)} GROUP BY day ORDER BY day"
        rows: list[tuple[date, int]] = await self._look(
            table, lambda db: db.execute(statement).fetchall(), []
        )
        return dict(rows)

    async def fingerprints(self, table: Table, days: Collection[date]) -> Mapping[date, DayPrints]:
        return await self._look(table, lambda db: read_prints(db, table, days), {})

    async def places(
        self, table: Table, day: date, tp: str, beyond: Place = NO_PLACE
    ) -> Sequence[tuple[Place, int]]:
        return await self._look(table, lambda db: read_places(db, table, day, tp, beyond), [])

    async def fetch(self, table: Table, day: date | None = None) -> Sequence[Mapping[str, object]]:
        statement = sql.select(table, of_day=day is not None)
        parameters = [] if day is None else [day]
        rows: list[tuple[Any, ...]] = await self._look(
            table, lambda db: db.execute(statement, parameters).fetchall(), []
        )
        return [python_row(table, row) for row in rows]

    async def find(self, table: Table, key: Mapping[str, str]) -> Sequence[Mapping[str, object]]:
        statement, texts = sql.find(table, list(key)), list(key.values())
        rows: list[tuple[Any, ...]] = await self._look(
            table, lambda db: db.execute(statement, texts).fetchall(), []
        )
        return [python_row(table, row) for row in rows]

    async def ping(self) -> None:
        def look(go_on: Callable[[], None]) -> None:
            with self._file.opened(write=not self._file.path.exists(), go_on=go_on):
                pass

        await self._call(look)

    async def close(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._call(lambda _: None)
        self._thread.shutdown(wait=False)

    async def _call(self, work: Callable[[Callable[[], None]], T]) -> T:
        """Do blocking work in the one thread; if we are cancelled, it ends at its next `go_on`."""
        cancelled = threading.Event()

        def go_on() -> None:
            if cancelled.is_set():
                raise Transient("DuckDB: the load was called off")

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, go_on)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def _stage(self, staging: Staging, group: Sequence[StoredObject]) -> None:
        files = {stored.key: staging.name_next(stored) for stored in group}

        async def download(stored: StoredObject) -> None:
            await self._download(stored, files[stored.key])

        await for_each(group, download, at_once=DOWNLOADS_AT_ONCE)
        await self._call(lambda _: staging.take(list(files.values()), list(files)))

    async def _download(self, stored: StoredObject, path: Path) -> None:
        """Fetch an object into a file. Raises `ObjectLost` when it is not what was sealed."""
        sha, size = hashlib.sha256(), 0
        file = await asyncio.to_thread(path.open, "wb")
        try:
            async for chunk in self._objects.read(stored.key):
                sha.update(chunk)
                size += len(chunk)
                await asyncio.to_thread(file.write, chunk)
        finally:
            await asyncio.to_thread(file.close)
        if size != stored.bytes or sha.hexdigest() != stored.sha256:
            raise ObjectLost(
                f"object {stored.key} has {size} bytes with SHA-256 {sha.hexdigest()}; "
                f"the ledger says {stored.bytes} bytes with {stored.sha256}"
            )

    def _prepare(self, table: Table, go_on: Callable[[], None]) -> list[str]:
        if self._file.path.exists():
            with self._file.opened(go_on=go_on) as connection, translated("look at the tables"):
                if not missing(connection, table):
                    return []
        with (
            self._file.opened(write=True, go_on=go_on) as connection,
            translated(f"prepare {table.name}"),
        ):
            statements = missing(connection, table)
            connection.execute("BEGIN")
            for statement in statements:
                connection.execute(statement)
            connection.execute("COMMIT")
            return statements

    def _swap(
        self,
        staging: Staging,
        load: Load,
        objects: Sequence[StoredObject],
        go_on: Callable[[], None],
    ) -> Mapping[date, LoadedDay]:
        staged = check_staged(objects, staging.counts())
        check_keys(load.table, staging.keyless())
        staging.settle()
        self._at("staged")

        def once() -> Mapping[date, LoadedDay]:
            with self._file.attached(staging.connection, write=True, go_on=go_on):
                return swap(staging.connection, load, staged)

        return staging.with_room(once)

    async def _look(
        self, table: Table, read: Callable[[duckdb.DuckDBPyConnection], T], nothing: T
    ) -> T:
        """What is read, or `nothing` from a table that was never prepared."""

        def work(go_on: Callable[[], None]) -> T:
            if not self._file.path.exists():
                return nothing
            with self._file.opened(go_on=go_on) as connection, translated(f"read {table.name}"):
                return read(connection) if stands(connection, table) else nothing

        return await self._call(work)
