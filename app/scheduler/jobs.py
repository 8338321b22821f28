"""Jobs on a schedule: every instance ticks, one runs, and a missed tick is caught up once.

The order:

1. look       what the ledger says is done of each schedule
2. lock       nobody else runs this job; look again, for somebody may just have done it
3. work       tried again while the error may pass
4. record     the run in the history, and the tick as done: only if it went well

Crash anywhere before 4 and the tick is still due. So a job must bear being done again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from loguru import logger

from app import metrics
from app.core.errors import ForebayError, Transient
from app.core.schedule import Schedule
from app.ledger.operations import Operations
from app.redaction import cause_of, told
from app.scheduler.history import Begun, History
from app.scheduler.lock import LeaseLost, Locks
from app.scheduler.options import SchedulerOptions
from app.scheduler.rests import Rests
from app.scheduler.tries import Tries

Check = Callable[[], None]
LONGEST_REST_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Job:
    """`work` is given what raises `LeaseLost` once the lock is lost, to be called before each
    change; it returns counts of what it did."""

    name: str
    schedule: Schedule
    work: Callable[[Check], Awaitable[Mapping[str, int]]]


class Jobs:
    """Runs each job in a task of its own when it is due."""

    def __init__(
        self,
        jobs: Sequence[Job],
        options: SchedulerOptions,
        ledger: Operations,
        locks: Locks,
        history: History,
    ) -> None:
        self._jobs, self._options = jobs, options
        self._ledger, self._locks, self._history = ledger, locks, history
        self._running: dict[str, asyncio.Task[None]] = {}
        self._rests = Rests(options.rest_seconds)
        self._stopping = asyncio.Event()
        self._tries = Tries(options.attempts, self._stopping)
        for job in jobs:  # a first failure shows as a rise only if there was a 0 before
            metrics.SCHEDULER_JOBS.labels(job.name, "failed")

    async def tick(self) -> None:
        """Begin what is due. Servers that do not answer are for the next tick."""
        if not self._jobs or self._stopping.is_set():
            return
        try:
            done = await self._ledger.ticks()
            for job in self._jobs:
                await self._begin_if_due(job, done)
        except Transient as error:
            logger.warning("the ledger does not answer, next tick again: {}", error)

    async def _begin_if_due(self, job: Job, done: Mapping[str, datetime]) -> None:
        now = datetime.now(UTC)
        if job.name not in done:  # the first one is the next one: nobody has missed any
            if (last := job.schedule.last(now)) is not None:
                await self._ledger.record_tick(job.name, last)
            return
        if job.name in self._running or self._rests.rests(job.name):
            return
        if job.schedule.due(done[job.name], now) is not None:
            task = asyncio.create_task(self._run(job), name=f"job {job.name}")
            self._running[job.name] = task
            task.add_done_callback(partial(self._forget, job.name))

    def _forget(self, name: str, _: asyncio.Task[None]) -> None:
        del self._running[name]

    async def settled(self) -> None:
        """Wait until nothing runs."""
        while self._running:
            await asyncio.wait(list(self._running.values()))

    def stop(self) -> None:
        """Begin nothing more, not even another try."""
        self._stopping.set()

    async def drain(self) -> None:
        """Stop what runs: it is due again, and whoever comes next does it."""
        self.stop()
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _run(self, job: Job) -> None:
        with logger.contextualize(job=job.name):
            try:
                async with self._locks.held(f"{self._options.app_id}:job:{job.name}") as lease:
                    if lease is not None:
                        await self._run_locked(job, lease.check)
            except Transient as error:
                logger.warning("no lock, or no ledger, next tick again: {}", error)

    async def _run_locked(self, job: Job, check: Check) -> None:
        done = (await self._ledger.ticks()).get(job.name)
        tick = job.schedule.due(done, datetime.now(UTC))
        if tick is None:
            return
        begun = Begun(job.name, tick=tick)
        try:
            with logger.contextualize(run=begun.id):
                did = await self._tried(job, begun, check)
        except LeaseLost as error:
            logger.warning("another scheduler took over: {}", error)
            await self._history.skipped(begun, error)
            _count(job, "skipped")
        except Exception as error:
            await self._note_failure(job, begun, error)
        else:
            self._rests.went_well(job.name)
            await self._history.done(begun, did)
            await self._ledger.record_tick(job.name, tick)
            _count(job, "done")
            logger.info("{}: {}", job.name, ", ".join(f"{n} {what}" for what, n in did.items()))

    async def _tried(self, job: Job, begun: Begun, check: Check) -> Mapping[str, int]:
        async def attempt() -> Mapping[str, int]:
            begun.tries += 1
            check()
            return await job.work(check)

        return await self._tries.of(attempt)

    async def _note_failure(self, job: Job, begun: Begun, error: Exception) -> None:
        """One ERROR per failed run; then a rest that doubles."""
        if self._stopping.is_set() and isinstance(error, Transient):
            logger.warning("not done before the stop, the next scheduler will: {}", error)
            return
        rest = self._rests.failed(job.name, LONGEST_REST_SECONDS)
        unexpected = not isinstance(error, ForebayError)
        failed = logger.bind(job=job.name, cause=cause_of(error))
        failed.opt(exception=error if unexpected else None).error(
            "the job {} failed, again in {:g} s: {}",
            job.name,
            rest,
            told(error) if unexpected else error,
        )
        await self._history.failed(begun, error)
        _count(job, "failed")


def _count(job: Job, outcome: str) -> None:
    metrics.SCHEDULER_JOBS.labels(job.name, outcome).inc()
