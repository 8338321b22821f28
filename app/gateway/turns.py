"""Who is next: event types take turns, so that one type's rush is not the others' wait.

Without this a request costs most of its CPU time before any handler can say no, and all wait for
all. Here it waits as bytes, before HTTP is parsed, in the row of its type. In each turn of the
event loop the rows give requests worth `TURN_BYTES`; next is always the row that had least so far
(start-time fair queueing). Below capacity the rows are empty and nobody waits. Above it rows grow,
and whoever would wait, or has waited, longer than the patience is refused: that is measured, so no
limit needs tuning to a machine, and a burst that can be served in time is served. The clock for it
is our CPU time, which is real time while anybody waits and we have a core: a process that was not
let run for a while has not too much to do, and would refuse all who came meanwhile for nothing.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from app.gateway.budget import Overloaded
from app.metrics import GATEWAY_WAITED_SECONDS

REQUEST_BYTES = 4 * 1024
"""What HTTP around the events costs, as much as so many bytes of events."""

TURN_BYTES = 8 * REQUEST_BYTES
"""A few requests. An answer takes some eight turns of the loop, each as long as what gets in; but
with one request a turn, to look at the sockets takes a fifth of the CPU time of a single event."""

MOST_BYTES = 256 * 1024
"""Of a request in one turn: a larger one lets others in between while it is judged."""


class Guest(Protocol):
    """A request that has arrived."""

    @property
    def size(self) -> int:
        """Its bytes, as far as they are known."""

    def wait(self) -> None:
        """Hold its bytes. Raises `Overloaded`."""

    def enter(self) -> None:
        """Be served."""

    def refuse(self) -> None:
        """Be sent away."""


class _Waiting(NamedTuple):
    guest: Guest
    at: float
    since: float


@dataclass(slots=True)
class _Row:
    had: float
    guests: deque[_Waiting] = field(default_factory=deque)


class Turns:
    """Lets guests in by turns; refuses those that wait for more work than `patience_seconds`."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience = patience_seconds
        self._rows: dict[str, _Row] = {}
        self._had = 0.0
        self._used = 0
        self._loop = asyncio.get_running_loop()

    @property
    def waiting(self) -> int:
        return sum(len(row.guests) for row in self._rows.values())

    def arrive(self, type: str, guest: Guest) -> None:
        """Let in, put into the row of this type, or refuse."""
        if not self._rows and self._used < TURN_BYTES:
            self._let_in(guest)
            return
        now = time.thread_time()
        row = self._rows.get(type)
        if row is not None and now - row.guests[0].at > self._patience:
            guest.refuse()
            return
        try:
            guest.wait()
        except Overloaded:
            guest.refuse()
            return
        if row is None:
            row = self._rows[type] = _Row(self._had)
        row.guests.append(_Waiting(guest, now, time.monotonic()))

    def _let_in(self, guest: Guest) -> int:
        if not self._used:
            self._loop.call_soon(self._turn)
        weight = REQUEST_BYTES + min(guest.size, MOST_BYTES)
        self._used += weight
        guest.enter()
        return weight

    def _turn(self) -> None:
        self._used = 0
        if not self._rows:
            return
        now = time.thread_time()
        while self._rows and self._used < TURN_BYTES:
            type, row = min(self._rows.items(), key=lambda item: item[1].had)
            guest, at, since = row.guests.popleft()
            if not row.guests:
                del self._rows[type]
            GATEWAY_WAITED_SECONDS.observe(time.monotonic() - since)
            if now - at > self._patience:
                guest.refuse()
            else:
                self._had = row.had
                row.had += self._let_in(guest)
