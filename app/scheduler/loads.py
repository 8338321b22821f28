"""What this process loads right now, what it may begin, and what it lets rest after a failure."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from time import monotonic

from loguru import logger

from app import metrics
from app.contracts.table import Table
from app.core.errors import Fenced, ForebayError, Transient
from app.core.pause import Activity
from app.core.schedule import Cron, Every, Schedule
from app.health import Readiness
from app.ledger.protocol import DirtyDay, Ledger
from app.redaction import cause_of, told
from app.scheduler.due import is_due
from app.scheduler.history import Begun, History
from app.scheduler.lock import Lease, LeaseLost, Locks
from app.scheduler.options import SchedulerOptions
from app.scheduler.replace import JOB, LoadReport, counted, replace_days
from app.scheduler.rests import Rests
from app.scheduler.tries import Tries
from app.spans import job
from sinks.protocol import Warehouse

STUCK_SECONDS = 0.5
LONGEST_REST_SECONDS = 3600.0
"""Of a table that is loaded by cron; any other rests for its own interval at most."""


class Loads:
    """Begins a load for each table that is due, and leaves a failing one alone for a while.

    Each table loads in its own task, `options.loads_at_once` of them at a time, so that none waits
    for another's retries. `schedules` say when each is due, by event. A type whose loading is
    paused is left alone, also between two runs of a backfill.
    """

    def __init__(
        self,
        options: SchedulerOptions,
        tables: Mapping[str, Table],
        schedules: Mapping[str, Schedule],
        ledger: Ledger,
        warehouse: Warehouse,
        locks: Locks,
        readiness: Readiness,
        history: History,
    ) -> None:
        self._options, self._tables = options, tables
        self._schedules, self._history = schedules, history
        self._ledger, self._warehouse = ledger, warehouse
        self._locks, self._readiness = locks, readiness
        self._running: dict[str, asyncio.Task[None]] = {}
        self._paused: frozenset[str] = frozenset()
        self._rests = Rests(options.rest_seconds)
        self._slots = asyncio.Semaphore(options.loads_at_once)
        self._stopping = asyncio.Event()
        self._tries = Tries(options.attempts, self._stopping)
        for event in tables:  # a first failure shows as a rise only if there was a 0 before
            metrics.SCHEDULER_LOADS.labels(event, "failed")

    async def tick(self) -> None:
        """Begin what is due. Servers that do not answer are for the next tick."""
        if not (
            await self._answers("redis", self._locks.ping)
            and await self._answers("ledger", self._ledger.ping)
        ):
            return
        try:
            await self._look_at_pauses()
            for event, table in self._tables.items():
                if event not in self._paused:
                    await self._begin_if_due(table)
        except Transient as error:
            logger.warning("the ledger does not answer, next tick again: {}", error)

    async def _begin_if_due(self, table: Table) -> None:
        event = table.event
        if event in self._running or self._rests.rests(event):
            return
        if await self._is_due(table) and not self._stopping.is_set():
            task = asyncio.create_task(self._load(table), name=f"load {table.name}")
            self._running[event] = task
            task.add_done_callback(partial(self._forget, event))

    async def _look_at_pauses(self) -> None:
        found = [p for p in await self._ledger.pauses() if p.what is Activity.LOAD]
        paused = frozenset(pause.event for pause in found)
        for pause in found:
            metrics.PAUSED.labels(pause.event, pause.what).set(1)
            if pause.event not in self._paused:
                logger.warning("{}: {}", pause, pause.why)
        for event in self._paused - paused:
            metrics.PAUSED.labels(event, Activity.LOAD).set(0)
            logger.info("{}: loading is resumed", event)
        self._paused = paused

    def _forget(self, event: str, _: asyncio.Task[None]) -> None:
        del self._running[event]

    def stop(self) -> None:
        """Begin nothing more, not even another try or another run of a backfill."""
        self._stopping.set()

    async def settled(self) -> None:
        """Wait until nothing is being loaded."""
        while self._running:
            await asyncio.wait(list(self._running.values()))

    async def drain(self, seconds: float) -> None:
        """Let what runs come to its end; what has not by then is rolled back."""
        self.stop()
        running = list(self._running.values())
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=seconds)
        for task in late:
            logger.warning(
                "{} did not end within {:g} s and is rolled back", task.get_name(), seconds
            )
            task.cancel()
        _, stuck = await asyncio.wait(running, timeout=STUCK_SECONDS)
        for task in stuck:  # it waits for the end of a statement, and its lock with it
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _answers(self, what: str, ping: Callable[[], Awaitable[None]]) -> bool:
        try:
            await ping()
        except Transient as error:
            logger.warning("{} does not answer, next tick again: {}", what, error)
            self._readiness.wait_for(what, str(error))
            return False
        self._readiness.reached(what)
        return True

    async def _is_due(self, table: Table) -> bool:
        dirty, now = await self._dirty(table), datetime.now(UTC)
        schedule = self._schedules[table.event]
        if isinstance(schedule, Cron):
            tick = schedule.due((await self._ledger.ticks()).get(_schedule_of(table)), now)
            if tick is not None and not dirty:  # or what is sealed soon were due at once
                await self._ledger.record_tick(_schedule_of(table), tick)
            return tick is not None and bool(dirty)
        if not dirty:
            return False
        loads = await self._ledger.loads(table.event, table.name)
        return is_due(dirty, loads.values(), schedule.interval, now)

    async def _dirty(self, table: Table) -> list[DirtyDay]:
        dirty = list(await self._ledger.dirty(table.event))
        metrics.SCHEDULER_DIRTY_DAYS.labels(table.event).set(len(dirty))
        return dirty

    async def _load(self, table: Table) -> None:
        """Run until nothing is left; a backfill gives way to others between its runs."""
        more, first = True, True
        with logger.contextualize(event=table.event, table=table.name):
            while more and not self._stopping.is_set() and table.event not in self._paused:
                async with self._slots:
                    more = await self._load_locked(table, if_due=first)
                first = False

    async def _load_locked(self, table: Table, *, if_due: bool) -> bool:
        """One run, unless someone else has the lock; True if days are left for another."""
        report = None
        try:
            async with self._locks.held(f"{self._options.app_id}:load:{table.name}") as lease:
                if lease is None:
                    _count(table, "locked")
                else:
                    report = await self._run_safely(table, lease, if_due=if_due)
        except Transient as error:
            logger.warning("no lock, next tick again: {}", error)
        return report is not None and report.left > 0

    async def _run_safely(self, table: Table, lease: Lease, *, if_due: bool) -> LoadReport | None:
        """One run; whatever goes wrong is this table's business only."""
        begun = Begun(JOB, table.event)
        with logger.contextualize(run=begun.id), job("load", table.name):
            try:
                report = await self._run(table, lease, begun, if_due=if_due)
                await self._keep(table, begun, report)
            except (Fenced, LeaseLost) as error:
                logger.warning("another scheduler took over: {}", error)
                _count(table, "superseded")
                await self._history.skipped(begun, error)
            except Exception as error:
                await self._note_failure(table, begun, error)
            else:
                self._rests.went_well(table.event)
                return report
        return None

    async def _keep(self, table: Table, begun: Begun, report: LoadReport) -> None:
        """The run in the history; and its moment of the schedule, once no day is left for it."""
        schedule = self._schedules[table.event]
        if report.outcome != "nothing_to_do":
            if isinstance(schedule, Cron):
                begun.tick = schedule.last(begun.started_at)
            await self._history.done(begun, counted(report))
        if begun.tick is not None and not report.left:
            try:
                await self._ledger.record_tick(_schedule_of(table), begun.tick)
            except Transient as error:
                logger.warning("what is sealed soon may be loaded before its time: {}", error)

    async def _run(self, table: Table, lease: Lease, begun: Begun, *, if_due: bool) -> LoadReport:
        """One run, tried up to `options.attempts` times."""
        began_at = monotonic()
        report = await self._tries.of(lambda: self._try(table, lease, begun, if_due))
        _count(table, report.outcome)
        if report.outcome != "nothing_to_do":
            seconds = monotonic() - began_at
            metrics.SCHEDULER_LOAD_SECONDS.observe(seconds)
            metrics.SCHEDULER_LAST_LOAD_SECONDS.labels(table.event).set(seconds)
            metrics.SCHEDULER_ROWS.labels(table.event).inc(report.rows)
            logger.info(
                "{}: {} days, {} rows of {} staged, {} days left",
                report.outcome, report.days, report.rows, report.staged, report.left,
            )  # fmt: skip
        return report

    async def _try(self, table: Table, lease: Lease, begun: Begun, if_due: bool) -> LoadReport:
        begun.tries += 1
        # Another scheduler may have loaded it between our look and our lock.
        if self._stopping.is_set() or (if_due and not await self._is_due(table)):
            return LoadReport(table.event, begun.id, 0, 0, 0, 0, "nothing_to_do")
        lease.check()
        return await replace_days(
            self._ledger,
            self._warehouse,
            table,
            run=begun.id,
            max_days=self._options.max_days_per_run,
            check=lease.check,
        )

    async def _note_failure(self, table: Table, begun: Begun, error: Exception) -> None:
        """One ERROR per failed run; then a rest that doubles, up to the table's own pace."""
        if self._stopping.is_set() and isinstance(error, Transient):
            logger.warning("not loaded before the stop, the next scheduler will: {}", error)
            return
        schedule = self._schedules[table.event]
        longest = (
            schedule.interval.total_seconds()
            if isinstance(schedule, Every)
            else LONGEST_REST_SECONDS
        )
        rest = self._rests.failed(table.event, longest)
        unexpected = not isinstance(error, ForebayError)
        failed = logger.bind(job=f"load {table.name}", cause=cause_of(error))
        failed.opt(exception=error if unexpected else None).error(
            "the load failed, again in {:g} s: {}", rest, told(error) if unexpected else error
        )
        _count(table, "failed")
        await self._history.failed(begun, error)


def _schedule_of(table: Table) -> str:
    """Under which name the ledger keeps what is done of its schedule."""
    return f"{JOB}:{table.event}"


def _count(table: Table, outcome: str) -> None:
    metrics.SCHEDULER_LOADS.labels(table.event, outcome).inc()
