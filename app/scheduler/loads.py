"""What this process loads right now, what it may begin, and what it lets rest after a failure."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic

from loguru import logger
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)
from ulid import ULID

from app import metrics
from app.contracts.table import Table
from app.core.errors import Fenced, ForebayError, Transient
from app.health import Readiness
from app.ledger.protocol import DirtyDay, Ledger
from app.redaction import cause_of, told
from app.scheduler.due import is_due
from app.scheduler.lock import Lease, LeaseLost, Locks
from app.scheduler.options import SchedulerOptions
from app.scheduler.replace import LoadReport, replace_days
from app.spans import job
from sinks.protocol import Warehouse

STUCK_SECONDS = 0.5


class Loads:
    """Begins a load for each table that is due, and leaves a failing one alone for a while.

    Each table loads in its own task, `options.loads_at_once` of them at a time, so that none waits
    for another's retries. `load_every` is each one's pace, by event.
    """

    def __init__(
        self,
        options: SchedulerOptions,
        tables: Mapping[str, Table],
        load_every: Mapping[str, timedelta],
        ledger: Ledger,
        warehouse: Warehouse,
        locks: Locks,
        readiness: Readiness,
    ) -> None:
        self._options, self._tables = options, tables
        self._every = load_every
        self._ledger, self._warehouse = ledger, warehouse
        self._locks, self._readiness = locks, readiness
        self._running: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, int] = {}
        self._rests_until: dict[str, float] = {}
        self._slots = asyncio.Semaphore(options.loads_at_once)
        self._stopping = asyncio.Event()
        for event in tables:  # a first failure shows as a rise only if there was a 0 before
            metrics.SCHEDULER_LOADS.labels(event, "failed")

    async def tick(self) -> None:
        """Begin what is due. Servers that do not answer are for the next tick."""
        if not (
            await self._answers("redis", self._locks.ping)
            and await self._answers("ledger", self._ledger.ping)
        ):
            return
        for event, table in self._tables.items():
            if event in self._running or monotonic() < self._rests_until.get(event, 0.0):
                continue
            try:
                due = await self._is_due(table)
            except Transient as error:
                logger.warning("the ledger does not answer, next tick again: {}", error)
                return
            if due and not self._stopping.is_set():
                task = asyncio.create_task(self._load(table), name=f"load {table.name}")
                self._running[event] = task
                task.add_done_callback(partial(self._forget, event))

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
        dirty = await self._dirty(table)
        if not dirty:
            return False
        loads = await self._ledger.loads(table.event, table.name)
        return is_due(dirty, loads.values(), self._every[table.event], datetime.now(UTC))

    async def _dirty(self, table: Table) -> list[DirtyDay]:
        dirty = list(await self._ledger.dirty(table.event))
        metrics.SCHEDULER_DIRTY_DAYS.labels(table.event).set(len(dirty))
        return dirty

    async def _load(self, table: Table) -> None:
        """Run until nothing is left; a backfill gives way to others between its runs."""
        more, first = True, True
        with logger.contextualize(event=table.event, table=table.name):
            while more and not self._stopping.is_set():
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
        run = str(ULID())
        with logger.contextualize(run=run), job("load", table.name):
            try:
                report = await self._run(table, lease, run, if_due=if_due)
            except (Fenced, LeaseLost) as error:
                logger.warning("another scheduler took over: {}", error)
                _count(table, "superseded")
            except Exception as error:
                self._note_failure(table, error)
            else:
                self._failures.pop(table.event, None)
                return report
        return None

    async def _run(self, table: Table, lease: Lease, run: str, *, if_due: bool) -> LoadReport:
        """One run, tried up to `options.attempts` times."""
        began_at = monotonic()
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(Transient),
            stop=self._gives_up,
            wait=wait_random_exponential(multiplier=1, max=30),
            sleep=self._pause,
            before_sleep=_warn,
            reraise=True,
        )
        report: LoadReport = await retrying(self._try, table, lease, run, if_due)
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

    async def _try(self, table: Table, lease: Lease, run: str, if_due: bool) -> LoadReport:
        # Another scheduler may have loaded it between our look and our lock.
        if self._stopping.is_set() or (if_due and not await self._is_due(table)):
            return LoadReport(table.event, run, 0, 0, 0, 0, "nothing_to_do")
        lease.check()
        return await replace_days(
            self._ledger,
            self._warehouse,
            table,
            run=run,
            max_days=self._options.max_days_per_run,
            check=lease.check,
        )

    def _gives_up(self, state: RetryCallState) -> bool:
        return self._stopping.is_set() or stop_after_attempt(self._options.attempts)(state)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _note_failure(self, table: Table, error: Exception) -> None:
        """One ERROR per failed run; then a rest that doubles, up to the table's own pace."""
        if self._stopping.is_set() and isinstance(error, Transient):
            logger.warning("not loaded before the stop, the next scheduler will: {}", error)
            return
        failures = self._failures[table.event] = self._failures.get(table.event, 0) + 1
        first = self._options.rest_seconds
        most = max(first, self._every[table.event].total_seconds())
        rest = min(most, first * 2 ** (failures - 1))
        self._rests_until[table.event] = monotonic() + rest
        unexpected = not isinstance(error, ForebayError)
        failed = logger.bind(job=f"load {table.name}", cause=cause_of(error))
        failed.opt(exception=error if unexpected else None).error(
            "the load failed, again in {:g} s: {}", rest, told(error) if unexpected else error
        )
        _count(table, "failed")


def _count(table: Table, outcome: str) -> None:
    metrics.SCHEDULER_LOADS.labels(table.event, outcome).inc()


def _warn(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    pause = state.next_action.sleep if state.next_action else 0.0
    logger.warning("try {} failed, again in {:.1f} s: {}", state.attempt_number, pause, error)
