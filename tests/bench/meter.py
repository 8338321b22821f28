"""CPU time and memory of processes, as the kernel counts them."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import psutil

from app.local.process import ChildProcess

EVERY_SECONDS = 0.1


@dataclass
class Reading:
    """What some processes took; complete when the context that gave it is left.

    `seconds` may be set before, when not all of the time is meant.
    """

    cpu_seconds: float = 0.0
    seconds: float = 0.0
    each_cpu_seconds: list[float] = field(default_factory=list)
    each_life_seconds: list[float] = field(default_factory=list)
    """CPU time since each one began."""
    each_peak_rss_mb: list[float] = field(default_factory=list)


@asynccontextmanager
async def metered(processes: Iterable[ChildProcess]) -> AsyncIterator[Reading]:
    """Watch these processes, and their children, from entering to leaving. They must live on."""
    watched = [psutil.Process(process.pid) for process in processes]
    reading = Reading(each_peak_rss_mb=[0.0] * len(watched))
    before, began = [_cpu(one) for one in watched], time.monotonic()
    watching = asyncio.create_task(_watch_memory(watched, reading))
    try:
        yield reading
    finally:
        watching.cancel()
    reading.seconds = reading.seconds or time.monotonic() - began
    reading.each_life_seconds = [_cpu(one) for one in watched]
    pairs = zip(reading.each_life_seconds, before, strict=True)
    reading.each_cpu_seconds = [now - old for now, old in pairs]
    reading.cpu_seconds = sum(reading.each_cpu_seconds)
    _look(watched, reading)


def _family(process: psutil.Process) -> Sequence[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    times = [one.cpu_times() for one in _family(process)]
    return sum(t.user + t.system for t in times)


def _look(watched: Sequence[psutil.Process], reading: Reading) -> None:
    for number, process in enumerate(watched):
        rss = sum(one.memory_info().rss for one in _family(process)) / 1e6
        reading.each_peak_rss_mb[number] = max(reading.each_peak_rss_mb[number], rss)


async def _watch_memory(watched: Sequence[psutil.Process], reading: Reading) -> None:
    while True:
        with suppress(psutil.NoSuchProcess):  # a child that ended meanwhile
            _look(watched, reading)
        await asyncio.sleep(EVERY_SECONDS)
