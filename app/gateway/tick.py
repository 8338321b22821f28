"""When lanes send: all that wait together, so that their batches leave in one request."""

import asyncio
import contextvars
import time
from typing import Protocol

from aiokafka import AIOKafkaProducer

from app.gateway.background import Background
from app.gateway.producers import Producers


class Waiting(Protocol):
    """A lane, as the tick sees it."""

    topic: str

    def due(self, now: float) -> None: ...

    async def send(self, producer: AIOKafkaProducer) -> None: ...


class Tick:
    """Lets lanes send `linger_seconds` after the first of them asked, or when one is free again.

    A lane that had a batch on its way and more to send does not linger a second time; the others
    leave with it. What they hand to aiokafka at a stretch travels in one request per broker: with
    events of many types, one by one, a request and several wake-ups for each cost most of all.
    """

    def __init__(self, producers: Producers, background: Background, linger_seconds: float) -> None:
        self._producers = producers
        self._background = background
        self._linger_seconds = linger_seconds
        self._lanes: list[Waiting] = []
        self._timer: asyncio.Handle | None = None
        self._at_once = False
        self._closed = False
        # Not that of whichever request comes first: its id would be on lines about all of them.
        self._context = contextvars.copy_context()

    def join(self, lane: Waiting, *, at_once: bool = False) -> None:
        """Call `lane.due` and, with a live producer, `lane.send`: each once."""
        self._lanes.append(lane)
        if self._closed or (self._timer is not None and (self._at_once or not at_once)):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._at_once = at_once
        loop = asyncio.get_running_loop()
        if at_once:
            self._timer = loop.call_soon(self._due, context=self._context)
        else:
            self._timer = loop.call_later(self._linger_seconds, self._due, context=self._context)

    def close(self) -> None:
        """Let nobody send any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._closed = True

    def _due(self) -> None:
        lanes, self._lanes, self._timer = self._lanes, [], None
        now = time.monotonic()
        for lane in lanes:
            lane.due(now)
        self._background.spawn(self._send(lanes))

    async def _send(self, lanes: list[Waiting]) -> None:
        for lane in lanes:
            producer = await self._producers.live()
            if producer.client.cluster.partitions_for_topic(lane.topic) is None:
                # It has to ask first, maybe for long: others need not wait for that.
                self._background.spawn(lane.send(producer))
            else:
                await lane.send(producer)
