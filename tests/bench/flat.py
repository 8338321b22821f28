"""Whether our worker's memory is flat, and the peers': RSS every 250,000 events, in three courses.

1. `KEYS`: 10M different events at 4 partitions. The same course says what an event costs as the
   keys grow.
2. `MANY`: 5M events over 60 topics × 6 partitions, of 3 days, so that 180 objects are open.
3. `IDLE`: 60 topics with an event now and then, as in a night. Memory can only grow there with
   what is done again and again: seals, and what goes with them. So hours are simulated by seals:
   these are cut at an age of half a second instead of a minute, with two events or so in each, and
   the slope is told for 1,440 seals of each topic, which a day has at 60 s each.

The events are sent by a process beside the worker, while it reads.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import aiohttp

from app.local.role import LocalRole
from tests.bench.curve import MILLION, Curve, Point, followed, thinned
from tests.bench.events import names
from tests.bench.flat_peers import peers_curves
from tests.bench.ground import Ground, topic
from tests.bench.lines import Lines
from tests.bench.model import OURS, Sample
from tests.bench.peers.catalogue import Roster
from tests.bench.plot import Panel, draw
from tests.bench.stream import FEW_BYTES, MANY_BYTES, Job, streaming
from tests.bench.targets import FLAT_DAY, FLAT_IDLE, FLAT_KEYS, FLAT_MANY, GROWTH_KEYS
from tests.bench.worker import MICROS, found_in, with_ledger

MB, SLOPE = "MB, largest RSS", "MB a million events"
EVERY = 250_000
KEYS, MANY = 10_000_000, 5_000_000
DAYS = 3
IDLE_SECONDS = 300
IDLE_RATE = 120
"""Events a second over 60 topics."""
IDLE_SEAL_SECONDS = 0.5
PATIENCE_SECONDS = 3_600
LOOK_SECONDS = 0.25
DAY_OF_SEALS = 24 * 60
GROWTH = (0.1, 0.2, 0.5, 1.0)
"""Shares of the course, of which the last tenth of its events before each is looked at."""
EVENTS_METRIC, SEALS_METRIC = "forebay_worker_events_total", "forebay_worker_seals_total"


@dataclass(frozen=True, slots=True)
class Course:
    """Topics, and the events that are sent to them."""

    name: str
    types: int
    size: str
    count: int
    days: int = 1
    batch_bytes: int = FEW_BYTES
    seconds: float = 0.0
    seal_seconds: float = 10.0

    @property
    def events(self) -> list[str]:
        return names(self.types, self.name)


async def bench(ground: Ground, roster: Roster, lines: Lines) -> None:
    """Ours one after the other, for their cost counts; the peers, whose memory counts, together."""
    keys = Course("flat_keys", 2, "small", lines.some(KEYS))
    many = Course("flat_many", 60, "medium", lines.some(MANY), DAYS, MANY_BYTES)
    every = lines.some(EVERY)
    lines.say(f"{FLAT_KEYS}: {keys.count:,} events")
    async with started(ground, keys) as role:
        ours = thinned(OURS, await followed_to_its_end(ground, keys, role), every)
    lines.say(f"{FLAT_MANY}: {many.count:,} events")
    async with started(ground, many) as role:
        spread = thinned(OURS, await followed_to_its_end(ground, many, role), every)
    lines.say(FLAT_IDLE)
    idle = await idle_curve(ground, lines)
    theirs = await peers_curves(ground, keys.events, keys.count, every, roster, lines)
    for bench, curve in [(FLAT_KEYS, ours), *((FLAT_KEYS, one) for one in theirs)]:
        tell(bench, curve, lines)
    tell(FLAT_MANY, spread, lines)
    tell_idle(idle, lines)
    tell_growth(ours, lines)
    panels = (
        Panel("Different events, 4 partitions", [ours, *theirs]),
        Panel("60 topics × 6 partitions, 3 days", [spread]),
        Panel("60 idle topics, seals in place of hours", [idle], "seals of each topic", 1),
    )
    draw(panels, ground.folder, "flat")


@asynccontextmanager
async def started(ground: Ground, course: Course) -> AsyncIterator[LocalRole]:
    """Our worker, ready, on new topics with nothing in them."""
    topics = await ground.topics(course.name, course.events, course.size)
    age = {"SEAL__MAX_AGE_SECONDS": str(course.seal_seconds)}
    role = ground.role("worker", f"{course.name}-ours", topics, **age)
    try:
        await role.start()
        yield role
        await role.stop()
    finally:
        role.kill()


async def followed_to_its_end(ground: Ground, course: Course, role: LocalRole) -> list[Point]:
    """Send the events, and look at the worker until its ledger has them all, none twice."""
    assert role.pid
    job = Job(
        ground.kafka.brokers,
        tuple(map(topic, course.events)),
        ground.partitions[course.events[0]],
        course.count,
        course.days,
        course.batch_bytes,
    )
    async with (
        streaming(job) as sending,
        followed(role.pid, lambda: total(role, EVENTS_METRIC)) as following,
        with_ledger(role) as ledger,
    ):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while following.events < course.count or (await found_in(ledger))["staged"] < course.count:
            if role.exit_code is not None or time.monotonic() > deadline:
                raise RuntimeError(f"our worker does not come to an end: {role.last_lines()}")
            if sending.done():
                sending.result()
            await asyncio.sleep(LOOK_SECONDS)
    return following.looks


async def total(role: LocalRole, metric: str) -> int:
    """The sum of a metric over all its labels."""
    async with aiohttp.ClientSession() as http, http.get(f"{role.url}/metrics") as answer:
        text = await answer.text()
    lines = (line for line in text.splitlines() if line.startswith((f"{metric}{{", f"{metric} ")))
    return round(sum(float(line.rpartition(" ")[2]) for line in lines))


async def idle_curve(ground: Ground, lines: Lines) -> Curve:
    """Memory over the seals of each of 60 topics that are nearly idle."""
    course = Course(
        "flat_idle", 60, "small", int(IDLE_RATE * IDLE_SECONDS), seconds=IDLE_SECONDS,
        seal_seconds=IDLE_SEAL_SECONDS,
    )  # fmt: skip
    async with started(ground, course) as role:
        assert role.pid
        job = Job(
            ground.kafka.brokers,
            tuple(map(topic, course.events)),
            ground.partitions[course.events[0]],
            course.count,
            seconds=course.seconds,
        )
        async with (
            streaming(job) as sending,
            followed(role.pid, lambda: total(role, SEALS_METRIC)) as following,
        ):
            await sending
    curve = thinned(OURS, following.looks, course.types)
    points = tuple(replace(point, events=point.events // course.types) for point in curve.points)
    return replace(curve, points=points)


def tell(bench: str, curve: Curve, lines: Lines) -> None:
    """The largest RSS and the slope, each a line."""
    last = curve.points[-1].events
    verdict = "flat" if curve.is_flat else "not flat"
    note = f"{verdict}, {last / MILLION:.2g} M events"
    lines.add(bench, curve.subject, MB, Sample(curve.peak_mb, curve.peak_mb), note)
    lines.add(f"{bench}, slope", curve.subject, SLOPE, Sample(curve.slope))


def tell_idle(curve: Curve, lines: Lines) -> None:
    """The largest RSS, and the slope over as many seals of each topic as a day has."""
    note = f"{curve.points[-1].events} seals of each topic"
    lines.add(FLAT_IDLE, OURS, MB, Sample(curve.peak_mb, curve.peak_mb), note)
    growth = curve.slope / MILLION * DAY_OF_SEALS
    lines.add(FLAT_DAY, OURS, "MB", Sample(growth), f"for {DAY_OF_SEALS:,} seals of each topic")


def tell_growth(curve: Curve, lines: Lines) -> None:
    """What an event costs while there are so many different ones."""
    count = curve.points[-1].events
    for share in GROWTH:
        first, last = int(count * (share - 0.1)), int(count * share)
        cost = Sample(curve.cost(first, last))
        lines.add(GROWTH_KEYS, f"up to {last:,} keys", MICROS, cost)
