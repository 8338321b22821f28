"""Senders who do not slow down when answers do: `python -m tests.bench.flood '<job as JSON>'`.

Requests are made beforehand and go out by the clock over many connections, one at a time on each,
without an HTTP library: at several times a gateway's capacity the senders may not be what is slow.
Prints one line of JSON about what was answered, by flow and phase.
"""

import asyncio
import gc
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from typing import cast
from urllib.parse import urlsplit

from tests.bench.load import Job, posts

TICK_SECONDS = 0.001
GIVE_UP_SECONDS = 1.0
ANSWER_SECONDS = 15.0
NORMAL_SECONDS = 0.25
NORMAL_REQUESTS = 20
ACCEPTED = "202"
NONE = "none"
"""The status of a request that was not sent: no connection was free for `GIVE_UP_SECONDS`."""

Flow = tuple[str, ...]
"""Event types whose senders send single events in turn."""


@dataclass(frozen=True, slots=True)
class Flood:
    """`phases`: seconds, and requests a second by flow. `flows`: their event types."""

    url: str
    flows: Mapping[str, Flow]
    phases: Sequence[tuple[float, Mapping[str, float]]]
    connections: int = 256

    @property
    def seconds(self) -> float:
        return sum(seconds for seconds, _ in self.phases)


@dataclass(frozen=True, slots=True)
class Part:
    """What one flow was answered in one phase; times in seconds, from when a request was sent.

    `late_p99`: how long after they were due they were sent, for want of a free connection. What was
    never sent is in `statuses` alone. `normal_after`: when, after the phase's beginning,
    `NORMAL_REQUESTS` in a row began to be sent in time and accepted within `NORMAL_SECONDS`;
    infinite if never.
    """

    statuses: Mapping[str, int]
    accepted_p50: float
    accepted_p99: float
    refused_p50: float
    refused_p99: float
    late_p99: float
    normal_after: float

    @property
    def accepted(self) -> int:
        return self.statuses.get(ACCEPTED, 0)

    @property
    def total(self) -> int:
        return sum(self.statuses.values())


Parts = Sequence[Mapping[str, Part]]


async def flooded(flood: Flood) -> Parts:
    """By phase and flow, what was answered. The senders are a process of their own.

    Raises:
        RuntimeError: the process ended badly.
    """
    command = [sys.executable, "-m", "tests.bench.flood", json.dumps(asdict(flood))]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise RuntimeError(f"the senders to {flood.url} ended with {process.returncode}")
    return [{flow: Part(**part) for flow, part in phase.items()} for phase in json.loads(out)]


@dataclass(slots=True)
class Sent:
    """One request, and what became of it."""

    phase: int
    flow: str
    due: float
    raw: bytes
    status: str = NONE
    at: float = 0.0
    seconds: float = 0.0


class Connection(asyncio.Protocol):
    """Sends a request and waits for its answer; then it is free for another, or `again()` opens
    one in its place if the gateway has said that it closes this."""

    def __init__(self, free: "deque[Connection]", again: Callable[[], None]) -> None:
        self._free, self._again = free, again
        self._sent: Sent | None = None
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._free.append(self)

    def send(self, sent: Sent) -> None:
        self._sent, sent.at = sent, time.perf_counter()
        self._transport.write(sent.raw)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not end or self._sent is None:
            return
        lower = head.lower()
        length = lower.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if len(body) < int(length):
            return
        self._sent.status = head[9:12].decode()
        self._sent.seconds = time.perf_counter() - self._sent.at
        self._sent, self._answer = None, b""
        if b"connection: close" in lower:
            self._transport.close()
        else:
            self._free.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._sent is not None:
            self._sent.status = "lost"
        if self in self._free:  # closed while nobody asked
            self._free.remove(self)
        self._again()


class Senders:
    """Keeps to the clock; what finds no free connection waits in line, for a while."""

    def __init__(self, flood: Flood) -> None:
        self._flood = flood
        self._free: deque[Connection] = deque()
        self._line: deque[Sent] = deque()
        self._all: list[Sent] = []
        self._requests = {flow: cycle(_raw(flood, types)) for flow, types in flood.flows.items()}

    async def send(self) -> list[Sent]:
        to = urlsplit(self._flood.url)
        host, port = to.hostname or "", to.port or 80
        loop = asyncio.get_running_loop()
        opening: set[asyncio.Task[object]] = set()

        def again() -> None:
            task = asyncio.ensure_future(loop.create_connection(connection, host, port))
            opening.add(task)
            task.add_done_callback(opening.discard)

        def connection() -> Connection:
            return Connection(self._free, again)

        for _ in range(self._flood.connections):
            await loop.create_connection(connection, host, port)
        began = time.perf_counter()
        for due in self._plan(began):
            while (late := due.due - time.perf_counter()) > 0:
                await asyncio.sleep(max(late, TICK_SECONDS))
                self._hand_out()
            self._line.append(due)
            self._all.append(due)
        until = time.perf_counter() + ANSWER_SECONDS
        while time.perf_counter() < until and len(self._free) < self._flood.connections:
            await asyncio.sleep(TICK_SECONDS)
            self._hand_out()
        return self._all

    def _plan(self, began: float) -> Iterator[Sent]:
        """Every request, in the order in which they are due; each flow at even distances."""
        for number, (seconds, rates) in enumerate(self._flood.phases):
            step = {flow: 1 / rate for flow, rate in rates.items() if rate}
            due = {flow: began + between / 2 for flow, between in step.items()}
            while (flow := min(due, key=due.__getitem__)) and due[flow] < began + seconds:
                yield Sent(number, flow, due[flow], next(self._requests[flow]))
                due[flow] += step[flow]
            began += seconds

    def _hand_out(self) -> None:
        oldest = time.perf_counter() - GIVE_UP_SECONDS
        while self._line and (self._free or self._line[0].due < oldest):
            sent = self._line.popleft()
            if sent.due >= oldest:
                self._free.popleft().send(sent)


def _raw(flood: Flood, types: Flow) -> list[bytes]:
    return [
        b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)
        for path, body in posts(Job(flood.url, types, 1))
    ]


def parts(flood: Flood, sent: Sequence[Sent]) -> list[dict[str, Part]]:
    """Sum up by phase and flow."""
    found = []
    for number, (_, rates) in enumerate(flood.phases):
        of_phase = [one for one in sent if one.phase == number]
        found.append({flow: _part([o for o in of_phase if o.flow == flow]) for flow in rates})
    return found


def _part(sent: Sequence[Sent]) -> Part:
    accepted = sorted(one.seconds for one in sent if one.status == ACCEPTED)
    refused = sorted(one.seconds for one in sent if one.status not in (ACCEPTED, NONE))
    late = sorted(one.at - one.due for one in sent if one.status != NONE)
    return Part(
        dict(Counter(one.status for one in sent)),
        _quantile(accepted, 50),
        _quantile(accepted, 99),
        _quantile(refused, 50),
        _quantile(refused, 99),
        _quantile(late, 99),
        _normal_after(sent),
    )


def _quantile(times: Sequence[float], percent: int) -> float:
    return times[len(times) * percent // 100] if times else 0.0


def _normal_after(sent: Sequence[Sent]) -> float:
    row: list[Sent] = []
    for one in sent:
        good = one.status == ACCEPTED and one.at - one.due + one.seconds <= NORMAL_SECONDS
        row = [*row, one] if good else []
        if len(row) == NORMAL_REQUESTS:
            return row[0].due - sent[0].due
    return float("inf")


async def _main(flood: Flood) -> None:
    gc.disable()  # a million small objects that stay: looking through them would make us late
    sent = await Senders(flood).send()
    found = [{flow: asdict(part) for flow, part in p.items()} for p in parts(flood, sent)]
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    flows = {flow: tuple(types) for flow, types in given["flows"].items()}
    asyncio.run(_main(Flood(**given | {"flows": flows})))
