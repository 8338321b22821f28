"""What the ledger keeps about running Forebay, beside what was consumed: runs of jobs, ticks of
schedules, pauses. Nothing of it is part of a chain, and no digest sees it."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from app.core.job_run import JobOutcome, JobRun
from app.core.pause import Activity, Pause


class Operations(Protocol):
    """Every method raises `Transient` when the store can not be reached or is busy."""

    async def record_job_run(self, run: JobRun) -> None:
        """Keep a run of a job durably; recording it again (by id) is a no-op."""

    def job_runs(
        self,
        *,
        job: str | None = None,
        event: str | None = None,
        outcome: JobOutcome | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
    ) -> AsyncIterator[JobRun]:
        """Walk the runs that fit all that is given, the last begun first.

        They began at `since` or later, and earlier than `before`.
        """

    async def forget_job_runs(self, before: datetime) -> int:
        """Remove the runs that began earlier than `before`; return how many there were."""

    async def record_tick(self, job: str, tick: datetime) -> None:
        """Remember durably that a job is done with this moment of its schedule, and so with all
        before it. What was said last stays, for a clock that was wrong is set right one day."""

    async def ticks(self) -> Mapping[str, datetime]:
        """The last moment that each job is done with, by job; a job that never was is left out."""

    async def pause(self, pause: Pause) -> Pause:
        """Keep durably that an activity of a type stands still, and return what is kept: the
        first pause stays, whatever is said later, until it is resumed."""

    async def resume(self, event: str, what: Activity) -> Pause | None:
        """End a pause and return it; None: there was none."""

    async def pauses(self) -> Sequence[Pause]:
        """All that stands still now, by event and activity."""

    async def named(self, seals: Collection[str]) -> Collection[str]:
        """The keys of all objects that these seals (ids) name; unknown ids name none."""
