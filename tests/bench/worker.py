"""CPU per event and memory of a worker: `KAFKA__BROKERS=… python -m tests.bench.worker`.

Fills topics first (in a process of its own), then reads them to the end and prints what it took.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import psutil
from aiokafka import AIOKafkaProducer

from app.health import Readiness
from app.kafka import KafkaOptions, TopicSpec, ensure_topics
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.roles import _bound_malloc
from app.worker.options import SealOptions, WorkerOptions
from app.worker.role import worker
from tests.worker.folder_store import FolderStore
from tests.worker.kinds import event, kind
from tests.worker.world import until


async def _ready(readiness: Readiness) -> bool:
    return not readiness.waiting


async def fill(kafka: KafkaOptions, names: list[str], partitions: int, events: int) -> None:
    await ensure_topics(kafka, {kind(name).topic: TopicSpec(partitions) for name in names})
    async with AIOKafkaProducer(**kafka.client(), linger_ms=20, max_batch_size=65_536) as producer:
        for number in range(events):
            topic = kind(names[number % len(names)]).topic
            await producer.send(
                topic, event(number, filler="x" * 60), partition=(number // len(names)) % partitions
            )


async def read(kafka: KafkaOptions, names: list[str], partitions: int, events: int) -> None:
    process, peak = psutil.Process(), 0
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        ledger = await open_ledger(LedgerOptions(url=f"sqlite:///{folder}/ledger.db"))
        objects = FolderStore(folder / "objects")
        readiness = Readiness()
        async with worker(
            WorkerOptions(app_id=f"bench-{names[0]}", data_dir=folder / "data", port=0),
            SealOptions(max_age_seconds=10),
            kafka,
            {name: kind(name) for name in names},
            dict.fromkeys(names, partitions),
            "sha",
            ledger,
            objects,
            readiness,
            30.0,
        ):
            await until("the worker is ready", lambda: _ready(readiness))
            began, cpu, received = time.monotonic(), process.cpu_times(), 0
            while received < events:
                await asyncio.sleep(0.5)
                peak = max(peak, process.memory_info().rss)
                cursors = await ledger.cursors(
                    [f"{kind(n).topic}/{p}" for n in names for p in range(partitions)]
                )
                received = sum(cursor.next for cursor in cursors.values())
            spent = process.cpu_times()
            micros = (spent.user + spent.system - cpu.user - cpu.system) / events * 1e6
        await ledger.close()
    seconds = time.monotonic() - began
    print(  # noqa: T201
        f"{events} events, {len(names)} topics x {partitions} partitions: {seconds:.1f} s, "
        f"{micros:.1f} µs CPU an event, RSS peak {peak >> 20} MB, "
        f"end {process.memory_info().rss >> 20} MB"
    )


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--events", type=int, default=500_000)
    arguments.add_argument("--topics", type=int, default=1)
    arguments.add_argument("--partitions", type=int, default=6)
    arguments.add_argument("--fill", default="")
    given = arguments.parse_args()
    kafka = KafkaOptions(brokers=os.environ["KAFKA__BROKERS"])
    tag = given.fill or f"b{uuid.uuid4().hex[:8]}"
    names = [f"{tag}n{number}" for number in range(given.topics)]
    if given.fill:
        asyncio.run(fill(kafka, names, given.partitions, given.events))
        return
    subprocess.run([sys.executable, "-m", "tests.bench.worker", *sys.argv[1:], "--fill", tag])
    _bound_malloc()
    asyncio.run(read(kafka, names, given.partitions, given.events))


if __name__ == "__main__":
    main()
