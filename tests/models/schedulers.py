"""Schedulers on a stage, and what must hold at each of their steps.

Nobody holds a lock in here: Redis has lost its memory, and what keeps a table right is the fence
and the comparison with LOAD_CONTROL.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from ulid import ULID

from app.core.errors import Fenced, Transient
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import DayLoad, Ledger
from app.scheduler.lock import LeaseLost
from app.scheduler.replace import replace_all, replace_days
from sinks.memory import MemoryObjectStore
from sinks.protocol import LoadedDay, Warehouse
from tests.models.effort import say
from tests.models.loads import (
    DAYS,
    LEDGER_CALLS,
    WAREHOUSE_CALLS,
    Begins,
    CallEnds,
    ComesToRest,
    DiesInRun,
    GoesOn,
    Happening,
    Killed,
    LosesLease,
    Outrun,
    Sealed,
    happenings,
)
from tests.models.stage import SMOOTH, Actor, Behind, Pace, Stage
from tests.scheduler.world import World, table

ATTEMPTS = 3


class Scheduler:
    """One life of a scheduler, with one run at a time."""

    def __init__(self, name: str, stage: Stage, ledger: Any, make: Callable[[Any], Any]) -> None:
        self.actor = Actor(name)
        self._stage = stage
        self._breaks = ""
        self._lost = False
        self._ledger: Any = Behind(stage, "ledger", ledger, LEDGER_CALLS)
        self._warehouse: Any = Behind(stage, "warehouse", make(self._at), WAREHOUSE_CALLS)
        self._run: Any = None

    def begin(self, of: Any, forced: frozenset[date], max_days: int, breaks: str) -> None:
        if self._run is None or self._run.done():
            self._breaks, self._lost = breaks, False
            run = self._loaded(of, forced, max_days)
            self._run = self._stage.start(self.actor, run)

    def lose_lease(self) -> None:
        self._lost = True

    async def _loaded(self, of: Any, forced: frozenset[date], max_days: int) -> None:
        """As `Loads` does: a few tries of one run, and no more of it once another took over."""
        run = str(ULID())
        for _ in range(ATTEMPTS):
            try:
                await replace_days(
                    self._ledger,
                    self._warehouse,
                    of,
                    forced or None,
                    run=run,
                    max_days=max_days,
                    force=bool(forced),
                    check=self._check,
                )
            except Transient as error:
                say(f"{self.actor.name}: {error}")
            except (Fenced, LeaseLost) as error:
                say(f"{self.actor.name} gives way: {error}")
                self._stage.happened[f"gives way {type(error).__name__}"] += 1
                return
            else:
                return

    def raise_what_must_not_happen(self) -> None:
        if self._run is not None and self._run.done() and not self._run.cancelled():
            self._run.result()

    def _check(self) -> None:
        if self._lost:
            raise LeaseLost("somebody else holds the lock")

    def _at(self, point: str) -> None:
        if point == self._breaks:
            self._breaks = ""
            self._stage.happened[f"breaks at {point}"] += 1
            raise Transient(f"the connection broke at {point}")


class Witness:
    """The ledger, and what `record_load` must have made of it."""

    def __init__(self, inner: Ledger) -> None:
        self._inner = inner
        self.loads: dict[date, DayLoad] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def record_load(self, loads: Any) -> None:
        await self._inner.record_load(loads)
        for load in loads:
            if load.day not in self.loads or self.loads[load.day].fence <= load.fence:
                self.loads[load.day] = load


class Schedulers(RuleBasedStateMachine):
    """Each history has a table of its own; `warehouse(folder, objects, at)` makes an adapter."""

    stage: Stage
    ledger: Ledger
    warehouse: Callable[..., Any]
    folder: Path
    examples = itertools.count()

    @initialize()
    def begin(self) -> None:
        name = f"e{next(self.examples)}"
        self.event, self.table = name, table(name)
        self.objects, self.witness = MemoryObjectStore(), Witness(self.ledger)
        make = type(self).warehouse
        self.reader: Warehouse = make(self.folder / name, self.objects)
        self.make = partial(
            make, self.folder / name, self.objects, beside=self.reader, stage=self.stage
        )
        self.world = World(self.witness, self.objects, self.reader)  # type: ignore[arg-type]
        self.sealed: dict[date, dict[str, tuple[str, ...]]] = defaultdict(dict)
        self.standing: dict[date, int] = {}
        self.schedulers: dict[str, Scheduler] = {}
        self.compared: Any = None

    @rule(what=happenings())
    def happens(self, what: Happening) -> None:
        match what:
            case Sealed(days, dead):
                self.seal(days, dead)
            case CallEnds(n, answer) if self.stage.waiting:
                self.stage.open(self.stage.waiting[n % len(self.stage.waiting)], answer)
            case Outrun(name, by, early, pace, days) if name != by:
                self.outrun(name, by, pace, days, early=early)
            case ComesToRest():
                for scheduler in self.schedulers.values():
                    self.stage.go_on(scheduler.actor)
                self.stage.run(self.at_rest())
            case Begins() | GoesOn() | Killed() | LosesLease() | DiesInRun():
                self.happens_to(self.scheduler(what.name), what)

    def happens_to(self, scheduler: Scheduler, what: Happening) -> None:
        match what:
            case Begins(_, forced, max_days, breaks, pace):
                scheduler.begin(self.table, forced, max_days, breaks)
                self.stage.go_on(scheduler.actor, pace)
            case GoesOn(_, pace):
                self.stage.go_on(scheduler.actor, pace)
            case LosesLease():
                scheduler.lose_lease()
            case DiesInRun(name, pace):
                self.happens_to(scheduler, Begins(name, frozenset(), 3, "", pace))
                self.happens_to(scheduler, Killed(name))
            case Killed(name):
                self.stage.kill(scheduler.actor)
                del self.schedulers[name]

    def outrun(self, name: str, by: str, pace: Pace, days: Any, *, early: bool) -> None:
        slow, fast = self.scheduler(name), self.scheduler(by)
        for scheduler in (slow, fast):
            self.stage.go_on(scheduler.actor)
        self.seal(days, 0)
        if early:
            self.happens_to(fast, Begins(by, frozenset(), 3, "", Pace(before="warehouse.prepare")))
        self.happens_to(slow, Begins(name, frozenset(), 3, "", pace))
        self.seal(days, 0)
        self.happens_to(fast, Begins(by, frozenset(), 3, "", SMOOTH))
        self.stage.go_on(slow.actor)

    async def at_rest(self) -> None:
        everything: Any = (self.witness, self.reader, self.table)
        async for report in replace_all(*everything, max_days=2):
            assert report.days or report.outcome == "nothing_to_do"
        assert await self.ledger.dirty(self.event) == []
        control = await self.reader.loaded(self.table, DAYS)
        loads = await self.ledger.loads(self.event, self.table.name)
        for day, sealed in self.sealed.items():
            ids = sorted({one for ids in sealed.values() for one in ids})
            assert await self.world.ids(self.table, day) == ids
            assert set(control[day].seals) == set(sealed)
            assert _as_control(loads[day]) == control[day], "LOAD_CONTROL and ledger disagree"

    @invariant()
    def nobody_fails_of_what_may_not_happen(self) -> None:
        for scheduler in self.schedulers.values():
            scheduler.raise_what_must_not_happen()

    @invariant()
    def a_reader_sees_whole_days_and_none_goes_back(self) -> None:
        self.stage.run(self.compare())

    async def compare(self) -> None:
        so_far = (
            self.stage.happened.total(),
            len(self.world.offsets),
            *map(len, self.sealed.values()),
        )
        if so_far == self.compared:
            return
        self.compared = so_far
        control = await self.reader.loaded(self.table, DAYS)
        loads = await self.ledger.loads(self.event, self.table.name)
        dirty = {found.day: set(found.seals) for found in await self.ledger.dirty(self.event)}
        rows: dict[object, list[object]] = defaultdict(list)
        for row in await self.reader.fetch(self.table):
            rows[row["day"]].append(row["event_id"])
        assert loads == self.witness.loads
        for day in DAYS:
            sealed = self.sealed.get(day, {})
            named = control[day].seals if day in control else ()
            prefix = list(sealed)[: len(named)]
            assert set(named) == set(prefix), f"{day} was loaded from seals that were never all"
            assert len(named) >= self.standing.get(day, 0), f"{day} went back to an older manifest"
            self.standing[day] = len(named)
            wanted = sorted({one for seal in prefix for one in sealed[seal]})
            assert rows[day] == wanted, f"{day} is not whole"
            staged = sum(len(sealed[seal]) for seal in prefix)
            if day in control:
                assert (control[day].staged, control[day].rows) == (staged, len(wanted))
            recorded = loads[day].seals if day in loads else ()
            assert dirty.get(day, set()) == set(sealed) - set(recorded)
            assert set(recorded) <= set(named), f"{day}: the ledger names more than was loaded"

    def seal(self, days: Any, dead: int) -> None:
        ids = {day: tuple(f"id{n}" for n in rows) for day, rows in days}
        if ids or dead:
            seal = self.stage.run(self.world.seal(ids, event=self.event, dead=dead))
            for day, rows in ids.items():
                self.sealed[day][seal] = rows

    def scheduler(self, name: str) -> Scheduler:
        if name not in self.schedulers:
            make = lambda at: self.make(at=at)  # noqa: E731
            self.schedulers[name] = Scheduler(name, self.stage, self.witness, make)
        return self.schedulers[name]

    def teardown(self) -> None:
        for scheduler in getattr(self, "schedulers", {}).values():
            self.stage.kill(scheduler.actor)


def _as_control(load: DayLoad) -> LoadedDay:
    return LoadedDay(
        load.day, load.run, load.fence, load.seals, load.staged, load.rows, load.loaded_at
    )


@contextmanager
def schedulers(warehouse: Any, folder: Path) -> Iterator[tuple[type[Schedulers], Stage]]:
    stage = Stage()
    ledger = stage.run(open_ledger(LedgerOptions(url=f"sqlite:///{folder}/ledger.db")))
    world = {"stage": stage, "ledger": ledger, "warehouse": warehouse, "folder": folder}
    try:
        yield type("Schedulers", (Schedulers,), world), stage
    finally:
        stage.run(ledger.close())
        stage.close()
