"""Random histories of both ledgers against a ledger of a few dictionaries.

Workers that know where a chain ends and workers that do not, answers that were lost, loads that
cross: each is a step, and after every few steps the whole ledger is compared.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from typing import TypeVar

import pytest
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from app.core.errors import Fenced
from app.core.seal import DayCounts, Range
from app.ledger.open import open_ledger
from app.ledger.protocol import Cursor, Ledger
from tests.ledger.examples import MONDAY, NOON, TABLE, incident, load, new_id, seal, start
from tests.models.effort import try_machine
from tests.models.ledger_model import LedgerModel, compare, rows_of

T = TypeVar("T")
DAYS = [MONDAY + timedelta(days=n) for n in range(3)]
WIDTHS = st.integers(1, 9)
PARTITIONS = st.sets(st.integers(0, 2), min_size=1)


class Histories(RuleBasedStateMachine):
    """Each history has an event type and partitions of its own, in one ledger."""

    runner: asyncio.Runner
    ledgers: Sequence[Ledger]
    numbers = count()

    def run(self, work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return self.runner.run(awaited())

    @initialize()
    def begin(self) -> None:
        self.model = LedgerModel()
        self.event = f"event_{next(self.numbers)}"
        self.fence = 0
        self.manifests: list[tuple[date, list[str]]] = []

    def tp(self, n: int) -> str:
        return f"events.{self.event}.v1/{n}"

    @rule(n=st.integers(0, 2), first=st.integers(0, 50), who=st.integers(0, 1))
    def a_chain_is_started(self, n: int, first: int, who: int) -> None:
        tp = self.tp(n)
        chain = start(tp, first, event=self.event)
        began = self.run(self.ledgers[who].start_chains([chain]))
        self.model.begin(chain)
        assert began == {tp: self.model.cursors[tp]}

    @rule(
        ns=PARTITIONS, width=WIDTHS, behind=st.sampled_from([0, 0, 0, 1, 5, -3]),
        changelog=st.integers(-1, 99), shares=st.lists(st.integers(0, 8), min_size=3, max_size=3),
        hours_ago=st.integers(0, 9), who=st.integers(0, 1),
    )  # fmt: skip
    def a_worker_seals(
        self, ns: set[int], width: int, behind: int, changelog: int, shares: list[int],
        hours_ago: int, who: int,
    ) -> None:  # fmt: skip
        ranges = [self.next_range(n, width, behind, changelog) for n in sorted(ns)]
        made = seal(
            *ranges,
            days=_split(sum(r.records for r in ranges), shares),
            event=self.event,
            id=new_id(NOON - timedelta(hours=hours_ago)),
        )
        if self.model.fits(*ranges):
            self.run(self.ledgers[who].record(made))
            self.model.add(made)
        else:
            self.refused(self.ledgers[who].record(made))

    @precondition(lambda self: self.model.seals)
    @rule(n=st.integers(0), who=st.integers(0, 1))
    def an_answer_was_lost_and_the_seal_is_recorded_again(self, n: int, who: int) -> None:
        again = self.model.seals[n % len(self.model.seals)]
        self.run(self.ledgers[who].record(again))
        self.refused(self.ledgers[who].record(replace(again, worker="zombie")))

    @precondition(lambda self: self.model.summarised)
    @rule(n=st.integers(0))
    def a_summarised_seal_is_recorded_again(self, n: int) -> None:
        self.refused(self.ledgers[0].record(self.model.summarised[n % len(self.model.summarised)]))

    @precondition(lambda self: self.model.seals)
    @rule(some=st.sets(st.integers(0, 20), min_size=1), who=st.integers(0, 1))
    def old_seals_are_summarised(self, some: set[int], who: int) -> None:
        seals = self.model.seals
        chosen = {seals[n % len(seals)].id for n in some}
        waiting = {id for day in self.model.waiting() for id in self.model.with_rows(day)}
        if chosen & waiting:
            self.refused(self.ledgers[who].summarise(sorted(chosen), NOON))
            chosen -= waiting
        if chosen:
            made = self.run(self.ledgers[who].summarise(sorted(chosen), NOON))
            assert made.problems() == []
            self.model.sum_up(chosen)

    @rule(n=st.integers(0, 2), width=WIDTHS, behind=st.sampled_from([0, 0, 2]))
    def offsets_are_lost(self, n: int, width: int, behind: int) -> None:
        gone = self.next_range(n, width, behind, -1)
        lost = replace(incident(gone.first, gone.next, gone.tp), event=self.event)
        if self.model.fits(gone):
            self.run(self.ledgers[0].record_incident(lost))
            self.model.lose(lost)
        else:
            self.refused(self.ledgers[0].record_incident(lost))

    @rule(n=st.integers(0, 2), behind=st.sampled_from([0, 0, 2]), dice=st.integers(0, 3))
    def a_topic_is_created_again(self, n: int, behind: int, dice: int) -> None:
        assume(dice == 0)  # nothing else can happen to the chain afterwards
        at = self.next_range(n, 0, behind, -1)
        end = replace(incident(at.first, at.next, at.tp, topic_id="t2"), event=self.event)
        if self.model.fits(at):
            self.run(self.ledgers[0].record_incident(end))
            self.model.lose(end)
        else:
            self.refused(self.ledgers[0].record_incident(end))

    @rule(day=st.sampled_from(DAYS))
    def a_scheduler_reads_a_manifest(self, day: date) -> None:
        (manifest,) = self.run(self.ledgers[0].manifest(self.event, [day]))
        assert list(manifest.seals) == self.model.with_rows(day)
        assert manifest.rows == sum(rows_of(s, day) for s in self.model.seals)
        gone = {s.id: rows_of(s, day) for s in self.model.summarised if rows_of(s, day)}
        assert manifest.summarised == gone
        self.manifests.append((day, list(manifest.seals)))

    @precondition(lambda self: self.manifests)
    @rule(n=st.integers(0), late=st.sampled_from([0, 0, 1, 2]), who=st.integers(0, 1))
    def a_load_is_recorded(self, n: int, late: int, who: int) -> None:
        day, seals = self.manifests[n % len(self.manifests)]
        self.fence += 1
        done = load(day, max(self.fence - late, 1), seals, event=self.event)
        self.run(self.ledgers[who].record_load([done]))
        self.model.keep(done)

    @rule()
    def all_is_compared(self) -> None:
        ledger, tps = self.ledgers[1], [self.tp(n) for n in range(3)]
        self.run(compare(ledger, self.event, self.model, tps))
        assert self.run(ledger.loads(self.event, TABLE)) == self.model.loads

    def next_range(self, n: int, width: int, behind: int, changelog: int) -> Range:
        end = self.model.cursors.get(self.tp(n), Cursor(0, -1, ""))
        first = max(end.next - behind, 0)
        return Range(self.tp(n), first, first + width, width, changelog)

    def refused(self, attempt: Awaitable[object]) -> None:
        try:
            self.run(attempt)
        except Fenced:
            return
        raise AssertionError("it was not fenced")

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.all_is_compared()


def _split(records: int, shares: list[int]) -> dict[date, DayCounts]:
    """Deal `records` out to the days: staged by their shares, the rest not."""
    days = {}
    for day, share in zip(DAYS, shares, strict=True):
        staged = min(share, records)
        records -= staged
        if staged:
            # As if some types' events became no row, and others' more than one.
            days[day] = DayCounts(staged, rows=staged * share // 3)
    if records:
        last = days.get(DAYS[0], DayCounts())
        dead, filtered = records // 2, records // 3
        days[DAYS[0]] = replace(
            last, duplicates=records - dead - filtered, dead=dead, filtered=filtered
        )
    return days


@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 40), ("mongo", 10)])
def test_any_history_leaves_the_ledger_that_the_model_has(
    request: pytest.FixtureRequest, kind: str, examples: int
) -> None:
    options = request.getfixturevalue(f"{kind}_options")
    with asyncio.Runner() as runner:
        ledgers = [runner.run(open_ledger(options)) for _ in range(2)]
        world = {"runner": runner, "ledgers": ledgers}
        try_machine(type("Histories", (Histories,), world), examples, steps=25)
        for ledger in ledgers:
            runner.run(ledger.close())
