"""Rows of declared runs that are not shown: the balance closes with them, and names them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from ulid import ULID

from app.audit import AuditReport
from app.audit.report import FindingKind
from app.commands.audit import render
from app.contracts.table import RUN, Table
from app.core.reruns import DeclaredRun
from app.core.seal import DayCounts, ObjectKind, Range, Seal, StoredObject, object_key
from app.ledger.protocol import ChainStart
from app.scheduler.replace import replace_days
from tests.audit.world import DAY1, NOON, ORDER, World, empty_world, table_of, topic_of, tp_of

from tests.audit.world import LogEnds  # isort: skip


def with_runs() -> Table:
    plain = table_of(ORDER)
    return replace(plain, columns=(*plain.columns, RUN), runs=True)


async def sealed(world: World, rows: Mapping[str, Sequence[str]]) -> None:
    """Seal rows of several runs of the first day, as a worker does."""
    tp = tp_of(ORDER, 0)
    first = (await world.ledger.start_chains([ChainStart(ORDER, tp, 0, "topic-1")]))[tp].next
    offset, stored, id = first, [], str(ULID())
    for run, names in rows.items():
        key = object_key(ObjectKind.ROWS, ORDER, 1, DAY1, id, run)
        writer = world.objects.writer(key)
        for name in names:
            said = f'"_run":"{run}",' if run else ""
            line = (
                f'{{"day":"{DAY1}","event_id":"{name}",{said}"_topic":"{topic_of(ORDER)}",'
                f'"_partition":0,"_offset":{offset},"_received_at":"2026-03-01T13:00:00Z"}}\n'
            )
            writer.append(line.encode())
            offset += 1
        done = await writer.finish()
        stored.append(
            StoredObject(DAY1, ObjectKind.ROWS, key, len(names), done.bytes, done.sha256, done.etag)
        )
    total = offset - first
    seal = Seal(
        id, ORDER, 1, "worker-1", NOON, "sha", (Range(tp, first, offset, total),), tuple(stored),
        {DAY1: DayCounts(staged=total)},
    )  # fmt: skip
    await world.ledger.record(seal)
    world.logs[tp] = LogEnds(0, offset)


async def opened(world: World) -> str:
    run = DeclaredRun(f"{DAY1}.{ULID()}", ORDER, NOON)
    await world.ledger.open_rerun(run)
    return run.id


async def loaded(world: World) -> None:
    await replace_days(world.ledger, world.warehouse, world.tables[ORDER], max_days=9)


def told(report: AuditReport) -> str:
    console = Console(width=300, no_color=True)
    with console.capture() as captured:
        console.print(render(report))
    return " ".join(captured.get().split())


async def a_story(world: World) -> tuple[str, str, str]:
    """One run superseded, one shown, one open; a stray row, and one too late; a copy."""
    world.tables[ORDER] = with_runs()
    first, second, third = [await opened(world) for _ in range(3)]
    await sealed(world, {first: ["a", "b"], second: ["a", "c", "c", "d"], "": ["stray"]})
    await world.ledger.close_rerun(first, 2, NOON)
    await loaded(world)
    await world.ledger.close_rerun(second, 3, NOON + timedelta(hours=1))
    await loaded(world)
    await sealed(world, {third: ["z"], second: ["late"]})
    await loaded(world)
    return first, second, third


async def test_the_balance_closes_and_each_run_that_is_not_shown_is_named(tmp_path: Path) -> None:
    async with empty_world(tmp_path) as world:
        first, second, third = await a_story(world)
        for deep in (False, True):
            report = await world.audit(deep=deep)
            assert report.balanced, report.findings
        (day,) = next(kind for kind in report.types if kind.event == ORDER).days
        assert (day.rows, day.loaded, day.collapsed, day.hidden, day.residual) == (9, 3, 1, 5, 0)
        (note,) = [note for note in report.notes if "not shown" in note]
        assert f"run {second} is shown" in note
        assert f"2 of run {first} (superseded)" in note
        assert f"1 of run {second} (too late for it)" in note
        assert f"1 of run {third} (open)" in note
        assert "+ 5 of runs that are not shown" in told(report)


async def test_rows_of_a_hidden_run_that_stand_all_the_same_are_found(tmp_path: Path) -> None:
    async with empty_world(tmp_path) as world:
        await a_story(world)
        world.sql_warehouse("UPDATE RAW.ORDER_PLACED SET _offset = 0 WHERE event_id = 'd'")
        report = await world.audit(deep=True)
        assert {finding.kind for finding in report.findings} == {FindingKind.WAREHOUSE_ROWS}


async def test_a_load_that_hides_another_number_than_it_says_is_found(tmp_path: Path) -> None:
    async with empty_world(tmp_path) as world:
        await a_story(world)
        world.sql_ledger("UPDATE loads SET hidden = hidden + 1")
        world.sql_warehouse("UPDATE RAW.LOAD_CONTROL SET hidden = hidden + 1")
        report = await world.audit()
        assert not report.balanced
        assert FindingKind.LOAD_SEALS in {finding.kind for finding in report.findings}


async def test_ledger_and_load_control_that_show_other_runs_are_found(tmp_path: Path) -> None:
    async with empty_world(tmp_path) as world:
        first, _, _ = await a_story(world)
        world.sql_warehouse(f"UPDATE RAW.LOAD_CONTROL SET shown = '{first}'")
        report = await world.audit()
        assert FindingKind.LOAD_CONTROL in {finding.kind for finding in report.findings}
