"""Before aiohttp: each connection's requests wait for their turn, and are refused, as bytes.

A refusal by a handler costs nearly as much as a request that is taken: at three times its capacity
a gateway would do nothing but refuse. One from here took a tenth of that (36 µs to 404 µs of CPU in
one run, without system calls). No rate limiter for aiohttp does that: they are middlewares, and
have the price of one.
"""

import asyncio
import re
from collections.abc import Collection
from typing import cast

from aiohttp import web

from app.gateway.budget import Budget
from app.gateway.cors import Cors
from app.gateway.guard import Guard, unauthorized
from app.gateway.head import POST, Head, head_of
from app.gateway.http import REQUEST_ID, request_id
from app.gateway.options import GatewayOptions
from app.gateway.refusal import Refusal
from app.gateway.turns import Turns
from app.metrics import GATEWAY_OVERLOADED, GATEWAY_REFUSED, GATEWAY_REQUESTS

OTHERS = "others"
"""The row of envelopes, and of types that nobody knows."""

STRANGERS = "strangers"
"""The row of those whose key is not there yet, where keys are in use."""

ROW = "a row of the gateway"
"""Whose bytes these are in the budget."""

MOST_HEAD_BYTES = 32 * 1024
"""Of a head that comes in pieces. aiohttp alone would gather 128 headers of 8 KB."""

DROPPED_BYTES = 1 << 20
"""Of a refused request, read and dropped to keep its connection."""

STRANGER_SECONDS = 5.0
"""How long a connection beyond the limit has to ask for something like /livez."""

_given_id = re.compile(rf"\r\n{REQUEST_ID}:[ \t]*([^\r\n]*)".encode(), re.IGNORECASE)


class Gates:
    """What all connections share."""

    def __init__(
        self,
        options: GatewayOptions,
        kinds: Collection[str],
        budget: Budget,
        server: web.Server,
        guard: Guard | None = None,
        cors: Cors | None = None,
    ) -> None:
        after = options.retry_after_seconds
        self.overloaded = Refusal(
            503, "overloaded", "nothing was taken: too many requests, send it again later", after
        )
        self.crowded = Refusal(
            503, "too_many_connections", "this gateway has too many connections", after
        )
        self.unauthorized = unauthorized()
        self.slow = Refusal(
            408, "too_slow", f"the head did not arrive in {options.head_timeout_seconds:g} s"
        )
        self.long = Refusal(431, "head_too_large", f"a head may have {MOST_HEAD_BYTES} bytes")
        self.head_timeout = options.head_timeout_seconds
        self.guard = guard
        self.cors = cors
        self.turns = Turns(options.max_wait_ms / 1000)
        self.kinds = kinds
        self.budget = budget
        self.server = server
        self.connections = 0
        self.known = 0  # of them: those that have brought a key
        self.limit = options.max_connections
        for row in (*kinds, OTHERS):
            GATEWAY_OVERLOADED.labels(row)

    def __call__(self) -> "Gate":
        return Gate(self)


class Gate(asyncio.Protocol):
    """One connection: aiohttp's protocol, and before it the turns."""

    def __init__(self, gates: Gates) -> None:
        self._gates = gates
        self._http: web.RequestHandler | None = None
        self._data = b""
        self._held = 0
        self._row = OTHERS
        self._rest = self._dropping = 0  # bytes to come of the body being read, or dropped
        self._known = False
        self._certain = True  # that the next byte begins a request when aiohttp waits for one
        self._late: asyncio.TimerHandle | None = None  # while part of a head is there
        self._head = 0
        self.size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._gates.connections += 1
        if self._gates.connections <= self._gates.limit:
            self._open()
        else:
            asyncio.get_running_loop().call_later(STRANGER_SECONDS, self._turn_away)

    def _open(self) -> web.RequestHandler:
        self._http = self._gates.server()
        self._http.connection_made(self._transport)
        return self._http

    def _turn_away(self) -> None:
        if self._http is None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gates.connections -= 1
        self._gates.known -= self._known
        self._let_go()
        self._head_is_whole()
        if self._http is not None:
            self._http.connection_lost(exc)

    def eof_received(self) -> None:
        if self._http is not None:
            self._http.eof_received()

    def pause_writing(self) -> None:
        if self._http is not None:
            self._http.pause_writing()

    def resume_writing(self) -> None:
        if self._http is not None:
            self._http.resume_writing()

    def data_received(self, data: bytes) -> None:
        if self._dropping:
            self._dropping -= len(data)
            if self._dropping < 0:  # sent on without waiting for the answer
                self._transport.close()
        elif self._held:  # while it waits: the rest of its body, most likely
            self._data += data
            self._transport.pause_reading()
        elif self._http is None:
            self._first_of_a_stranger(data)
        elif self._rest:
            self._rest -= len(data)
            self._certain = self._certain and self._rest >= 0
            self._rest = max(0, self._rest)
            self._http.data_received(data)
        elif _idle(self._http) and data.startswith(POST):
            self._arrive(data)
        else:
            whole = _idle(self._http) and data.endswith(b"\r\n\r\n")
            self._certain = self._certain and whole
            self._hand_over(self._http, data)

    def _first_of_a_stranger(self, data: bytes) -> None:
        if data.startswith(
            b"GET "
        ):  # is it alive, is it ready, its metrics: asked in the worst hour
            self._certain = data.endswith(b"\r\n\r\n")
            self._open().data_received(data)
        elif self._gates.known < self._gates.limit and self._brings_a_key(data):
            self._open()  # or whoever keeps connections without a key would keep these out
            self._arrive(data)
        else:
            self._say(self._gates.crowded, data, keep=False)

    def _brings_a_key(self, data: bytes) -> bool:
        guard = self._gates.guard
        if guard is None or not data.startswith(POST):
            return False
        return guard.source_of(head_of(data).key or b"") is not None

    def _arrive(self, data: bytes) -> None:
        head = head_of(data)
        self._data, self.size = data, head.size or len(data)
        self._certain = self._certain and head.size is not None
        self._row = head.type if head.type in self._gates.kinds else OTHERS
        guard = self._gates.guard
        if guard is not None and (refusal := self._refusal(guard, head)) is not None:
            self._send_away(refusal)
        else:
            self._gates.turns.arrive(self._row, self)

    def _refusal(self, guard: Guard, head: Head) -> Refusal | None:
        """Why it may take no turn. Who is let in by mistake is found out by the handler."""
        if head.key is None:
            self._row = STRANGERS
            return None
        source = guard.source_of(head.key)
        if source is None:
            return self._gates.unauthorized
        if not self._known:
            self._known = True
            self._gates.known += 1
        return guard.limits.refusal(source)

    def wait(self) -> None:
        """Hold what is there of the request. Raises `Overloaded`."""
        self._gates.budget.take(len(self._data), ROW)
        self._held = len(self._data)

    def enter(self) -> None:
        """Hand the request to aiohttp."""
        data = self._let_go()
        if self._http is None or self._transport.is_closing():
            return
        self._rest = max(0, self.size - len(data))
        self._certain = self._certain and self.size >= len(data)
        self._hand_over(self._http, data)

    def _hand_over(self, http: web.RequestHandler, data: bytes) -> None:
        """Give aiohttp the bytes of a head. As long as it is not whole, nobody else would ask how
        large it gets, and how long it takes."""
        http.data_received(data)
        if not _idle(http):
            self._head_is_whole()
            return
        self._head += len(data)
        if self._head > MOST_HEAD_BYTES:
            self._say(self._gates.long, b"", keep=False)
        elif self._late is None:
            self._late = asyncio.get_running_loop().call_later(
                self._gates.head_timeout, self._say, self._gates.slow, b""
            )

    def _head_is_whole(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
            self._head = 0

    def refuse(self) -> None:
        """Answer at once; keep the connection if it is certain where the next request begins."""
        if not self._transport.is_closing():
            GATEWAY_OVERLOADED.labels(self._row).inc()
        self._send_away(self._gates.overloaded)

    def _send_away(self, refusal: Refusal) -> None:
        data = self._let_go()
        if self._transport.is_closing():
            return
        rest = self.size - len(data)
        keep = self._certain and 0 <= rest <= DROPPED_BYTES
        self._dropping = rest if keep else 0
        self._say(refusal, data, keep=keep)

    def _let_go(self) -> bytes:
        data, self._data = self._data, b""
        if self._held:
            self._gates.budget.give(self._held, ROW)
            self._held = 0
            self._transport.resume_reading()  # does nothing where it was not paused
        return data

    def _say(self, refusal: Refusal, request: bytes, *, keep: bool = False) -> None:
        given = _given_id.search(request, 0, request.find(b"\r\n\r\n") + 2)
        name = request_id(given[1].decode("latin-1") if given else "")
        closing = {} if keep else {"Connection": "close"}
        cors = self._gates.cors
        allowed = cors.headers_for(request) if cors is not None else {}
        self._transport.write(refusal.raw({REQUEST_ID: name, **closing, **allowed}))
        if not keep:
            self._transport.close()
        GATEWAY_REFUSED.labels(refusal.error).inc()
        GATEWAY_REQUESTS.labels(str(refusal.status)).inc()


def _idle(http: web.RequestHandler) -> bool:
    """Whether aiohttp waits for a request, or for the rest of its head."""
    return http._waiter is not None and not http._waiter.done()
