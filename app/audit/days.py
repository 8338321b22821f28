"""The days of one event type: the rows that were sealed against those that stand."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from app.audit.report import DayBalance, Finding, FindingKind, Findings
from app.audit.scratch import Scratch
from app.contracts.table import Table
from app.core.reruns import DeclaredRun, is_shown
from app.core.seal import DayCounts
from app.ledger.protocol import DayLoad, DayTotals, Ledger
from sinks.protocol import LoadedDay, Warehouse

ATTEMPTS = 5


@dataclass(frozen=True)
class DayFacts:
    """What ledger and warehouse say of one event type, all of the same moment if `settled`.

    `table` is None, and `counts` and `control` empty, for a type without a topic file. Of the days
    `unrecorded`, totals and loads are told as they will be once the load that the warehouse has
    committed is recorded, which the next run does. `reruns` are declared runs, by id.
    """

    event: str
    table: Table | None
    totals: Mapping[date, DayTotals]
    loads: Mapping[date, DayLoad]
    counts: Mapping[date, int]
    control: Mapping[date, LoadedDay]
    settled: bool
    unrecorded: frozenset[date] = frozenset()
    reruns: Mapping[str, DeclaredRun] = field(default_factory=dict)

    def shows(self, load: DayLoad, key: str) -> bool:
        """Whether rows of this object must stand, where days are sent in runs."""
        return is_shown(key, load.shown, self.reruns, load.seals)

    @property
    def days(self) -> list[date]:
        return sorted({*self.totals, *self.loads, *self.counts, *self.control})


async def gather_facts(
    ledger: Ledger, warehouse: Warehouse, table: Table, pause_seconds: float
) -> DayFacts:
    """Read until no load came in between, so that a running scheduler raises no false alarm.

    The last reading is returned in any case: what still differs then is no coincidence, or the
    trace of a scheduler that died between its commit and the ledger, which its heir puts right.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            await asyncio.sleep(pause_seconds)
        before = {d: load.run for d, load in (await ledger.loads(table.event, table.name)).items()}
        totals = {t.day: t for t in await ledger.totals(table.event)}
        counts = await warehouse.count(table)
        control = await warehouse.loaded(table, {*totals, *before, *counts})
        loads = await ledger.loads(table.event, table.name)
        reruns = await ledger.reruns(table.event) if table.runs else ()
        settled = before == {d: load.run for d, load in loads.items()}
        facts = DayFacts(
            table.event, table, totals, loads, counts, control, settled,
            reruns={run.id: run for run in reruns},
        )  # fmt: skip
        if settled and all(_same(loads.get(d), control.get(d)) for d in facts.days):
            break
    return _as_recorded(facts)


def _as_recorded(facts: DayFacts) -> DayFacts:
    """Tell days whose commit the ledger has not heard of as the next run will record them.

    Its new seals still wait in the ledger, so that run comes; a day that was loaded again with the
    seals it had waits for its next ones. Either way each check of the day is made against what the
    warehouse committed. Anything else that differs stays as it is.
    """
    totals, loads, unrecorded = dict(facts.totals), dict(facts.loads), set()
    for day, control in facts.control.items():
        load, total = loads.get(day), totals.get(day)
        fence, seals, staged = (load.fence, load.seals, load.staged) if load else (0, (), 0)
        if total is None or control.fence <= fence or not set(control.seals) >= set(seals):
            continue
        new_rows, has_new = control.staged - staged, set(control.seals) > set(seals)
        if bool(new_rows) != has_new or not 0 <= new_rows <= total.unloaded:
            continue
        unrecorded.add(day)
        totals[day] = replace(total, unloaded=total.unloaded - new_rows)
        loads[day] = _load_of(facts, control)
    return replace(facts, totals=totals, loads=loads, unrecorded=frozenset(unrecorded))


def _load_of(facts: DayFacts, day: LoadedDay) -> DayLoad:
    assert facts.table is not None
    return DayLoad(
        facts.event, facts.table.name, day.day, day.run, day.fence, day.seals, day.staged, day.rows,
        day.loaded_at, day.shown, day.hidden,
    )  # fmt: skip


async def facts_without_table(ledger: Ledger, event: str) -> DayFacts:
    """What the ledger alone says."""
    totals = {t.day: t for t in await ledger.totals(event)}
    return DayFacts(event, None, totals, {}, {}, {}, True)


def balance_days(
    facts: DayFacts, scratch: Scratch, findings: Findings, named: Collection[date] = ()
) -> list[DayBalance]:
    """Count each day, and note what does not add up; hand the loads on to `scratch`.

    Rows of the days `named` are named more closely elsewhere.
    """
    for load in facts.loads.values():
        day = load.day.isoformat()
        scratch.add("loads", load.event, day, load.staged, load.rows, load.run)
        for seal in load.seals:
            scratch.add("loaded", load.event, day, seal)
    if not facts.settled:
        findings.add(
            Finding(
                FindingKind.UNSETTLED,
                f"{facts.event}: a load was committed during each of {ATTEMPTS} readings, so the "
                "numbers are of different moments; run the audit again.",
                event=facts.event,
            )
        )
    balances = [_balance(facts, day) for day in facts.days]
    for balance in balances:
        _check(facts, balance, findings, named)
    return balances


def _balance(facts: DayFacts, day: date) -> DayBalance:
    totals, load = facts.totals.get(day), facts.loads.get(day)
    counts = totals.counts if totals else DayCounts()
    balance = DayBalance(
        day,
        received=counts.received,
        staged=counts.staged,
        duplicates=counts.duplicates,
        dead=counts.dead,
        filtered=counts.filtered,
        rows=counts.rows,
        loaded=facts.counts.get(day, 0),
        collapsed=load.collapsed if load else 0,
        hidden=load.hidden if load else 0,
        in_flight=totals.unloaded if totals else 0,
    )
    taken = balance.in_flight + balance.loaded + balance.collapsed + balance.hidden
    balance.residual = balance.rows - taken
    return balance


def _check(
    facts: DayFacts, balance: DayBalance, findings: Findings, named: Collection[date]
) -> None:
    """Whenever the residual is not 0, one of these differs: it needs no finding of its own."""
    if facts.table is None:
        return
    event, day = facts.event, balance.day
    load, control = facts.loads.get(day), facts.control.get(day)

    def note(kind: FindingKind, text: str) -> None:
        findings.add(Finding(kind, f"{event} {day}: {text}", event=event, day=day))

    if load is None and control is None and balance.loaded:
        note(
            FindingKind.UNKNOWN_DAY,
            f"{balance.loaded} rows stand in the warehouse, but no load is known for this day: "
            "somebody else wrote them; delete them, or find out who did.",
        )
    elif not _same(load, control):
        note(FindingKind.LOAD_CONTROL, f"{_difference(load, control)}; {again(event, day)}.")
    elif load is not None and balance.loaded != load.rows and day not in named:
        note(
            FindingKind.WAREHOUSE_ROWS,
            f"load {load.run} left {load.rows} rows, {balance.loaded} stand there now: "
            f"{_missing(load.rows - balance.loaded)}; {again(event, day)}.",
        )
    called_loaded = balance.rows - balance.in_flight
    if called_loaded != (load.staged if load else 0):
        note(
            FindingKind.LOAD_SEALS,
            f"the ledger calls {called_loaded} rows loaded, the last load took "
            f"{load.staged if load else 0}; {again(event, day)}.",
        )


def _same(load: DayLoad | None, control: LoadedDay | None) -> bool:
    if load is None or control is None:
        return load is None and control is None
    return _said(load) == _said(control)


def _said(one: DayLoad | LoadedDay) -> tuple[object, ...]:
    return one.run, one.fence, one.staged, one.rows, one.shown, one.hidden, sorted(one.seals)


def _difference(load: DayLoad | None, control: LoadedDay | None) -> str:
    if load is None and control is not None:
        return (
            f"the warehouse committed load {control.run}, which the ledger does not know (a "
            "scheduler died in between, or the ledger was restored)"
        )
    if control is None and load is not None:
        return (
            f"the ledger knows load {load.run}, LOAD_CONTROL does not: was the warehouse restored?"
        )
    assert load is not None
    assert control is not None
    return (
        f"ledger and LOAD_CONTROL differ: load {load.run} (fence {load.fence}, {load.staged} "
        f"staged, {load.rows} rows, {len(load.seals)} seals) against {control.run} (fence "
        f"{control.fence}, {control.staged} staged, {control.rows} rows, {len(control.seals)} "
        "seals)"
    )


def again(event: str, day: date | str) -> str:
    """The command that makes a day right again."""
    return f"replace the day with `forebay load --type {event} --from {day}`"


def _missing(rows: int) -> str:
    return f"{rows} are missing" if rows > 0 else f"{-rows} are too many"
