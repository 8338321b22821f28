"""What an audit remembers of the one before: its cost follows what changed, and nothing hides."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.audit import FindingKind as K
from app.audit.memory import forget_all
from app.ledger.protocol import Link, Shelved
from tests.audit.world import DAY1, DAY2, DAY3, ORDER, Got, World, empty_world, fill, tp_of

STAGED = Got("staged", DAY1)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Ten seals, each on a shelf of its own, loaded."""
    async with empty_world(tmp_path) as world:
        for number in range(10):
            await world.seal(ORDER, number, {0: [STAGED, STAGED]}, shelf=f"01AB{number}")
        await world.load(ORDER)
        assert (await world.audit(memory=world.memory)).findings == []
        yield world


async def test_nothing_changed_nothing_is_read(world: World) -> None:
    report = await world.audit(memory=world.memory)
    assert report.findings == []
    assert (report.reading.shelves, report.reading.shelves_read, report.reading.entries) == (
        11, 0, 0,
    )  # fmt: skip
    assert (report.seals, report.objects.named, report.totals["received"]) == (10, 10, 20)


async def test_a_new_seal_is_read_and_the_old_ones_are_not(world: World) -> None:
    await world.seal(ORDER, 10, {0: [STAGED]}, shelf="01AC0")
    report = await world.audit(memory=world.memory)
    assert report.findings == []
    assert (report.reading.shelves_read, report.reading.entries) == (1, 2)  # its link, itself
    assert (report.seals, report.totals["in_flight"]) == (11, 1)


async def test_a_seal_that_comes_late_onto_an_old_shelf_is_read(world: World) -> None:
    await world.seal(ORDER, 10, {0: [STAGED]}, shelf="01AB3")
    report = await world.audit(memory=world.memory)
    assert report.findings == []
    assert (report.reading.shelves_read, report.seals) == (1, 11)


async def test_a_shelf_on_which_something_is_wrong_is_read_again_until_it_is_right(
    world: World,
) -> None:
    world.sql_ledger("UPDATE counts SET staged = staged + 1 WHERE entry = '01AB50005ORDE'")
    for _ in range(2):
        report = await world.audit(memory=world.memory)
        assert {found.kind for found in report.findings} == {K.SEAL, K.LOAD_SEALS}
    world.sql_ledger("UPDATE counts SET staged = staged - 1 WHERE entry = '01AB50005ORDE'")
    assert (await world.audit(memory=world.memory)).findings == []
    assert (await world.audit(memory=world.memory)).reading.shelves_read == 0


async def test_a_memory_without_the_counts_of_today_is_filled_again_and_keeps_the_rest(
    world: World,
) -> None:
    with sqlite3.connect(world.memory) as db:
        for column in ("filtered", "rows"):
            db.execute(f"ALTER TABLE counted DROP COLUMN {column}")
        before = db.execute("SELECT * FROM ends").fetchall()
    db.close()
    for read in (11, 0):
        report = await world.audit(memory=world.memory)
        assert (report.findings, report.reading.shelves_read) == ([], read)
    with sqlite3.connect(world.memory) as db:
        assert db.execute("SELECT * FROM ends").fetchall() == before
    db.close()


async def test_a_last_seal_that_no_load_had_named_is_missed_only_by_who_saw_it(
    world: World,
) -> None:
    """Without a memory the ledger says truthfully that these offsets are still to be read."""
    seal = await world.seal(ORDER, 10, {0: [STAGED]}, shelf="01AC0")
    assert (await world.audit(memory=world.memory)).findings == []
    for statement in ("entries WHERE id", "links WHERE entry", "counts WHERE entry",
                      "objects WHERE entry", "unloaded WHERE entry"):  # fmt: skip
        world.sql_ledger(f"DELETE FROM {statement} = ?", seal.id)
    assert (await world.audit()).findings == []
    for _ in range(2):
        (found,) = (await world.audit(memory=world.memory)).findings
        assert (found.kind, found.tp, found.first, found.next) == (
            K.CURSOR,
            tp_of(ORDER, 0),
            20,
            21,
        )
    await world.seal(ORDER, 11, {0: [STAGED]}, shelf="01AC1")  # a worker reads them again
    assert (await world.audit(memory=world.memory)).findings == []


async def test_a_chain_that_is_gone_is_missed(world: World) -> None:
    for table, column in (("entries", "event"), ("links", "event"), ("counts", "event"),
                          ("objects", "event")):  # fmt: skip
        world.sql_ledger(f"DELETE FROM {table} WHERE {column} = ?", ORDER)
    report = await world.audit(memory=world.memory)
    assert (K.CURSOR, tp_of(ORDER, 0), 20) in {(f.kind, f.tp, f.next) for f in report.findings}


async def test_rows_that_changed_between_two_audits_of_one_load_are_told(world: World) -> None:
    """Somebody changes a row and the fingerprint with it; or the load had left none."""
    world.sql_warehouse("DELETE FROM RAW.LOAD_FINGERPRINT")
    report = await world.audit(memory=world.memory)
    assert report.findings == []
    assert report.notes[0].startswith("1 days were loaded without leaving a fingerprint")
    world.sql_warehouse("UPDATE RAW.ORDER_PLACED SET event_id = 'x' WHERE event_id = '0-7'")
    assert (await world.audit()).findings == []
    for _ in range(2):
        (found,) = (await world.audit(memory=world.memory)).findings
        assert (found.kind, found.event, found.day) == (K.WAREHOUSE_ROWS, ORDER, DAY1)
    await world.load(ORDER, [DAY1])
    assert (await world.audit(memory=world.memory)).findings == []


async def test_quick_lists_and_compares_only_days_that_changed(world: World) -> None:
    await world.seal(ORDER, 10, {0: [Got("staged", DAY2)]}, shelf="01AC0")
    await world.load(ORDER)
    old = next(iter(world.objects.objects))
    body = world.objects.objects[old].body
    await world.objects.delete([old])
    report = await world.audit(memory=world.memory, quick=True)
    assert (report.findings, report.objects.listed, report.objects.named) == ([], 1, 1)
    assert [f.kind for f in (await world.audit(memory=world.memory)).findings] == [K.OBJECT_MISSING]
    world.objects.put(old, body)
    await world.seal(ORDER, 11, {0: [Got("staged", DAY3)]}, shelf="01AC1")
    new = list(world.objects.objects)[-1]
    await world.objects.delete([new])
    (found,) = (await world.audit(memory=world.memory, quick=True)).findings
    assert (found.kind, found.object) == (K.OBJECT_MISSING, new)


async def test_quick_without_a_memory_looks_at_everything(world: World) -> None:
    await world.objects.delete([next(iter(world.objects.objects))])
    assert [found.kind for found in (await world.audit(quick=True)).findings] == [K.OBJECT_MISSING]


async def test_a_forgotten_memory_is_made_anew(world: World) -> None:
    forget_all(world.memory)
    assert (await world.audit(memory=world.memory)).reading.shelves_read == 11
    assert (await world.audit(memory=world.memory)).reading.shelves_read == 0


async def test_a_file_that_is_no_memory_is_left_alone_and_everything_is_read(
    world: World,
) -> None:
    world.memory.write_bytes(b"somebody's notes, and much longer than any header of a file is" * 9)
    report = await world.audit(memory=world.memory)
    assert (report.findings, report.reading.shelves_read) == ([], 11)
    assert "can not be used" in report.notes[0]
    assert world.memory.read_bytes().startswith(b"somebody's")


async def test_a_memory_of_another_version_is_not_believed(world: World) -> None:
    with sqlite3.connect(world.memory) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    report = await world.audit(memory=world.memory)
    assert report.reading.shelves_read == 11
    assert "its format is 99" in report.notes[0]


async def test_a_folder_that_can_not_be_written_costs_the_memory_only(world: World) -> None:
    (world.folder / "file").write_text("")
    report = await world.audit(memory=world.folder / "file" / "audit.db")
    assert (report.findings, len(report.notes)) == ([], 1)


async def test_of_two_audits_at_once_one_has_the_memory(world: World) -> None:
    reports = await asyncio.gather(*(world.audit(memory=world.memory) for _ in range(2)))
    assert [report.findings for report in reports] == [[], []]
    assert sorted(report.reading.shelves_read for report in reports) == [0, 11]


class Dying:
    """The world's ledger, which goes away while the seals are read."""

    def __init__(self, world: World) -> None:
        self._ledger = world.ledger

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)

    async def shelved(self, shelf: str) -> AsyncIterator[Shelved]:
        async for found in self._ledger.shelved(shelf):
            yield found
        raise ConnectionError("gone")


async def test_an_audit_that_ends_early_leaves_the_memory_as_it_was(world: World) -> None:
    seal = await world.seal(ORDER, 10, {0: [STAGED]}, shelf="01AC0")
    with pytest.raises(ConnectionError):
        await world.audit(memory=world.memory, ledger=Dying(world))  # type: ignore[arg-type]
    report = await world.audit(memory=world.memory)
    assert (report.findings, report.seals) == ([], 11)
    assert seal.id[:5] == "01AC0"
    assert report.reading.shelves_read == 1


class Overtaking:
    """The world's ledger. While the links are read, a seal comes onto a shelf that was read
    before, and one continues it on a shelf that is read after."""

    def __init__(self, world: World, old: str) -> None:
        self._world, self._old, self.done = world, old, False

    def __getattr__(self, name: str) -> object:
        return getattr(self._world.ledger, name)

    async def links(self, shelf: str) -> AsyncIterator[tuple[str, Link]]:
        if shelf == "01AC0" and not self.done:
            self.done = True
            await self._world.seal(ORDER, 20, {0: [STAGED]}, shelf=self._old)
            await self._world.seal(ORDER, 21, {0: [STAGED]}, shelf="01AC0")
        async for found in self._world.ledger.links(shelf):
            yield found


@pytest.mark.parametrize("old", ["01AB2", "01AA0"], ids=["a known shelf", "a new shelf"])
async def test_seals_that_come_while_the_shelves_are_read_raise_no_false_alarm(
    world: World, old: str
) -> None:
    await world.seal(ORDER, 10, {0: [STAGED]}, shelf="01AC0")
    overtaking = Overtaking(world, old)
    for _ in range(2):
        report = await world.audit(memory=world.memory, ledger=overtaking)  # type: ignore[arg-type]
        assert report.findings == []
    assert overtaking.done
    assert (report.seals, report.totals["received"]) == (13, 23)


async def test_a_worker_and_a_scheduler_at_work_are_audited_with_a_memory(tmp_path: Path) -> None:
    done = asyncio.Event()
    async with empty_world(tmp_path) as world:
        await fill(world)

        async def work() -> None:
            for number in range(10, 25):
                got = [Got("staged", DAY1), Got("duplicate", DAY2), Got("dead", DAY2)]
                await world.seal(ORDER, number, {0: got, 1: got}, shelf=f"01T{number // 3:02}")
                if number % 3 == 0:
                    await world.load(ORDER)
            done.set()

        working = asyncio.create_task(work())
        reports = []
        while not done.is_set():
            reports.append(await world.audit(memory=world.memory))
        await working
        reports.append(await world.audit(memory=world.memory, deep=True))
        full = await world.audit()
    assert [report.findings for report in reports] == [[]] * len(reports)
    assert reports[-1].types == full.types
