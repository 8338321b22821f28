"""`/v1/runs`: an app opens a run of a day, sends the day again in it, and closes it."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ulid import ULID

from app.core.judge import EventType
from app.core.reruns import DeclaredRun, RunState, day_of_run, states
from app.core.seal import run_of_key
from app.gateway.body import read_body
from app.gateway.budget import Budget, Overloaded
from app.gateway.door import Door
from app.gateway.guard import SOURCE, not_allowed
from app.gateway.options import GatewayOptions
from app.gateway.refusal import Refusal
from app.gateway.reruns import Runs, no_runs, unknown

OWNER = "runs"
"""Whose bytes a body is in the budget."""
Rows = int | None


class Closing(BaseModel):
    """`expected` rows it must have; as it was opened with, if None."""

    model_config = ConfigDict(extra="forbid", strict=True)
    expected: Rows = Field(None, ge=0, le=10**15)


class OfDay(BaseModel):
    """One day of one type."""

    model_config = ConfigDict(extra="forbid", strict=True)
    type: str
    day: date = Field(ge=date(1970, 1, 1))


class Opening(OfDay, Closing):
    """A run of one day."""


B = TypeVar("B", bound=Closing)


class RunsApi:
    """Opens and closes runs, and says what became of them."""

    def __init__(
        self,
        options: GatewayOptions,
        kinds: Mapping[str, EventType],
        runs: Runs,
        budget: Budget,
        door: Door,
    ) -> None:
        self._options, self._kinds, self._runs = options, kinds, runs
        self._budget, self._door = budget, door

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/runs", self.open),
            web.get("/v1/runs", self.of_day),
            web.get("/v1/runs/{id}", self.look),
            web.post("/v1/runs/{id}/close", self.close),
            web.post("/v1/runs/{id}/abandon", self.abandon),
        ]

    async def open(self, request: web.Request) -> web.Response:
        """201 with the run's id."""
        with self._door.inside():
            said = await self._said(request, Opening)
            self._refuse_unfit(request, said.type)
            await self._refuse_summarised(said.type, said.day)
            run = DeclaredRun(f"{said.day}.{ULID()}", said.type, datetime.now(UTC), said.expected)
            await self._runs.asked(lambda ledger: ledger.open_rerun(run))
            return _json(_told(run, run.state), status=201)

    async def of_day(self, request: web.Request) -> web.Response:
        """200 with the runs of a day, the first one opened first: `sealed` are the rows of each
        that workers have stored by now, copies too, and `shown` is the one that the table shows."""
        try:
            asked = OfDay.model_validate_strings(dict(request.query))
        except ValidationError as error:
            raise _bad_run(error, "query") from None
        self._refuse_unfit(request, asked.type)
        runs = await self._runs.asked(lambda ledger: ledger.reruns(asked.type, [asked.day]))
        found = await self._runs.asked(lambda ledger: ledger.manifest(asked.type, [asked.day]))
        sealed = Counter[str]()
        for stored in (stored for day in found for stored in day.objects):
            sealed[run_of_key(stored.key)] += stored.rows
        of_all = states(runs)
        return _json(
            {
                "runs": [
                    _told(run, of_all[run.id])
                    | {"sealed": sealed[run.id], "shown": of_all[run.id] is RunState.COMPLETE}
                    for run in runs
                ]
            }
        )

    async def look(self, request: web.Request) -> web.Response:
        """200 with the run as it is now."""
        return await self._answer(await self._named(request))

    async def close(self, request: web.Request) -> web.Response:
        """Close it; 200 however often the same is said."""
        with self._door.inside():
            said, run = await self._said(request, Closing), await self._named(request)
            expected = run.expected if said.expected is None else said.expected
            if expected is None:
                raise Refusal(400, "no_count", 'say how many rows it has: {"expected": 1200}')
            if run.state is RunState.OPEN:
                await self._refuse_summarised(run.event, run.day)
            rows, now = expected, datetime.now(UTC)
            kept = await self._runs.asked(lambda ledger: ledger.close_rerun(run.id, rows, now))
            self._runs.forget(run.id)
            if kept is None:
                raise unknown()
            if kept.state is RunState.ABANDONED or kept.expected != expected:
                raise Refusal(
                    409, "run_not_open",
                    f"the run is {kept.state}, with {kept.expected} rows expected: that stays; "
                    "open another one",
                )  # fmt: skip
            return await self._answer(kept)

    async def abandon(self, request: web.Request) -> web.Response:
        """Give it up; 200 however often it is said."""
        with self._door.inside():
            run, now = await self._named(request), datetime.now(UTC)
            kept = await self._runs.asked(lambda ledger: ledger.abandon_rerun(run.id, now))
            self._runs.forget(run.id)
            if kept is None:
                raise unknown()
            if kept.state is not RunState.ABANDONED:
                raise Refusal(
                    409, "run_complete",
                    "the run is complete, and its day is loaded: send the day again in another run",
                )  # fmt: skip
            return await self._answer(kept)

    async def _named(self, request: web.Request) -> DeclaredRun:
        id = request.match_info["id"]
        if day_of_run(id) is None:
            raise unknown()
        run = await self._runs.asked(lambda ledger: ledger.rerun(id))
        if run is None:
            raise unknown()
        _refuse_others(request, run.event)
        return run

    async def _refuse_summarised(self, type: str, day: date) -> None:
        """Refuse a day that no load can make again: its run would wait for ever."""
        if day in await self._runs.asked(lambda ledger: ledger.summarised_days(type)):
            raise Refusal(
                409, "day_summarised",
                "the day is older than seals are kept, and stays as it is: no other run of it can "
                "be shown",
            )  # fmt: skip

    def _refuse_unfit(self, request: web.Request, type: str) -> None:
        """Refuse a type that has no runs, or that is not theirs."""
        if type not in self._kinds:
            raise Refusal(404, "unknown_event", "type: there is no event type of this name")
        _refuse_others(request, type)
        if not self._kinds[type].runs:
            raise no_runs(type)

    async def _answer(self, run: DeclaredRun) -> web.Response:
        """With its state among the other runs of its day."""
        others = await self._runs.asked(lambda ledger: ledger.reruns(run.event, [run.day]))
        return _json(_told(run, states(others).get(run.id, run.state)))

    async def _said(self, request: web.Request, form: type[B]) -> B:
        try:
            body = await read_body(request, self._options, self._budget, OWNER)
        except Overloaded:
            again = self._options.retry_after_seconds
            raise Refusal(
                429, "too_much_in_flight", "too many requests at once, send it again later", again
            ) from None
        self._budget.give(len(body), OWNER)
        try:
            return form.model_validate_json(body or b"{}")
        except ValidationError as error:
            raise _bad_run(error, "body") from None


def _bad_run(error: ValidationError, where: str) -> Refusal:
    """What is wrong with what was said, in the body or the query."""
    said = "; ".join(
        f"{'.'.join(map(str, one['loc'])) or where}: {one['msg']}"
        for one in error.errors(include_url=False, include_input=False)
    )
    return Refusal(400, "bad_run", said)


def _refuse_others(request: web.Request, type: str) -> None:
    """Refuse who may not send events of this type."""
    source = request.get(SOURCE)
    if source is not None and type not in source.may_send:
        raise Refusal(403, "type_not_allowed", not_allowed(source))


def _told(run: DeclaredRun, state: RunState) -> dict[str, Any]:
    return {
        "id": run.id, "type": run.event, "day": run.day, "state": state,
        "opened_at": run.opened_at, "closed_at": run.closed_at,
        "expected": run.expected, "counted": run.counted,
    }  # fmt: skip


def _json(told: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps(told),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
