"""Declared runs: opened, closed once, counted, and complete for good."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from ulid import ULID

from app.core.errors import Fatal, Fenced
from app.core.reruns import Counted, DeclaredRun, RunState
from app.core.seal import DayCounts
from app.ledger.protocol import DirtyDay, Ledger
from tests.ledger.examples import EVENT, MONDAY, NOON, TABLE, TUESDAY, load, seal, span, start

LATER = NOON + timedelta(hours=1)


def opened(day: object = MONDAY, event: str = EVENT) -> DeclaredRun:
    return DeclaredRun(f"{day}.{ULID()}", event, NOON)


async def test_a_run_goes_from_open_to_complete_and_every_reader_sees_it(
    ledger: Ledger, other: Ledger
) -> None:
    run = opened()
    assert await other.rerun(run.id) is None
    assert await other.reruns(EVENT) == []
    await ledger.open_rerun(run)
    assert await other.rerun(run.id) == run
    closed = replace(run, expected=7, closed_at=LATER)
    assert await ledger.close_rerun(run.id, 7, LATER) == closed
    await other.count_reruns([Counted(run.id, 6)])
    assert await ledger.rerun(run.id) == replace(closed, counted=6)
    await ledger.count_reruns([Counted(run.id, 7, frozenset({"S2", "S1"}))])
    complete = replace(closed, counted=7, seals=frozenset({"S1", "S2"}))
    assert await other.reruns(EVENT) == [complete]
    assert complete.state is RunState.COMPLETE


async def test_what_is_said_twice_or_too_late_changes_nothing(ledger: Ledger) -> None:
    run = opened()
    for _ in range(2):
        await ledger.open_rerun(run)
    with pytest.raises(Fenced):
        await ledger.open_rerun(replace(run, event="page_seen"))
    first = await ledger.close_rerun(run.id, 7, NOON)
    assert await ledger.close_rerun(run.id, 8, LATER) == first
    await ledger.open_rerun(run)
    await ledger.count_reruns([Counted(run.id, 7, frozenset({"S1"}))])
    complete = await ledger.rerun(run.id)
    await ledger.count_reruns([Counted(run.id, 9, frozenset({"S1", "S2"})), Counted(run.id, 1)])
    assert await ledger.abandon_rerun(run.id, LATER) == complete
    assert await ledger.close_rerun(run.id, 7, LATER) == complete
    assert await ledger.rerun(run.id) == complete


async def test_an_abandoned_run_stays_so_unless_a_load_shows_it_already(ledger: Ledger) -> None:
    run, shut = opened(), opened()
    await ledger.open_rerun(run)
    await ledger.open_rerun(shut)
    await ledger.close_rerun(shut.id, 3, NOON)
    gone = replace(run, abandoned_at=LATER)
    assert await ledger.abandon_rerun(run.id, LATER) == gone
    assert await ledger.close_rerun(run.id, 3, LATER) == gone
    assert (await ledger.abandon_rerun(shut.id, LATER) or run).state is RunState.ABANDONED
    await ledger.count_reruns([Counted(shut.id, 3), Counted(run.id, 3, frozenset({"S1"}))])
    states = {(await ledger.rerun(id)).state for id in (run.id, shut.id)}  # type: ignore[union-attr]
    assert states == {RunState.ABANDONED}
    assert await ledger.dirty(EVENT) == []
    await ledger.count_reruns([Counted(shut.id, 3, frozenset({"S1"}))])
    assert (await ledger.rerun(shut.id) or run).state is RunState.COMPLETE


async def test_a_run_that_nobody_opened_is_none(ledger: Ledger) -> None:
    id = opened().id
    assert await ledger.rerun(id) is None
    assert await ledger.close_rerun(id, 1, NOON) is None
    assert await ledger.abandon_rerun(id, NOON) is None
    await ledger.count_reruns([Counted(id, 1)])
    assert await ledger.rerun(id) is None


async def test_an_unfit_run_is_refused(ledger: Ledger) -> None:
    with pytest.raises(Fatal, match="no id of a declared run"):
        await ledger.open_rerun(DeclaredRun("monday", EVENT, NOON))
    with pytest.raises(Fatal, match="opened before anything else"):
        await ledger.open_rerun(replace(opened(), closed_at=NOON))
    assert await ledger.reruns(EVENT) == []


async def test_runs_are_found_by_event_and_day_in_their_order(ledger: Ledger) -> None:
    runs = [opened(day, event) for day in (TUESDAY, MONDAY) for event in (EVENT, "page_seen")]
    runs += [opened(), opened()]
    for run in reversed(runs):
        await ledger.open_rerun(run)
    mine = sorted((run for run in runs if run.event == EVENT), key=lambda run: run.id)
    assert await ledger.reruns(EVENT) == mine
    assert await ledger.reruns(EVENT, [TUESDAY]) == [run for run in mine if run.day == TUESDAY]
    assert await ledger.reruns(EVENT, []) == []


async def test_of_two_that_close_a_run_at_once_one_is_heard(ledger: Ledger, other: Ledger) -> None:
    run = opened()
    await ledger.open_rerun(run)
    said = await asyncio.gather(
        *((ledger, other)[n % 2].close_rerun(run.id, n, NOON) for n in range(10))
    )
    assert len({one.expected for one in said if one}) == 1
    assert await ledger.rerun(run.id) == said[0]


async def test_a_day_is_dirty_while_no_load_has_looked_at_a_run_that_was_closed(
    ledger: Ledger,
) -> None:
    run, open_still = opened(), opened(TUESDAY)
    await ledger.open_rerun(run)
    await ledger.open_rerun(open_still)
    assert await ledger.dirty(EVENT) == []
    await ledger.close_rerun(run.id, 2, LATER)
    assert await ledger.dirty(EVENT) == [DirtyDay(MONDAY, (), LATER)]
    await ledger.start_chains([start()])
    sealed = seal(span(0, 2), days={MONDAY: DayCounts(staged=2)}, sealed_at=NOON)
    await ledger.record(sealed)
    assert await ledger.dirty(EVENT) == [DirtyDay(MONDAY, (sealed.id,), NOON)]
    await ledger.record_load([load(MONDAY, 1, [sealed.id], rows=2)])
    assert await ledger.dirty(EVENT) == [DirtyDay(MONDAY, (), LATER)]
    await ledger.count_reruns([Counted(run.id, 1)])
    assert await ledger.dirty(EVENT) == []
    assert await ledger.dirty("page_seen") == []


async def test_a_load_says_which_run_it_shows_and_how_many_rows_it_hides(
    ledger: Ledger, other: Ledger
) -> None:
    await ledger.start_chains([start()])
    sealed = seal(span(0, 5), days={MONDAY: DayCounts(staged=5)})
    await ledger.record(sealed)
    run = opened()
    for fence, (shown, hidden) in enumerate([(run.id, 3), ("", 5), (run.id, 0), ("", 0)], 1):
        said = replace(load(MONDAY, fence, [sealed.id]), staged=5, shown=shown, hidden=hidden)
        await ledger.record_load([said])
        assert (await other.loads(EVENT, TABLE))[MONDAY] == said
        assert said.collapsed == 4 - hidden
        (balance,) = await other.balances({}, MONDAY, MONDAY)
        assert (balance.hidden, balance.collapsed, balance.residual) == (hidden, 4 - hidden, 0)
        assert [one.hidden for one in await other.recent_loads(9)] == [hidden]
    late = replace(load(MONDAY, 1, [sealed.id]), shown=run.id, hidden=1)
    await ledger.record_load([late])
    assert (await other.loads(EVENT, TABLE))[MONDAY].shown == ""
