"""Senders in a process of their own: `python -m tests.bench.load '<job as JSON>'`.

Prints one line of JSON about what was answered.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import aiohttp

from tests.bench.events import raw

SENDERS = 16
BODIES = 50
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Job:
    """`requests` of `batch` events each, of all types mixed, as fast as they are answered.

    `rate` (requests per second) sends by the clock instead, however long the answers take.
    """

    url: str
    events: tuple[str, ...]
    requests: int
    batch: int = 1
    rate: float = 0.0
    senders: int = SENDERS

    @property
    def count(self) -> int:
        """Of events."""
        return self.requests * self.batch


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back: requests by HTTP status, and times in seconds."""

    statuses: dict[str, int]
    seconds: float
    p50: float
    p99: float


async def sent(job: Job) -> Answered:
    """Send in another process, so that its CPU time is not counted with anybody's.

    Raises:
        RuntimeError: an answer was no 202, or the process ended badly.
    """
    command = [sys.executable, "-m", "tests.bench.load", json.dumps(asdict(job))]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the senders to {job.url} ended with {process.returncode}")
    answered = Answered(**json.loads(out))
    if answered.statuses != {"202": job.requests}:
        raise RuntimeError(f"{job.url} did not accept everything: {answered.statuses}")
    return answered


def posts(job: Job) -> Sequence[tuple[str, bytes]]:
    """Path and body of some requests, to be sent in turn."""
    if job.batch == 1:
        return [
            (f"/v1/events/{job.events[n % len(job.events)]}", raw(n)) for n in range(BODIES * 20)
        ]
    return [("/v1/events", _envelope(job, number)) for number in range(BODIES)]


def _envelope(job: Job, body: int) -> bytes:
    numbers = range(body * job.batch, (body + 1) * job.batch)
    ones = (
        b'{"type":"%b","data":%b}' % (job.events[number % len(job.events)].encode(), raw(number))
        for number in numbers
    )
    return b'{"events":[' + b",".join(ones) + b"]}"


class Senders:
    """Counts answers; a request's time runs from when it was due."""

    def __init__(self, job: Job, http: aiohttp.ClientSession) -> None:
        self._job, self._http, self._posts = job, http, posts(job)
        self._statuses: Counter[str] = Counter()
        self._times: list[float] = []

    async def send(self) -> Answered:
        began = time.perf_counter()
        if self._job.rate:
            await self._by_the_clock(began)
        else:
            left = iter(range(self._job.requests))
            await asyncio.gather(*(self._one_by_one(left) for _ in range(self._job.senders)))
        times = sorted(self._times)
        return Answered(
            dict(self._statuses),
            time.perf_counter() - began,
            times[len(times) // 2],
            times[len(times) * 99 // 100],
        )

    async def _one_by_one(self, left: Iterator[int]) -> None:
        for number in left:
            await self._post(number, time.perf_counter())

    async def _by_the_clock(self, began: float) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(self._job.requests):
                due = began + number / self._job.rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                tasks.create_task(self._post(number, due))

    async def _post(self, number: int, due: float) -> None:
        path, body = self._posts[number % len(self._posts)]
        async with self._http.post(self._job.url + path, data=body, headers=JSON) as answer:
            await answer.read()
        self._statuses[str(answer.status)] += 1
        self._times.append(time.perf_counter() - due)


async def _main(job: Job) -> None:
    limit = 256 if job.rate else job.senders
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=limit)) as http:
        sys.stdout.write(json.dumps(asdict(await Senders(job, http).send())))


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(_main(Job(**given | {"events": tuple(given["events"])})))
