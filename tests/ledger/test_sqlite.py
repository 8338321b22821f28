"""What only a file can do: be locked, be full, be something else."""

import asyncio
import multiprocessing
import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import Fatal, Fenced, Transient
from app.core.seal import DayCounts
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Cursor
from app.ledger.sqlite import SQLiteLedger
from app.ledger.sqlite_file import SQLiteFile
from tests.ledger.examples import EVENT, MONDAY, TABLE, TP, load, seal, span, start


@pytest.fixture
def options(sqlite_options: LedgerOptions) -> LedgerOptions:
    return sqlite_options.model_copy(update={"timeout_seconds": 0.1})


def path_of(options: LedgerOptions) -> Path:
    return Path(options.url.removeprefix("sqlite:///"))


@pytest.fixture
def intruder(ledger: SQLiteLedger, options: LedgerOptions) -> Iterator[sqlite3.Connection]:
    """Another program at the same file, which may keep it to itself."""
    with closing(sqlite3.connect(path_of(options), isolation_level=None)) as connection:
        yield connection


async def test_a_locked_file_is_transient_and_works_again_once_it_is_free(
    ledger: SQLiteLedger, intruder: sqlite3.Connection
) -> None:
    await ledger.start_chains([start()])
    made = seal(span(0, 10))
    intruder.execute("BEGIN IMMEDIATE")
    for write in (
        lambda: ledger.record(made),
        lambda: ledger.next_fence("load"),
        lambda: ledger.start_chains([start("another/0")]),
    ):
        with pytest.raises(Transient, match="locked by another process") as refused:
            await write()
        assert not isinstance(refused.value, Fenced)
    assert await ledger.cursors([TP]) == {TP: Cursor(0, -1, "t1")}
    intruder.execute("ROLLBACK")
    await ledger.record(made)
    assert [s async for s in ledger.seals()] == [made]
    assert await ledger.next_fence("load") == 1


async def test_waiting_for_a_locked_file_does_not_block_the_event_loop(
    ledger: SQLiteLedger, intruder: sqlite3.Connection, options: LedgerOptions
) -> None:
    patient = await open_ledger(options.model_copy(update={"timeout_seconds": 60}))
    await ledger.start_chains([start()])
    intruder.execute("BEGIN IMMEDIATE")
    recording = asyncio.create_task(patient.record(seal(span(0, 10))))
    await asyncio.sleep(0)
    # Only a loop that turns can come here and set the file free.
    intruder.execute("ROLLBACK")
    await recording
    assert (await ledger.cursors([TP]))[TP].next == 10
    await patient.close()


async def test_an_entry_is_on_the_disk_before_it_is_acknowledged(ledger: SQLiteLedger) -> None:
    def pragmas(db: sqlite3.Connection) -> list[object]:
        return [
            db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")
        ]

    full = 2
    assert await ledger._file.read(pragmas) == [full, "wal"]


def _fill_and_free(url: str, told: "multiprocessing.queues.Queue[object]") -> None:
    """Seal on a disk that takes no more, then on one that does again."""

    async def seals() -> None:
        options = LedgerOptions(url=url)
        ledger = await open_ledger(options)
        await ledger.start_chains([start()])
        first = seal(span(0, 10))
        await ledger.record(first)
        wal = os.path.getsize(f"{path_of(options)}-wal")  # noqa: ASYNC240
        resource.setrlimit(resource.RLIMIT_FSIZE, (wal + 100, resource.RLIM_INFINITY))
        second = seal(span(10, 20))
        try:
            await ledger.record(second)
        except Transient as error:
            told.put(str(error))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        told.put((await ledger.cursors([TP]))[TP].next)
        await ledger.record(second)
        told.put([s async for s in ledger.seals()] == [first, second])
        await ledger.close()

    asyncio.run(seals())


async def test_a_full_disk_is_transient_and_works_again_once_there_is_space(
    options: LedgerOptions,
) -> None:
    spawn = multiprocessing.get_context("spawn")
    told = spawn.Queue()
    process = spawn.Process(target=_fill_and_free, args=(options.url, told))
    process.start()
    await asyncio.to_thread(process.join, 60)
    assert process.exitcode == 0
    assert "is the disk full or failing?" in told.get(timeout=5)
    assert told.get(timeout=5) == 10
    assert told.get(timeout=5) is True


async def test_a_file_that_can_not_grow_is_transient_and_works_again_once_it_can(
    ledger: SQLiteLedger,
) -> None:
    await ledger.start_chains([start()])
    made = seal(*(span(0, 1, f"events.order_placed.v1/{n}") for n in range(200)))
    await ledger.start_chains([start(r.tp) for r in made.ranges])

    def limit_pages(db: sqlite3.Connection, room: int) -> None:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + room}")

    await ledger._file.read(lambda db: limit_pages(db, 0))
    with pytest.raises(Transient, match="free some space"):
        await ledger.record(made)
    assert [s async for s in ledger.seals()] == []
    await ledger._file.read(lambda db: limit_pages(db, 1_000))
    await ledger.record(made)
    assert [s async for s in ledger.seals()] == [made]


class DiskThatFailsAfterCommit(SQLiteFile):
    """Reports an I/O error for the next COMMITs, though what they wrote is on the disk."""

    commits = 1

    def _connected(self) -> sqlite3.Connection:
        connection = super()._connected()
        return Reporting(self, connection)  # type: ignore[return-value]


class Reporting:
    """A connection whose COMMIT works, and says that it did not."""

    def __init__(self, disk: DiskThatFailsAfterCommit, real: sqlite3.Connection) -> None:
        self._disk, self._real = disk, real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        done = self._real.execute(statement, *values)
        if statement == "COMMIT" and self._disk.commits:
            self._disk.commits -= 1
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error
        return done


async def test_an_error_after_the_commit_is_transient_and_what_was_written_is_not_written_again(
    ledger: SQLiteLedger, options: LedgerOptions
) -> None:
    await ledger.start_chains([start()])
    made, day_load = seal(span(0, 10)), load(MONDAY, 3, [])
    disk = DiskThatFailsAfterCommit(path_of(options), 1.0)
    failing = SQLiteLedger(disk)
    for write in (failing.record(made), failing.record(made)):
        if disk.commits:
            with pytest.raises(Transient, match="is the disk full or failing"):
                await write
            assert [s async for s in ledger.seals()] == [made]
        else:
            await write
    assert [s async for s in ledger.seals()] == [made]
    assert (await ledger.cursors([TP]))[TP].next == 10
    disk.commits = 1
    with pytest.raises(Transient):
        await failing.record_load([day_load])
    await failing.record_load([day_load])
    assert await ledger.loads(EVENT, TABLE) == {MONDAY: day_load}
    await failing.close()


async def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_text("Dear reader, " * 1000)
    with pytest.raises(Fatal, match="is not a SQLite file"):
        await open_ledger(LedgerOptions(url=f"sqlite:///{tmp_path}/letter.db"))


async def test_a_ledger_of_a_newer_format_is_refused(
    ledger: SQLiteLedger, intruder: sqlite3.Connection, options: LedgerOptions
) -> None:
    intruder.execute("PRAGMA user_version = 99")
    with pytest.raises(Fatal, match="has format 99, this program writes 4"):
        await open_ledger(options)


async def test_a_ledger_of_the_first_format_is_brought_to_ours_with_all_that_is_in_it(
    ledger: SQLiteLedger, intruder: sqlite3.Connection, options: LedgerOptions
) -> None:
    await ledger.start_chains([start()])
    made = seal(span(0, 10))
    await ledger.record(made)
    for statement in (
        "ALTER TABLE counts DROP COLUMN filtered",
        "ALTER TABLE counts DROP COLUMN rows",
        "ALTER TABLE loads DROP COLUMN shown",
        "ALTER TABLE loads DROP COLUMN hidden",
        "DROP TABLE declared_runs",
        "DROP TABLE summaries",
        "DROP TABLE summed",
        "PRAGMA user_version = 1",
    ):
        intruder.execute(statement)
    again = await open_ledger(options)
    assert [s async for s in again.seals()] == [made]
    exploded = seal(span(10, 13), days={MONDAY: DayCounts(staged=2, filtered=1, rows=5)})
    await again.record(exploded)
    await again.close()
    assert [s async for s in ledger.seals()] == [made, exploded]


async def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Fatal, match=f"{tmp_path}/file/deeper can not be made"):
        await open_ledger(LedgerOptions(url=f"sqlite:///{tmp_path}/file/deeper/ledger.db"))


async def test_a_seal_is_written_whole_or_not_at_all(
    ledger: SQLiteLedger, intruder: sqlite3.Connection
) -> None:
    # The last table that a seal is written to refuses; the first ones have taken their part.
    await ledger.start_chains([start()])
    intruder.execute(
        "CREATE TRIGGER broken BEFORE INSERT ON unloaded BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    with pytest.raises(Fenced):
        await ledger.record(seal(span(0, 10)))
    intruder.execute("DROP TRIGGER broken")
    assert [s async for s in ledger.seals()] == []
    assert await ledger.cursors([TP]) == {TP: Cursor(0, -1, "t1")}
    await ledger.record(seal(span(0, 10)))


@pytest.mark.parametrize("fate", ["removed", "replaced"])
async def test_a_file_that_was_taken_away_acknowledges_nothing_more(
    ledger: SQLiteLedger, options: LedgerOptions, fate: str
) -> None:
    await ledger.start_chains([start()])
    path = path_of(options)
    path.rename(path.with_name("elsewhere.db"))
    if fate == "replaced":
        await (await open_ledger(options)).close()
    with pytest.raises(Fatal, match="removed or replaced"):
        await ledger.record(seal(span(0, 10)))
