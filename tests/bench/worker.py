"""What an event costs a worker, in CPU time: ours and its peers', by turns, on one set of topics.

Each turn is a new process with a new group and an empty disk, which reads all topics to their end
until all it keeps is on S3; ours until it stands in the ledger. What each one kept is counted. Its
start is not counted: a peer tells what it took until it read; of ours, what a process took
that found the topics empty is left out.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from app.core.errors import Fatal
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Ledger
from app.local.process import ChildProcess
from app.local.role import LocalRole
from tests.bench.events import names, resent
from tests.bench.fill import fill_queue, fill_topics
from tests.bench.ground import Ground, topic
from tests.bench.lines import Lines
from tests.bench.meter import Reading, metered
from tests.bench.model import OURS, Sample
from tests.bench.peers.catalogue import Peer, Roster
from tests.bench.targets import WORKER_4, WORKER_360

MICROS = "µs CPU an event"
EVENTS = 400_000
LOOK_SECONDS = 0.25
LISTEN_SECONDS = 0.02
PATIENCE_SECONDS = 240
SLOW_SHARE = 8
"""A slow peer gets so many times fewer events: its cost is the same, its time is ours."""
SEAL_SECONDS = 10
STARTS = 2


@dataclass(frozen=True, slots=True)
class Course:
    """Topics filled with `count` events, of which `kept` are different ones.

    `start_seconds` is the CPU time of our worker's start on them.
    """

    events: tuple[str, ...]
    count: int
    kept: int
    start_seconds: float = 0.0


async def bench(ground: Ground, roster: Roster, lines: Lines) -> None:
    """All peers on few partitions, the ones that are not slow on many as well."""
    workers, count = roster.only(lambda peer: peer.worker), lines.some(EVENTS)
    lines.say(f"{WORKER_4}: filling 2 topics with {count:,} events")
    whole = await filled(ground, "few", 2, "small", list(resent(count)))
    part = whole
    if any(peer.slow for peer in workers.present):
        part = await filled(ground, "few_slow", 2, "small", list(resent(count // SLOW_SHARE)))
    await _by_turns(ground, workers, lines, WORKER_4, whole, part)
    lines.say(f"{WORKER_360}: filling 60 topics with {count:,} events")
    whole = await filled(ground, "many", 60, "medium", list(resent(count)))
    await _by_turns(ground, workers.only(lambda p: not p.slow), lines, WORKER_360, whole, whole)


async def _by_turns(
    ground: Ground, roster: Roster, lines: Lines, title: str, whole: Course, part: Course
) -> None:
    for peer, why in roster.absent:
        lines.absent(title, peer.name, MICROS, why)
    for turn in range(lines.repeats):
        lines.say(f"{title}: {OURS}")
        name = f"{whole.events[0]}-{turn}"
        sample, _ = await ours(ground, whole, name)
        lines.add(title, OURS, MICROS, sample)
        for peer in roster.present:
            lines.say(f"{title}: {peer.name}")
            course = part if peer.slow else whole
            try:
                samples = await theirs(ground, peer, course, f"{name}-{peer.name}")
            except Fatal as error:
                lines.absent(title, peer.name, MICROS, str(error))
                continue
            for subject, sample in samples.items():
                lines.add(title, subject, MICROS, sample)


async def filled(ground: Ground, tag: str, types: int, size: str, numbers: Sequence[int]) -> Course:
    """Make topics, see what our worker's start on them takes at least, and fill them."""
    events = names(types, tag)
    await ground.topics(tag, events, size)
    course = Course(tuple(events), len(numbers), len(set(numbers)))
    lives = []
    for start in range(STARTS):
        name = f"{tag}-empty-{start}"
        async with reading(ground, course, name) as (role, _), metered([role]) as taken:
            pass
        lives += taken.each_life_seconds
    await fill_topics(ground, events, numbers)
    return replace(course, start_seconds=min(lives))


async def ours(ground: Ground, course: Course, name: str) -> tuple[Sample, Counter[str]]:
    """One turn of our worker, and what its ledger has in the end."""
    async with reading(ground, course, name) as (role, ledger):
        async with metered([role]) as taken:
            await until_sealed(ground, course, role, ledger)
        found = await found_in(ledger)
    if (found["staged"], found["received"]) != (course.kept, course.count):
        raise RuntimeError(f"our worker got {course.count} events and made of them: {found}")
    return _sample(taken, course.start_seconds, course.count), found


@asynccontextmanager
async def reading(
    ground: Ground, course: Course, name: str, **environment: str
) -> AsyncIterator[tuple[LocalRole, Ledger]]:
    """Our worker, ready, with a ledger of its own."""
    topics = ground.folder / course.events[0].rpartition("_")[0] / "topics"
    environment = {"SEAL__MAX_AGE_SECONDS": str(SEAL_SECONDS), **environment}
    role = ground.role("worker", name, topics, **environment)
    try:
        await role.start()
        async with with_ledger(role) as ledger:
            yield role, ledger
        await role.stop()
    finally:
        role.kill()


@asynccontextmanager
async def with_ledger(role: LocalRole) -> AsyncIterator[Ledger]:
    """The ledger that this role uses."""
    ledger = await open_ledger(LedgerOptions(url=role.environment["LEDGER__URL"]))
    try:
        yield ledger
    finally:
        await ledger.close()


async def until_sealed(ground: Ground, course: Course, role: LocalRole, ledger: Ledger) -> None:
    """Wait until the ledger has all that is in the topics."""
    tps = [f"{topic(one)}/{p}" for one in course.events for p in range(ground.partitions[one])]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while sum(cursor.next for cursor in (await ledger.cursors(tps)).values()) < course.count:
        if role.exit_code is not None or time.monotonic() > deadline:
            raise RuntimeError(f"our worker does not come to an end: {role.last_lines()}")
        await asyncio.sleep(LOOK_SECONDS)


async def found_in(ledger: Ledger) -> Counter[str]:
    found: Counter[str] = Counter()
    async for seal in ledger.seals():
        found["seals"] += 1
        found["objects"] += len(seal.objects)
        found["received"] += seal.received
        found["staged"] += seal.total("staged")
    return found


async def theirs(ground: Ground, peer: Peer, course: Course, name: str) -> dict[str, Sample]:
    """One turn of a peer: itself, and together with the server that it brings."""
    events, servers = list(course.events), []
    if peer.stores == "redis":
        await fill_queue(ground, name, events, course.count)
        servers = [ground.redis]
    process = ground.peer(peer, name, events, count=course.count)
    try:
        await process.start()
        async with metered([process, *servers]) as taken:
            start_seconds = float(await _said(process, "reading "))
            began = time.monotonic()
            told = json.loads(await _said(process, "done "))
            taken.seconds = time.monotonic() - began
        await process.stop()
    finally:
        process.kill()
    if (told["events"], told["kept"]) != (course.count, course.kept):
        raise RuntimeError(f"{peer.name} got {course.count} events and says: {told}")
    sample = _sample(taken, start_seconds, course.count)
    if not servers:
        return {peer.name: sample}
    await ground.empty_redis()
    redis = taken.each_cpu_seconds[1] / course.count * 1e6
    return {peer.name: sample, f"{peer.name} + redis": Sample(sample.value + redis)}


async def _said(process: ChildProcess, start: str) -> str:
    """Wait for a line of a peer that starts so; returns the rest of it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        for line in process.last_lines():
            if line.startswith(start):
                return line.removeprefix(start)
        if process.exit_code is not None or time.monotonic() > deadline:
            last: Sequence[str] = process.last_lines(3)
            raise Fatal(f"it did not say «{start.strip()}», but: {' / '.join(last)}")
        await asyncio.sleep(LISTEN_SECONDS)


def _sample(taken: Reading, start_seconds: float, count: int) -> Sample:
    micros = (taken.each_life_seconds[0] - start_seconds) / count * 1e6
    return Sample(micros, taken.each_peak_rss_mb[0], count / taken.seconds)
