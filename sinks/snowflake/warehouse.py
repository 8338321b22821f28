"""The warehouse in Snowflake: it reads the objects itself, through an external stage."""

import asyncio
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any, TypeVar

from app.contracts.table import Table
from app.core.errors import ForebayError, Transient
from sinks.manifest import objects_of, verify_stored
from sinks.protocol import (
    CLOSE_SECONDS,
    NO_PLACE,
    DayManifest,
    DayPrints,
    LoadedDay,
    ObjectStore,
    Place,
)
from sinks.snowflake import sql
from sinks.snowflake.connection import Session
from sinks.snowflake.control import read_control
from sinks.snowflake.errors import DOES_NOT_EXIST, number_of, translated
from sinks.snowflake.fingerprints import read_places, read_prints
from sinks.snowflake.options import SnowflakeOptions
from sinks.snowflake.schema import missing
from sinks.snowflake.swap import Load, change, prepare_target, stage
from sinks.values import python_row

T = TypeVar("T")
GoOn = Callable[[], None]


class SnowflakeWarehouse:
    """A `Warehouse`. `bucket_url` is where the stage must point, `s3://bucket/prefix/`.

    `objects` is asked whether the manifest's objects are there, before Snowflake reads them. `at`
    is called in the loading thread at `staged`, `deleted`, `inserted`, `before_commit`,
    `after_commit` and, if COMMIT was not answered, `commit_unanswered`: what it raises happens
    there.
    """

    def __init__(
        self,
        options: SnowflakeOptions,
        objects: ObjectStore,
        bucket_url: str,
        *,
        at: Callable[[str], None] = lambda point: None,
    ) -> None:
        self._options = options
        self._objects = objects
        self._bucket_url = bucket_url.rstrip("/") + "/"
        self._at = at
        self._session = Session(options)
        self._thread = ThreadPoolExecutor(1, "snowflake")

    async def prepare(self, table: Table) -> Sequence[str]:
        def work(go_on: GoOn) -> list[str]:
            cursor = self._session.cursor(prepare=table.name)
            with translated(f"prepare {table.name}"):
                statements = missing(cursor, self._options, self._bucket_url, table)
                for statement in statements:
                    cursor.execute(statement)
            return statements

        return await self._call(work)

    async def loaded(self, table: Table, days: Collection[date]) -> Mapping[date, LoadedDay]:
        def work(go_on: GoOn) -> Mapping[date, LoadedDay]:
            cursor = self._session.cursor()
            with translated("read LOAD_CONTROL"):
                return _or_nothing(lambda: read_control(cursor, self._options, table, days), {})

        return await self._call(work)

    async def replace(
        self, table: Table, days: Sequence[DayManifest], *, run: str, fence: int
    ) -> Mapping[date, LoadedDay]:
        objects = objects_of(days)
        if not days:
            return {}
        await verify_stored(self._objects, objects)
        _, _, prefix = self._bucket_url.removeprefix("s3://").partition("/")

        def work(go_on: GoOn) -> Mapping[date, LoadedDay]:
            options = self._options
            load = Load(options, table, days, objects, run, fence, prefix, self._at, go_on)
            try:
                return self._load(load)
            except BaseException:
                # With the session end its transaction, if ROLLBACK was not heard, and its staging
                # table: to DROP that in an open transaction would commit it.
                self._session.drop()
                raise

        return await self._call(work)

    async def litter(self, *, remove: bool) -> Mapping[str, int]:
        return {}  # everything happens elsewhere

    async def count(self, table: Table) -> Mapping[date, int]:
        statement = f'SELECT "DAY", COUNT(*) FROM {sql.target(table)} GROUP BY 1 ORDER BY 1'
        return {day: int(rows) for day, rows in await self._call(partial(self._read, statement))}

    async def fingerprints(self, table: Table, days: Collection[date]) -> Mapping[date, DayPrints]:
        def work(go_on: GoOn) -> Mapping[date, DayPrints]:
            cursor = self._session.cursor()
            with translated("read fingerprints"):
                return _or_nothing(lambda: read_prints(cursor, self._options, table, days), {})

        return await self._call(work) if days else {}

    async def places(
        self, table: Table, day: date, tp: str, beyond: Place = NO_PLACE
    ) -> Sequence[tuple[Place, int]]:
        def work(go_on: GoOn) -> list[tuple[Place, int]]:
            cursor = self._session.cursor()
            with translated("read places"):
                return _or_nothing(lambda: read_places(cursor, table, day, tp, beyond), [])

        return await self._call(work)

    async def fetch(self, table: Table, day: date | None = None) -> Sequence[Mapping[str, object]]:
        rows = await self._call(partial(self._read, sql.select(table, day)))
        return [python_row(table, row) for row in rows]

    async def find(self, table: Table, key: Mapping[str, str]) -> Sequence[Mapping[str, object]]:
        rows = await self._call(partial(self._read, sql.find(table, key)))
        return [python_row(table, row) for row in rows]

    async def ping(self) -> None:
        await self._call(lambda _: self._session.cursor())

    async def close(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._call(lambda _: self._session.drop())
        self._thread.shutdown(wait=False)

    async def _call(self, work: Callable[[GoOn], T]) -> T:
        """Do blocking work in the one thread; if we are cancelled, it ends at its next `go_on`."""
        cancelled = threading.Event()

        def go_on() -> None:
            if cancelled.is_set():
                raise Transient("Snowflake: the load was called off")

        def guarded() -> T:
            try:
                return work(go_on)
            except Transient:
                self._session.drop()
                raise

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, guarded)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def _load(self, load: Load) -> Mapping[date, LoadedDay]:
        from snowflake.connector.errors import Error

        cursor = self._session.cursor(run=load.run, load=load.table.name)
        with translated(f"stage {load.table.name}"):
            staging, staged = stage(cursor, load)
            prepare_target(cursor, load, staging)
        with translated(f"replace days of {load.table.name}"):
            cursor.execute("BEGIN TRANSACTION")
            try:
                loaded = change(cursor, load, staging, staged)
                load.at("before_commit")
                load.go_on()
            except BaseException:
                with suppress(Error):
                    cursor.execute("ROLLBACK")
                raise
        try:
            with translated("COMMIT"):
                cursor.execute("COMMIT")
            load.at("after_commit")
        except Exception as error:
            return self._learn(load, error)
        try:
            cursor.execute(f"DROP TABLE IF EXISTS {staging}")
        except Error:
            self._session.drop()  # the load is committed all the same; the table ends with it
        return loaded

    def _learn(self, load: Load, error: Exception) -> Mapping[date, LoadedDay]:
        """Find out whether an unanswered COMMIT happened: LOAD_CONTROL names its run, or not."""
        self._session.drop()
        load.at("commit_unanswered")
        days = [manifest.day for manifest in load.days]
        with translated(f"look up run {load.run} of {load.table.name}"):
            found = read_control(self._session.cursor(), self._options, load.table, days)
        if len(found) == len(days) and all(day.run == load.run for day in found.values()):
            return found
        if isinstance(error, ForebayError):
            raise error
        raise Transient(
            f"Snowflake: {load.table.name}: run {load.run} was not committed, as far as one sees: "
            f"{error}"
        )

    def _read(self, statement: str, go_on: GoOn) -> list[tuple[Any, ...]]:
        cursor = self._session.cursor()
        with translated("read"):
            return _or_nothing(lambda: list(cursor.execute(statement).fetchall()), [])


def _or_nothing(read: Callable[[], T], nothing: T) -> T:
    """What is read, or `nothing` from a table that was never prepared."""
    from snowflake.connector.errors import ProgrammingError

    try:
        return read()
    except ProgrammingError as error:
        if number_of(error) == DOES_NOT_EXIST:
            return nothing
        raise
