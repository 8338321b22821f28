"""What an event costs a gateway, in CPU time: ours and its peers', by turns, under one load.

The whole product: the role in a process of its own, a real Kafka, senders in another process.
After each load it is counted how many events stand in Kafka, or in Redis: all that were accepted.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from app.core.errors import Fatal
from app.local.ports import free_port
from app.local.process import ChildProcess
from tests.bench.events import names
from tests.bench.ground import Ground
from tests.bench.lines import Lines
from tests.bench.load import Job, sent
from tests.bench.meter import metered
from tests.bench.model import OURS, Sample
from tests.bench.peers.catalogue import Peer, Roster
from tests.bench.targets import BATCHES, LATENCY, SINGLE

TYPES = 20
BATCH = 100
MICROS = "µs CPU an event"
OF_A_CORE = 0.7
TIMED = (OURS, "floor", "go")


@dataclass(frozen=True, slots=True)
class Subject:
    """A running gateway. `stored` counts what it has handed on; `servers` are a part of it that
    another choice would not have, and are counted apart."""

    name: str
    process: ChildProcess
    url: str
    stored: Callable[[], Awaitable[int]] | None = None
    servers: tuple[ChildProcess, ...] = ()


async def bench(ground: Ground, roster: Roster, lines: Lines) -> None:
    """Batches and single events, by turns, then the latency below our saturation."""
    events, roster = names(TYPES), roster.only(lambda peer: peer.gateway)
    for peer, why in roster.absent:
        _absent(peer, why, lines)
    async with running(ground, events, roster.present, lines) as subjects:
        for subject in subjects:
            await sent(Job(subject.url, tuple(events), lines.some(100), BATCH))  # warm
            await sent(Job(subject.url, tuple(events), lines.some(2_000)))
        for _ in range(lines.repeats):
            for title, requests, batch in (
                (BATCHES, lines.some(1_000), BATCH),
                (SINGLE, lines.some(20_000), 1),
            ):
                for subject in subjects:
                    job = Job(subject.url, tuple(events), requests, batch)
                    await _measure(title, subject, job, lines)
        cost = lines.of(SINGLE, OURS).value
        assert cost
        await _latency(subjects, events, OF_A_CORE / cost * 1e6, lines)


@asynccontextmanager
async def running(
    ground: Ground, events: list[str], peers: Iterable[Peer], lines: Lines
) -> AsyncIterator[list[Subject]]:
    """Our gateway, which comes first, and the peers', all at once; only one is ever busy."""
    topics = await ground.topics("gateway", events)
    role = ground.role("gateway", "gateway", topics)
    async with AsyncExitStack() as stack:
        await _started(role, stack)
        subjects = [Subject(OURS, role, role.url, partial(ground.records, events))]
        for peer in peers:
            subject = _peer(ground, peer, events)
            try:
                await _started(subject.process, stack)
                subjects.append(subject)
            except Fatal as error:
                _absent(peer, str(error), lines)
        yield subjects
        for subject in subjects:
            await subject.process.stop()


async def _started(process: ChildProcess, stack: AsyncExitStack) -> None:
    stack.callback(process.kill)
    await process.start()


def _absent(peer: Peer, why: str, lines: Lines) -> None:
    for title in (BATCHES, SINGLE):
        lines.absent(title, peer.name, MICROS, why)


def _peer(ground: Ground, peer: Peer, events: list[str]) -> Subject:
    port, queue = free_port(), f"gateway-{peer.name}"
    process = ground.peer(peer, queue, events, port=port)
    url = f"http://127.0.0.1:{port}"
    match peer.stores:
        case "redis":
            stored = partial(ground.jobs_waiting, queue)
            return Subject(peer.name, process, url, stored, (ground.redis,))
        case "kafka":
            return Subject(peer.name, process, url, partial(ground.records, events))
        case _:
            return Subject(peer.name, process, url)


async def _measure(title: str, subject: Subject, job: Job, lines: Lines) -> None:
    lines.say(f"{title}: {subject.name}")
    before = await subject.stored() if subject.stored else 0
    async with metered([subject.process, *subject.servers]) as reading:
        answered = await sent(job)
    if subject.stored and (stored := await subject.stored() - before) != job.count:
        raise RuntimeError(f"{subject.name} accepted {job.count} events and stored {stored}")
    own = reading.each_cpu_seconds[0] / job.count * 1e6
    rate = job.count / answered.seconds
    lines.add(title, subject.name, MICROS, Sample(own, reading.each_peak_rss_mb[0], rate))
    if subject.servers:
        whole = reading.cpu_seconds / job.count * 1e6
        lines.add(title, f"{subject.name} + redis", MICROS, Sample(whole))


async def _latency(subjects: list[Subject], events: list[str], rate: float, lines: Lines) -> None:
    """At the rate at which we take that much of a core; the others show what the senders and the
    machine add to it."""
    timed = [subject for subject in subjects if subject.name in TIMED]
    requests = max(100, int(rate * lines.some(10)))
    for _ in range(lines.repeats):
        for subject in timed:
            lines.say(f"{LATENCY}: {subject.name}")
            answered = await sent(Job(subject.url, tuple(events), requests, rate=rate))
            sample = Sample(answered.p99 * 1e3, per_second=requests / answered.seconds)
            lines.add(LATENCY, subject.name, "ms", sample)
