"""One run of a job, as the history keeps it: what it was for, how it ended, what it did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class JobOutcome(StrEnum):
    """How a run ended. `SKIPPED`: another instance did it, or took over."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of `job` (load, janitor, …), of one `event` type or of none ("").

    `id` is a ULID of the moment it began. `tries` is how often it was tried, `did` counts what it
    did, in words of the job's own: days, rows, objects, … Of a run that failed, `error` is the
    class of the error and `why` one sentence without secrets. A pause that is over is a run, too:
    of the job `pause`, from its begin to its end, and `why` says what for. `tick` is the moment of
    its schedule that it was for, None if it had none. `instance` names the process. Times are aware
    UTC.
    """

    id: str
    job: str
    event: str
    started_at: datetime
    ended_at: datetime
    outcome: JobOutcome
    tries: int
    instance: str
    did: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    why: str = ""
    tick: datetime | None = None

    @property
    def took(self) -> timedelta:
        return self.ended_at - self.started_at
