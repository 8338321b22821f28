"""How long a worker with an empty disk takes to build its dedupe table from the changelog."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaProducer

from app.contracts.compile import compile_contract
from app.contracts.load import load_contracts
from app.kafka import ensure_topics
from app.local.role import LocalRole
from app.worker.changelog import MAX_REQUEST_BYTES
from app.worker.entries import KEY_BYTES, MARK, OFFSET, PREFIX_BYTES
from app.worker.open_seal import MESSAGE_BYTES
from app.worker.options import WorkerOptions
from app.worker.reader import SizeClass, changelog_topics, size_classes
from tests.bench.events import names
from tests.bench.ground import Ground
from tests.bench.lines import Lines
from tests.bench.meter import metered
from tests.bench.model import OURS, Sample
from tests.bench.peers.catalogue import Roster
from tests.bench.targets import START_RECOVERY

KEYS = 10_000_000
SECONDS = "s"
RANDOM_BYTES = KEY_BYTES - PREFIX_BYTES
LISTEN_SECONDS = 0.01


async def bench(ground: Ground, _: Roster, lines: Lines) -> None:
    """One table of six partitions, once; how soon real marks are back, `flat` measures."""
    topics = await ground.topics("recovery", names(1, "recovery"), "medium")
    count = lines.some(KEYS)
    lines.say(f"{START_RECOVERY}: filling the changelog with {count:,} keys")
    await _fill(ground, "recovery-new", topics, count)
    lines.say(START_RECOVERY)
    role = ground.role("worker", "recovery-new", topics, WORKER__STUCK_AFTER_SECONDS="600")
    began = time.monotonic()
    async with _starting(role) as starting, metered([role]) as reading:
        await starting
        reading.seconds = time.monotonic() - began
    sample = Sample(reading.seconds, reading.each_peak_rss_mb[0], count / reading.seconds)
    lines.add(START_RECOVERY, OURS, SECONDS, sample)
    await role.stop()


@asynccontextmanager
async def _starting(role: LocalRole) -> AsyncIterator[asyncio.Task[None]]:
    """The start, as a task, once the process is there; the process is killed at an error."""
    starting = asyncio.create_task(role.start())
    try:
        await _there(role)
        yield starting
    except BaseException:
        role.kill()
        raise


async def _there(role: LocalRole) -> None:
    while True:
        if role.pid is not None:
            return
        await asyncio.sleep(LISTEN_SECONDS)


async def _fill(ground: Ground, app_id: str, topics: Path, count: int) -> None:
    """What workers of this group would have left behind, in messages as full as they make them."""
    table = _table(app_id, topics)
    await ensure_topics(ground.kafka_options, changelog_topics([table]))
    producer = AIOKafkaProducer(
        **ground.kafka_options.client(), acks="all", max_request_size=MAX_REQUEST_BYTES
    )
    async with producer:
        for number, message in enumerate(_messages(count)):
            partition = number % table.partitions
            await producer.send(table.marks.changelog_topic, message, partition=partition)


def _table(app_id: str, topics: Path) -> SizeClass:
    contracts = load_contracts(topics)
    kinds = [compile_contract(contract) for contract in contracts.values()]
    [table] = size_classes(WorkerOptions(app_id=app_id), kinds, contracts.partitions)
    return table


def _messages(count: int) -> Iterator[bytes]:
    """Packed marks of `count` different keys of one topic."""
    prefix, per_message = os.urandom(PREFIX_BYTES), MESSAGE_BYTES // MARK.size
    for first in range(0, count, per_message):
        offsets = range(first, min(first + per_message, count))
        random = os.urandom(RANDOM_BYTES * len(offsets))
        yield b"".join(
            prefix + random[at : at + RANDOM_BYTES] + OFFSET.pack(offset)
            for at, offset in zip(range(0, len(random), RANDOM_BYTES), offsets, strict=True)
        )
