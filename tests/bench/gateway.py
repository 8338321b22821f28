"""What an event costs the gateway, in CPU time: `python -m tests.bench.gateway`.

The whole product: the role in a process of its own, a real Kafka, clients in another process.
Wall-clock rates on a shared machine say little; CPU time per event says what a core can do.
"""

import argparse
import asyncio
import multiprocessing
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import aiohttp
import psutil

from app.local.kafka import LocalKafka
from app.local.ports import free_port
from app.local.role import LocalRole
from tests.bench.events import names, raw, write_topics

SENDERS = 16
TYPES = 20
JSON = {"Content-Type": "application/json"}


def batch_bodies(events: list[str], size: int, bodies: int = 50) -> list[bytes]:
    """Envelopes of `size` events of all types mixed."""
    made = []
    for body in range(bodies):
        numbers = range(body * size, (body + 1) * size)
        ones = (
            b'{"type":"%b","data":%b}' % (events[number % len(events)].encode(), raw(number))
            for number in numbers
        )
        made.append(b'{"events":[' + b",".join(ones) + b"]}")
    return made


async def _send(url: str, events: list[str], requests: int, batch: int) -> None:
    if batch > 1:
        posts = [(f"{url}/v1/events", body) for body in batch_bodies(events, batch)]
    else:
        posts = [(f"{url}/v1/events/{events[n % len(events)]}", raw(n)) for n in range(1_000)]
    left = iter(range(requests))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=SENDERS)) as http:

        async def sender() -> None:
            for number in left:
                path, body = posts[number % len(posts)]
                async with http.post(path, data=body, headers=JSON) as response:
                    assert response.status == 202, await response.text()

        await asyncio.gather(*(sender() for _ in range(SENDERS)))


def client(url: str, events: list[str], requests: int, batch: int) -> None:
    """Runs in a process of its own."""
    asyncio.run(_send(url, events, requests, batch))


async def measured(role: LocalRole, events: list[str], requests: int, batch: int) -> float:
    """Send, and return the CPU microseconds that the gateway took per event."""
    process = psutil.Process(role.pid)
    work = multiprocessing.get_context("spawn").Process(
        target=client, args=(role.url, events, requests, batch)
    )
    before, began = process.cpu_times(), time.monotonic()
    work.start()
    await asyncio.to_thread(work.join)
    assert work.exitcode == 0
    spent, seconds = process.cpu_times(), time.monotonic() - began
    cost = spent.user + spent.system - before.user - before.system
    count = requests * batch
    sys.stdout.write(
        f"batch {batch:4}: {cost / count * 1e6:7.1f} µs CPU an event, {count / seconds:8.0f} "
        f"events/s, RSS {process.memory_info().rss >> 20} MB\n"
    )
    return cost / count * 1e6


@asynccontextmanager
async def running(folder: Path, events: list[str]) -> AsyncIterator[LocalRole]:
    """A gateway for these events, on a Kafka of its own."""
    kafka = LocalKafka(folder / "kafka", log_file=folder / "kafka.log")
    topics = write_topics(folder / "topics", events)
    gateway = LocalRole(
        "gateway",
        free_port(),
        {"KAFKA__BROKERS": kafka.brokers, "TOPICS_DIR": str(topics), "LOG__FORMAT": "json"},
        log_file=folder / "gateway.log",
        start_seconds=60,
    )
    await kafka.start()
    try:
        await gateway.start()
        yield gateway
        await gateway.stop()
    finally:
        gateway.kill()
        await kafka.stop()


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--requests", type=int, default=600)
    given = arguments.parse_args()
    events = names(TYPES)
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder), events) as gateway:
            await measured(gateway, events, 100, 100)  # warm
            costs: dict[int, list[float]] = {100: [], 1: []}
            for _ in range(given.repeats):
                costs[100].append(await measured(gateway, events, given.requests, 100))
                costs[1].append(await measured(gateway, events, given.requests * 5, 1))
    for batch, found in costs.items():
        sys.stdout.write(f"median, batch {batch}: {median(found):.1f} µs\n")


if __name__ == "__main__":
    asyncio.run(main())
