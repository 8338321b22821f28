"""Declared runs, as the events of a request name them, and what a gateway asks the ledger of them.

Events of a run are taken while it is open, and no longer. What the ledger says of it is remembered
for a moment, so that a run of a million events asks some hundred times.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Protocol, TypeVar

from aiohttp import web
from loguru import logger
from multidict import istr

from app.core.errors import Fatal, Transient
from app.core.judge import EventType
from app.core.reruns import DeclaredRun, RunState, day_of_run
from app.gateway.options import GatewayOptions
from app.gateway.refusal import Refusal
from app.ledger.protocol import DaySeals

HEADER = istr("X-Forebay-Run")
KNOWN_SECONDS = 1.0
MOST_KNOWN = 1_000
T = TypeVar("T")


class RunsLedger(Protocol):
    """What is needed of a ledger."""

    async def ping(self) -> None: ...
    async def open_rerun(self, run: DeclaredRun) -> None: ...
    async def close_rerun(self, id: str, expected: int, at: datetime) -> DeclaredRun | None: ...
    async def abandon_rerun(self, id: str, at: datetime) -> DeclaredRun | None: ...
    async def rerun(self, id: str) -> DeclaredRun | None: ...
    async def reruns(
        self, event: str, days: Collection[date] | None = None
    ) -> Collection[DeclaredRun]: ...
    async def manifest(self, event: str, days: Iterable[date]) -> Collection[DaySeals]: ...
    async def summarised_days(self, event: str) -> Collection[date]: ...


class Runs:
    """The runs that the ledger knows. Without a ledger whatever is asked is refused."""

    def __init__(
        self, options: GatewayOptions, kinds: Mapping[str, EventType], ledger: RunsLedger | None
    ) -> None:
        self._options, self._kinds, self._ledger = options, kinds, ledger
        self._known: dict[str, tuple[float, DeclaredRun]] = {}

    async def named_by(self, request: web.Request) -> str:
        """The run that a request's events are sent in; empty: in none.

        Raises:
            Refusal: it is not open, is of another type, or nobody can say.
        """
        id = request.headers.get(HEADER)
        if id is None:
            return ""
        type = request.match_info.get("type")
        if type is None:
            raise Refusal(
                400, "run_without_type",
                f"send events of a run to /v1/events/{{type}}: {HEADER} is for one type",
            )  # fmt: skip
        if type not in self._kinds:
            return ""  # each event is told so
        if not self._kinds[type].runs:
            raise no_runs(type)
        run = await self._known_run(id)
        if run is None or run.event != type:
            raise unknown()
        if run.state is not RunState.OPEN:
            raise Refusal(
                409, "run_not_open",
                f"the run is {run.state}: nothing was taken; open another one, and send its day "
                "whole",
            )  # fmt: skip
        return id

    def forget(self, id: str) -> None:
        """It was changed here: ask again."""
        self._known.pop(id, None)

    async def asked(self, what: Callable[[RunsLedger], Awaitable[T]]) -> T:
        """What the ledger answers. Raises `Refusal` 503."""
        if self._ledger is None:
            raise Refusal(
                503, "runs_off",
                "this gateway knows of no runs: set GATEWAY__RUNS=true, with the LEDGER__… "
                "settings of the workers",
            )  # fmt: skip
        try:
            async with asyncio.timeout(self._options.publish_timeout_seconds):
                await self._ledger.ping()  # which opens it, the first time
                return await what(self._ledger)
        except (Transient, TimeoutError) as error:
            logger.warning("the ledger does not answer: {}", error or "in time")
            raise Refusal(
                503, "runs_unavailable",
                "nothing was taken: the ledger does not answer, send it again later",
                self._options.retry_after_seconds,
            ) from error  # fmt: skip
        except Fatal as error:
            logger.error("the ledger refuses: {}", error)
            raise Refusal(
                503, "runs_refused", "the ledger refuses this gateway: see its log"
            ) from error

    async def _known_run(self, id: str) -> DeclaredRun | None:
        if day_of_run(id) is None:  # whatever it is, the ledger need not be asked
            return None
        at, run = self._known.get(id, (0.0, None))
        if run is not None and time.monotonic() - at < KNOWN_SECONDS:
            return run
        found = await self.asked(lambda ledger: ledger.rerun(id))
        if found is not None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[id] = (time.monotonic(), found)
        return found


def unknown() -> Refusal:
    return Refusal(
        404, "unknown_run", "there is no run of this id and type: POST /v1/runs opens one"
    )


def no_runs(type: str) -> Refusal:
    return Refusal(
        409, "no_runs",
        f"days of {type} are not sent in runs: its topic file does not say `day: {{runs: true}}`",
    )  # fmt: skip
