"""The audit beside a running system: no false alarms, and no silence where it can not know."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest

from app.audit.chains import read_chain
from app.audit.report import FindingKind as K
from app.audit.report import Findings
from app.audit.scratch import Scratch
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Cursor, DayLoad, DayTotals
from app.ledger.sqlite import SQLiteLedger
from tests.audit.world import DAY1, DAY2, ORDER, PAGE, Got, World, empty_world, fill, tp_of


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with empty_world(tmp_path) as world:
        await fill(world)
        yield world


class BusyLedger:
    """The world's ledger, but before each look at totals or loads the world moves on by a step."""

    def __init__(self, world: World, steps: int, of_event: str) -> None:
        self.ledger, self.world = world.ledger, world
        self.left, self.of_event = steps, of_event

    def __getattr__(self, name: str) -> object:
        return getattr(self.ledger, name)

    async def loads(self, event: str, table: str) -> Mapping[date, DayLoad]:
        await self._move_on(event)
        return await self.ledger.loads(event, table)

    async def totals(self, event: str) -> Sequence[DayTotals]:
        await self._move_on(event)
        return await self.ledger.totals(event)

    async def _move_on(self, event: str) -> None:
        if event == self.of_event and self.left:
            self.left -= 1
            await self.world.seal(event, 100 + self.left, {0: [Got("staged", DAY1)]})
            await self.world.load(event)


async def test_seals_and_loads_during_the_audit_raise_no_false_alarm(world: World) -> None:
    busy = BusyLedger(world, 8, ORDER)
    report = await world.audit(ledger=busy)  # type: ignore[arg-type]
    assert report.findings == []
    assert busy.left == 0


async def test_a_type_that_is_loaded_at_every_look_is_called_unsettled(world: World) -> None:
    report = await world.audit(ledger=BusyLedger(world, 1_000, PAGE))  # type: ignore[arg-type]
    assert K.UNSETTLED in {found.kind for found in report.findings}
    assert {found.event for found in report.findings} == {PAGE}


async def test_a_worker_and_a_scheduler_at_work_are_audited_again_and_again(world: World) -> None:
    done = asyncio.Event()

    async def work() -> None:
        for number in range(10, 30):
            got = [Got("staged", DAY1), Got("duplicate", DAY2), Got("dead", DAY2)]
            await world.seal(ORDER, number, {0: got, 1: got})
            if number % 3 == 0:
                await world.load(ORDER)
        done.set()

    working = asyncio.create_task(work())
    reports = []
    while not done.is_set():
        reports.append(await world.audit())
    await working
    reports.append(await world.audit(deep=True))
    assert [report.findings for report in reports] == [[]] * len(reports)
    assert reports[-1].totals["received"] == 14 + 20 * 6
    assert reports[-1].totals["lag"] == 0


@pytest.fixture
async def unrecorded(world: World) -> World:
    """A run has committed two more seals, and died before the ledger heard of it."""
    await world.seal(ORDER, 20, {0: [Got("staged", DAY1)] * 2})
    await world.seal(ORDER, 21, {1: [Got("staged", DAY1), Got("staged", DAY2)]})
    await world.load(ORDER, recorded=False)
    return world


async def test_a_commit_that_the_ledger_has_not_heard_of_is_a_remark_while_its_seals_wait(
    unrecorded: World,
) -> None:
    for deep in (False, True):
        report = await unrecorded.audit(deep=deep)
        assert report.findings == []
        assert any("before the ledger heard of it" in note for note in report.notes)
        assert report.totals["in_flight"] == report.totals["residual"] == 0
    await unrecorded.seal(ORDER, 22, {0: [Got("staged", DAY1)]})
    report = await unrecorded.audit()
    assert (report.findings, report.totals["in_flight"]) == ([], 1)


async def test_a_day_loaded_again_by_a_run_that_died_is_a_remark(world: World) -> None:
    await world.load(ORDER)
    await world.load(ORDER, [DAY1], recorded=False)
    report = await world.audit(deep=True)
    assert report.findings == []
    assert any("before the ledger heard of it" in note for note in report.notes)


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ("DELETE FROM RAW.{table} WHERE day = '2026-03-01'", K.WAREHOUSE_ROWS),
        ("UPDATE RAW.LOAD_CONTROL SET staged = staged - 1 WHERE fence > 1", K.LOAD_SEALS),
        ("UPDATE RAW.LOAD_CONTROL SET staged = staged + 1 WHERE fence > 1", K.LOAD_CONTROL),
        ("UPDATE RAW.LOAD_CONTROL SET rows = rows - 1 WHERE fence > 1", K.WAREHOUSE_ROWS),
        ("UPDATE RAW.LOAD_CONTROL SET fence = 1", K.LOAD_CONTROL),
        (None, K.LOAD_CONTROL),
    ],
)
async def test_a_commit_that_the_ledger_has_not_heard_of_hides_nothing(
    unrecorded: World, changed: str | None, kind: K
) -> None:
    if changed is None:
        unrecorded.sql_ledger("DELETE FROM unloaded")
    else:
        unrecorded.sql_warehouse(changed.format(table=ORDER.upper()))
    report = await unrecorded.audit()
    assert kind in {found.kind for found in report.findings}, report.findings
    assert not report.balanced


async def test_a_cursor_beyond_the_chain_says_that_its_last_entries_are_gone(
    world: World,
) -> None:
    findings = Findings()
    scratch = Scratch()
    tp = tp_of(ORDER, 0)
    await read_chain(world.ledger, ORDER, tp, Cursor(9, -1, "topic-1"), scratch, findings)
    scratch.close()
    (found,) = findings.kept
    assert (found.kind, found.tp, found.first, found.next) == (K.CURSOR, tp, 7, 9)


async def test_a_last_seal_that_was_lost_before_its_load_is_read_again(world: World) -> None:
    """It never happened, so Kafka still has to be read from there: lag, no loss."""
    seal = world.seals[2]
    for statement in ("entries WHERE id", "links WHERE entry", "counts WHERE entry",
                      "objects WHERE entry", "unloaded WHERE entry"):  # fmt: skip
        world.sql_ledger(f"DELETE FROM {statement} = ?", seal.id)
    report = await world.audit()
    assert report.findings == []
    assert report.totals["lag"] == 2
    assert report.objects.strays == 1


async def test_a_ledger_that_was_emptied_beside_a_full_warehouse_does_not_pass(
    world: World, tmp_path: Path
) -> None:
    empty = SQLiteLedger.at(LedgerOptions(url=f"sqlite:///{tmp_path}/empty.db"))
    report = await world.audit(ledger=empty)
    await empty.close()
    assert {(found.kind, found.event, found.day) for found in report.findings} == {
        (K.LOAD_CONTROL, ORDER, DAY1), (K.LOAD_CONTROL, ORDER, DAY2), (K.LOAD_CONTROL, PAGE, DAY1),
    }  # fmt: skip
