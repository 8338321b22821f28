"""Memory and CPU time of a process over the events it has taken; and whether that is flat."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from statistics import linear_regression

import psutil

LOOK_SECONDS = 0.1
ASK_SECONDS = 0.5
"""Asking how far it is may cost the process something; looking at its memory does not."""
MILLION = 1_000_000
FLAT_MB = 200.0
FLAT_SLOPE = 1.0


@dataclass(frozen=True, slots=True)
class Point:
    """At so many `events`: the largest RSS (10^6 bytes) since the point before, and all CPU time
    until then."""

    events: int
    rss_mb: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Curve:
    """What one `subject` took, by ascending events.

    Flat is: RSS under 200 MB at every point, and in the second half, where caches are full, less
    than 1 MB more for a million events more.
    """

    subject: str
    points: tuple[Point, ...]

    @property
    def peak_mb(self) -> float:
        return max(point.rss_mb for point in self.points)

    @property
    def slope(self) -> float:
        """MB for a million events: of the straight line nearest to the second half's points."""
        half = self.points[len(self.points) // 2 :]
        if len(half) < 2:
            raise ValueError(f"{self.subject}: {len(self.points)} points are too few for a slope")
        return linear_regression([p.events for p in half], [p.rss_mb for p in half]).slope * MILLION

    @property
    def is_flat(self) -> bool:
        return self.peak_mb < FLAT_MB and self.slope < FLAT_SLOPE

    def cost(self, first: int, last: int) -> float:
        """µs of CPU time for each event from `first` to `last`, as near as there are points."""
        begin = min(self.points, key=lambda point: abs(point.events - first))
        end = min(self.points, key=lambda point: abs(point.events - last))
        if begin.events == end.events:
            raise ValueError(f"{self.subject}: no two points between {first} and {last} events")
        return (end.cpu_seconds - begin.cpu_seconds) / (end.events - begin.events) * 1e6


def thinned(subject: str, looks: Sequence[Point], every: int) -> Curve:
    """A point for each `every` events and one for the last: no peak between two is lost."""
    points: list[Point] = []
    for _, same in groupby(looks, key=lambda look: max(0, look.events - 1) // every):
        found = list(same)
        last = found[-1]
        points.append(Point(last.events, max(look.rss_mb for look in found), last.cpu_seconds))
    return Curve(subject, tuple(points))


@dataclass(slots=True)
class Following:
    """`looks` grows while the process is followed; `events` is how far it was at last."""

    looks: list[Point] = field(default_factory=list)
    events: int = 0


@asynccontextmanager
async def followed(
    pid: int, progress: Callable[[], Awaitable[int]], ask_seconds: float = ASK_SECONDS
) -> AsyncIterator[Following]:
    """Look at this process until the body ends; `progress` tells how many events it has taken."""
    following = Following()
    looking = asyncio.create_task(_follow(psutil.Process(pid), progress, ask_seconds, following))
    try:
        yield following
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError, psutil.NoSuchProcess):
            await looking


async def _follow(
    process: psutil.Process,
    progress: Callable[[], Awaitable[int]],
    ask_seconds: float,
    following: Following,
) -> None:
    while True:
        peak, until = 0.0, time.monotonic() + ask_seconds
        while time.monotonic() < until:
            peak = max(peak, process.memory_info().rss / 1e6)
            await asyncio.sleep(LOOK_SECONDS)
        following.events = await progress()
        times = process.cpu_times()
        following.looks.append(Point(following.events, peak, times.user + times.system))
