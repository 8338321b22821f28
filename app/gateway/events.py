"""The events API: what `POST /v1/…` does."""

import time
from collections.abc import Mapping

from aiohttp import web
from msgspec.structs import replace

from app.core.judge import EventType
from app.gateway.answers import answers, count, summed_up
from app.gateway.body import read_body
from app.gateway.budget import Budget, Overloaded
from app.gateway.door import Door
from app.gateway.guard import SOURCE, Guard
from app.gateway.http import PARENT
from app.gateway.options import GatewayOptions
from app.gateway.publish import Publisher
from app.gateway.refusal import Refusal
from app.gateway.reruns import HEADER, Runs
from app.gateway.split import Sent, split
from app.gateway.verdicts import Verdict, judged

ENVELOPES = "envelopes"
"""Whose bytes a body is in the budget before it is known which types are in it."""


class EventsApi:
    """Takes events, judges them, publishes them and answers each of them."""

    def __init__(
        self,
        options: GatewayOptions,
        kinds: Mapping[str, EventType],
        publisher: Publisher,
        budget: Budget,
        door: Door,
        guard: Guard | None,
        runs: Runs,
    ) -> None:
        self._options = options
        self._kinds = kinds
        self._publisher = publisher
        self._budget = budget
        self._door = door
        self._guard = guard
        self._runs = runs

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/events", self.post),
            web.post("/v1/events/{type}", self.post),
            web.post("/v1/validate", self.validate),
            web.post("/v1/validate/{type}", self.validate),
        ]

    async def post(self, request: web.Request) -> web.Response:
        """Publish the events of the body; an answer for each."""
        again = self._options.retry_after_seconds
        with self._door.inside():
            if why := self._publisher.unavailable:
                raise Refusal(
                    503,
                    "kafka_unavailable",
                    f"nothing was taken, send it again later: {why}",
                    again,
                )
            run = await self._runs.named_by(request)
            try:
                received_ms, sent = await self._receive(request)
                verdicts = await self._judged(request, sent, received_ms, run)
                records = [v.record for v in verdicts if v.record is not None]
                trace = request.get(PARENT)
                places = await self._publisher.publish(records, received_ms, trace, run)
            except Overloaded:
                raise Refusal(
                    429,
                    "too_much_in_flight",
                    "nothing was taken: Kafka is slower than the senders, send it again later",
                    again,
                ) from None
            results = list(answers(verdicts, places))
            count(verdicts, results)
            return summed_up(results, good=202, retry_after=again)

    async def validate(self, request: web.Request) -> web.Response:
        """Judge the events of the body and publish nothing."""
        with self._door.inside():
            try:
                received_ms, sent = await self._receive(request)
            except Overloaded:
                raise Refusal(
                    429,
                    "too_much_in_flight",
                    "too many requests at once, send it again later",
                    self._options.retry_after_seconds,
                ) from None
            run = request.headers.get(HEADER, "")
            verdicts = await self._judged(request, sent, received_ms, run)
            unpublished = [replace(verdict, record=None) for verdict in verdicts]
            return summed_up(list(answers(unpublished, [])), good=200, retry_after=1)

    async def _judged(
        self, request: web.Request, sent: list[Sent], received_ms: int, run: str
    ) -> list[Verdict]:
        source = request.get(SOURCE)
        allowed = None if source is None else source.may_send
        return await judged(self._kinds, sent, received_ms, allowed, run)

    async def _receive(self, request: web.Request) -> tuple[int, list[Sent]]:
        """Read and split the body: the time it was there (ms since 1970) and its events."""
        guard, source = self._guard, request.get(SOURCE)
        if guard is not None and source is not None:
            await guard.limits.admit(source)
        type = request.match_info.get("type")
        owner = type or ENVELOPES
        body = await read_body(request, self._options, self._budget, owner)
        try:
            received_ms = time.time_ns() // 1_000_000
            sent = split(request, body, type, self._options.max_batch_events)
        finally:
            self._budget.give(len(body), owner)
        if guard is not None and source is not None:
            guard.limits.pay(source, len(sent), len(body))
        return received_ms, sent
