"""Each run of a job is kept in the ledger, however it ended."""

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from loguru import logger
from ulid import ULID

from app.core.errors import ForebayError
from app.core.job_run import JobOutcome, JobRun
from app.ledger.operations import Operations

SENTENCE = 300
"""Characters of an error's text that are kept."""
_CREDENTIALS = re.compile(r"(://)[^/@\s]+@")
_SECRET = re.compile(
    r"(?i)(password|passwd|secret|token|api[-_]?key|private[-_]?key)(\s*[=:]\s*)\S+"
)


def instance_name() -> str:
    """The host name and process id."""
    return f"{socket.gethostname()}-{os.getpid()}"


@dataclass(slots=True)
class Begun:
    """A run that has begun and not ended; `tries` is counted by who tries."""

    job: str
    event: str = ""
    tick: datetime | None = None
    id: str = field(default_factory=lambda: str(ULID()))
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    tries: int = 0


class History:
    """Records runs under the name of this process, `instance`.

    A ledger that does not answer costs the record and nothing else: what was done was done.
    """

    def __init__(self, ledger: Operations, instance: str) -> None:
        self._ledger, self._instance = ledger, instance

    async def done(self, begun: Begun, did: Mapping[str, int]) -> None:
        await self._record(begun, JobOutcome.DONE, did=did)

    async def skipped(self, begun: Begun, error: Exception) -> None:
        """Another instance took over."""
        await self._record(begun, JobOutcome.SKIPPED, error)

    async def failed(self, begun: Begun, error: Exception) -> None:
        """The last try failed."""
        await self._record(begun, JobOutcome.FAILED, error)

    async def _record(
        self,
        begun: Begun,
        outcome: JobOutcome,
        error: Exception | None = None,
        did: Mapping[str, int] | None = None,
    ) -> None:
        run = JobRun(
            id=begun.id,
            job=begun.job,
            event=begun.event,
            started_at=begun.started_at,
            ended_at=datetime.now(UTC),
            outcome=outcome,
            tries=max(begun.tries, 1),
            instance=self._instance,
            did=did or {},
            error=type(error).__name__ if error is not None else "",
            why=sentence(error) if error is not None else "",
            tick=begun.tick,
        )
        try:
            await self._ledger.record_job_run(run)
        except ForebayError as problem:
            logger.warning("the run {} of {} is not in the history: {}", run.id, run.job, problem)


def sentence(error: BaseException) -> str:
    """One line of an error that was raised on purpose, without credentials.

    Of any other only the class is known to hold nothing of an event.
    """
    if not isinstance(error, ForebayError):
        return f"an unexpected {type(error).__name__}: the log has it"
    first = next(iter(str(error).strip().splitlines()), "")
    masked = _SECRET.sub(r"\1\2***", _CREDENTIALS.sub(r"\1***@", first))
    return masked if len(masked) <= SENTENCE else f"{masked[: SENTENCE - 1]}…"
