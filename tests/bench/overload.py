"""What our gateway does with more than it can: three times as much, and one type's spike.

Single events, the dearest kind, by the clock. Capacity is a wall, and so fits the machine as
busy as it is. Then it is counted that exactly what was accepted stands in Kafka.
"""

import asyncio
from collections.abc import Sequence
from statistics import linear_regression

import psutil

from app.local.process import ChildProcess
from tests.bench.events import names
from tests.bench.flood import NONE, Flood, Part, flooded
from tests.bench.ground import Ground
from tests.bench.lines import Lines
from tests.bench.load import Job, sent
from tests.bench.model import OURS, Sample
from tests.bench.peers.catalogue import Roster
from tests.bench.targets import (
    OVERLOAD,
    OVERLOAD_AFTER,
    OVERLOAD_GROWTH,
    OVERLOAD_REFUSED,
    SPIKE,
)

SENDERS = 256
CONNECTIONS = 2_000
"""So many that a request waits for longer than the gateway lets it: with few, senders who wait for
an answer before they send again would be all that slows them down. Three times what we can serve
is more single requests than aiohttp can read, whatever it does with them; then all connections
wait for an answer, and what finds none free is not sent, as with any client's pool."""

TIMES_CAPACITY = 3
OVERLOAD_SECONDS = 60
BEFORE_SECONDS, AFTER_SECONDS = 5, 10
QUIET = 0.3
"""Of capacity, when there is no overload."""

SPIKE_TYPES = 60
"""As many as a company has: of 20 types one, 50 times as often, is as much as all we can serve."""

SPIKE_TIMES, SPIKE_SECONDS, SPIKE_BEFORE_SECONDS = 50, 10, 15
REFUSALS = {"202", "429", "503"}
LATE_SECONDS = 0.05
SETTLED = 1 / 3
"""Of the overload: before, connections and what may be in flight are filled up to their bounds."""
EVERY_SECONDS = 0.5


async def bench(ground: Ground, _: Roster, lines: Lines) -> None:
    """One turn of each, on a gateway of its own."""
    events = names(SPIKE_TYPES, "flood")
    topics = await ground.topics("flood", events)
    role = ground.role("gateway", "flood", topics, GATEWAY__MAX_CONNECTIONS=str(CONNECTIONS + 100))
    try:
        await role.start()
        capacity = await _capacity(role.url, events, lines)
        await _overload(ground, role, role.url, events, capacity, lines)
        await _spike(role.url, events, capacity, lines)
        await role.stop()
    finally:
        role.kill()


async def _capacity(url: str, events: list[str], lines: Lines) -> float:
    """Single events a second, when many senders send the next one after each answer."""
    job = Job(url, tuple(events), lines.some(10_000), senders=SENDERS)
    await sent(job)  # warm
    return job.requests / (await sent(job)).seconds


async def _overload(
    ground: Ground,
    process: ChildProcess,
    url: str,
    events: list[str],
    capacity: float,
    lines: Lines,
) -> None:
    lines.say(f"{OVERLOAD}: {TIMES_CAPACITY} × {capacity:,.0f} a second")
    quiet, seconds = {"all": QUIET * capacity}, lines.some(OVERLOAD_SECONDS)
    phases = [
        (BEFORE_SECONDS, quiet),
        (seconds, {"all": TIMES_CAPACITY * capacity}),
        (AFTER_SECONDS, quiet),
    ]
    before = await ground.records(events)
    curve: list[tuple[float, float]] = []
    watching = asyncio.create_task(_watch(process, curve))
    try:
        found = await flooded(Flood(url, {"all": tuple(events)}, phases, CONNECTIONS))
    finally:
        watching.cancel()
    answered = [phase["all"] for phase in found]
    lines.say(str(answered))
    _check(answered, await ground.records(events) - before)
    _, during, after = answered
    peak = max(rss for _, rss in curve)
    rate = during.accepted / seconds
    lines.add(OVERLOAD, OURS, "ms", Sample(during.accepted_p99 * 1e3, peak, rate))
    lines.add(
        OVERLOAD_REFUSED,
        OURS,
        "ms",
        Sample(during.refused_p99 * 1e3, per_second=(during.total - during.accepted) / seconds),
    )
    end = BEFORE_SECONDS + seconds
    last = [p for p in curve if end - seconds * SETTLED < p[0] < end]
    lines.add(OVERLOAD_GROWTH, OURS, "MB a minute", Sample(_growth(last)))
    lines.add(OVERLOAD_AFTER, OURS, "s", Sample(after.normal_after))
    lines.say(str(answered))


async def _watch(process: ChildProcess, curve: list[tuple[float, float]]) -> None:
    """Write down seconds and MB."""
    watched, began = psutil.Process(process.pid), asyncio.get_running_loop().time()
    while True:
        now = asyncio.get_running_loop().time() - began
        curve.append((now, watched.memory_info().rss / 1e6))
        await asyncio.sleep(EVERY_SECONDS)


def _growth(curve: Sequence[tuple[float, float]]) -> float:
    seconds, megabytes = zip(*curve, strict=True)
    return linear_regression(seconds, megabytes).slope * 60


def _check(answered: Sequence[Part], stored: int) -> None:
    accepted = sum(part.accepted for part in answered)
    if stored != accepted:
        raise RuntimeError(f"{accepted} events were accepted and {stored} are in Kafka")
    for part in answered:
        if others := {k: n for k, n in part.statuses.items() if k not in {*REFUSALS, NONE}}:
            raise RuntimeError(f"some answers were neither 202 nor 429 nor 503: {others}")


async def _spike(url: str, events: list[str], capacity: float, lines: Lines) -> None:
    one, *others = events
    each = QUIET * capacity / len(events)
    lines.say(f"{SPIKE}: {SPIKE_TIMES} × {each:,.0f} a second of one type")
    usual = {"others": each * len(others), "one": each}
    spike = usual | {"one": each * SPIKE_TIMES}
    phases = [(SPIKE_BEFORE_SECONDS, usual), (SPIKE_SECONDS, spike)]
    flood = Flood(url, {"one": (one,), "others": tuple(others)}, phases, CONNECTIONS)
    before, during = await flooded(flood)
    _check_all_answered([*before.values(), *during.values()])
    if (late := max(before["others"].late_p99, during["others"].late_p99)) > LATE_SECONDS:
        raise RuntimeError(f"the senders were slow themselves: 1 % came {late:.2f} s late")
    lines.say(str([before, during]))
    lines.add(
        SPIKE,
        OURS,
        "× before",
        Sample(during["others"].accepted_p99 / before["others"].accepted_p99),
    )


def _check_all_answered(parts: Sequence[Part]) -> None:
    _check(parts, sum(part.accepted for part in parts))
