"""A world of topics, one ledger and one object store; and the account of what came out."""

import asyncio
import faulthandler
import gzip
import json
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from app.core.judge import EventType
from app.core.seal import ObjectKind, Seal, partition_name
from app.health import Readiness
from app.kafka import KafkaOptions, TopicSpec, ensure_topics
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import EntryKind, Ledger
from app.worker.options import SealOptions, WorkerOptions
from app.worker.role import RunningWorker, worker
from sinks.protocol import ObjectStore
from tests.worker.folder_store import FolderStore
from tests.worker.kinds import kind

Row = dict[str, Any]
Place = tuple[int, int]


async def until(what: str, true: Callable[[], Awaitable[bool]], seconds: float = 120.0) -> None:
    """Wait for a condition; the deadline only keeps a broken test from hanging."""
    deadline = time.monotonic() + seconds
    while not await true():
        assert time.monotonic() < deadline, f"never happened: {what}"
        await asyncio.sleep(0.05)


@dataclass
class World:
    """One event type by default; `partitions` by event name may name more."""

    kafka: KafkaOptions
    folder: Path
    ledger: Ledger
    objects: ObjectStore
    kinds: dict[str, EventType]
    partitions: dict[str, int]
    app_id: str
    logs: list[Path] = field(default_factory=list)
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def kind(self) -> EventType:
        return next(iter(self.kinds.values()))

    @property
    def topics(self) -> dict[str, TopicSpec]:
        """By their names in Kafka."""
        return {kind.topic: TopicSpec(self.partitions[name]) for name, kind in self.kinds.items()}

    def worker_options(self, data: str = "data", **more: Any) -> WorkerOptions:
        return WorkerOptions(
            **{
                "app_id": self.app_id,
                "data_dir": self.folder / data,
                "port": 0,
                "session_seconds": 6,
                **more,
            }
        )

    @asynccontextmanager
    async def worker(
        self,
        data: str = "data",
        seal: SealOptions | None = None,
        objects: ObjectStore | None = None,
        ledger: Ledger | None = None,
        **more: Any,
    ) -> AsyncIterator[RunningWorker]:
        """A worker in this process, from ready to drained."""
        readiness = Readiness()
        async with worker(
            self.worker_options(data, **more),
            seal or SealOptions(max_age_seconds=0.5),
            self.kafka,
            self.kinds,
            self.topics,
            "sha",
            ledger or self.ledger,
            objects or self.objects,
            readiness,
            20.0,
        ) as running:
            failed = running.failed

            async def ready() -> bool:
                if failed.done():
                    failed.result()
                return not readiness.waiting

            await until("the worker is ready", ready)
            failed.cancel()
            yield running

    async def process(
        self,
        data: str,
        seal: dict[str, Any] | None = None,
        drain_seconds: float = 20.0,
        hangs: bool = False,
        **more: Any,
    ) -> asyncio.subprocess.Process:
        """A worker in a process of its own; its log is in the world's folder."""
        options = self.worker_options(data, **more).model_dump(mode="json")
        assert isinstance(self.objects, FolderStore)
        config = {
            "worker": options,
            "seal": seal or {"max_age_seconds": 0.5},
            "brokers": self.kafka.brokers,
            "ledger": f"sqlite:///{self.folder}/ledger.db",
            "objects": str(self.objects.folder),
            "partitions": self.partitions,
            "drain_seconds": drain_seconds,
            "hangs": hangs,
        }
        self.logs.append(self.folder / f"{data}.log")
        with self.logs[-1].open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.worker.process", json.dumps(config), stderr=log
            )
        self.processes.append(process)
        return process

    def log(self) -> str:
        """What the last started process has said so far."""
        return self.logs[-1].read_text()

    @asynccontextmanager
    async def producing(self) -> AsyncIterator[Callable[[bytes | None], Awaitable[Any]]]:
        """Send to the first event's topic; copies of an event go to one partition."""
        async with AIOKafkaProducer(**self.kafka.client(), linger_ms=5) as producer:
            yield lambda value: producer.send(self.kind.topic, value, key=_id(value or b""))

    async def produce(self, values: Iterable[bytes | None]) -> None:
        async with self.producing() as send:
            for value in values:
                await send(value)

    async def records(self, topic: str | None = None) -> list[Any]:
        """Everything that is in the topic, as Kafka has it."""
        async with AIOKafkaConsumer(**self.kafka.client(), enable_auto_commit=False) as consumer:
            tps = await self._tps(consumer, topic)
            consumer.assign(tps)
            ends = await consumer.end_offsets(tps)
            starts = await consumer.beginning_offsets(tps)
            for tp in tps:
                consumer.seek(tp, starts[tp])
            found: list[Any] = []
            while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found += records
            return found

    async def ends(self, topic: str | None = None) -> dict[str, int]:
        async with AIOKafkaConsumer(**self.kafka.client(), enable_auto_commit=False) as consumer:
            ends = await consumer.end_offsets(await self._tps(consumer, topic))
            return {partition_name(*tp): offset for tp, offset in ends.items()}

    async def group_offsets(self) -> dict[str, int | None]:
        """What the worker's consumer group has committed."""
        async with self._group() as group:
            tps = await self._tps(group, None)
            return {partition_name(*tp): await group.committed(tp) for tp in tps}

    async def commit(self, offsets: dict[str, int]) -> None:
        """Commit for the worker's group, which must be empty."""
        async with self._group() as group:
            tps = {partition_name(*tp): tp for tp in await self._tps(group, None)}
            group.assign(list(tps.values()))
            await group.commit({tps[name]: offset for name, offset in offsets.items()})

    def _group(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **self.kafka.client(), group_id=self.app_id, enable_auto_commit=False
        )

    async def _tps(self, consumer: Any, topic: str | None) -> list[TopicPartition]:
        topic = topic or self.kind.topic
        count = next(n for e, n in self.partitions.items() if self.kinds[e].topic == topic)
        return [TopicPartition(topic, number) for number in range(count)]

    async def sealed_to_the_end(self, seconds: float = 120.0) -> None:
        """Wait until the ledger has all that is in the topics."""
        wanted: dict[str, int] = {}
        for known in self.kinds.values():
            wanted |= await self.ends(known.topic)

        async def sealed() -> bool:
            cursors = await self.ledger.cursors(list(wanted))
            return {tp: c.next for tp, c in cursors.items()} == wanted

        await until("everything is sealed", sealed, seconds)

    async def seals(self) -> list[Seal]:
        return [seal async for seal in self.ledger.seals()]

    async def lines(self, what: ObjectKind) -> list[Row]:
        """The lines of the objects that the ledger names; of no other."""
        found = []
        for seal in await self.seals():
            for stored in seal.objects:
                if stored.kind is what:
                    chunks = [chunk async for chunk in self.objects.read(stored.key)]
                    lines = gzip.decompress(b"".join(chunks)).splitlines()
                    assert len(lines) == stored.rows
                    found += [orjson.loads(line) for line in lines]
        return found

    async def balance(self) -> Counter[str]:
        """Check that the chains tile the offsets and each record has one fate; return the fates."""
        for event, count in self.partitions.items():
            for number in range(count):
                next_offset = None
                async for link in self.ledger.chain(
                    partition_name(self.kinds[event].topic, number)
                ):
                    if link.kind is not EntryKind.START:
                        assert link.range.first == next_offset, link
                    next_offset = link.range.next
        fates: Counter[str] = Counter()
        for seal in await self.seals():
            assert seal.problems() == []
            fates["received"] += seal.received
            for what in ("staged", "duplicates", "dead"):
                fates[what] += seal.total(what)
        assert fates["received"] == fates["staged"] + fates["duplicates"] + fates["dead"]
        return fates

    async def each_once(self) -> Counter[str]:
        """Check against Kafka: the first copy of each good event is a row, and nothing else is."""
        fates = await self.balance()
        first: dict[str, Place] = {}
        records = sorted(await self.records(), key=lambda r: (r.partition, r.offset))
        for record in records:
            with suppress(Exception):
                first.setdefault(_id_text(record.value), (record.partition, record.offset))
        rows = {row["id"]: (row["_partition"], row["_offset"]) for row in await self.rows()}
        assert rows == first
        assert fates["received"] == len(records)
        assert fates["staged"] == len(first)
        return fates

    async def rows(self) -> list[Row]:
        """The rows; no event twice."""
        rows = await self.lines(ObjectKind.ROWS)
        copies = Counter(row["id"] for row in rows)
        assert not [event for event, count in copies.items() if count > 1]
        return rows


def _id_text(value: bytes) -> str:
    return str(orjson.loads(value)["id"])


def _id(value: bytes) -> bytes:
    try:
        return _id_text(value).encode()
    except Exception:
        return b"none"


@asynccontextmanager
async def a_world(
    kafka: KafkaOptions,
    folder: Path,
    objects: ObjectStore | None = None,
    partitions: int = 3,
    ledger_options: LedgerOptions | None = None,
    topic_config: Mapping[str, str] | None = None,
    **options: Any,
) -> AsyncIterator[World]:
    """Topics and names of its own, so that tests share nothing but the servers.

    Workers as processes know only the ledger in SQLite.
    """
    name = f"e{uuid.uuid4().hex[:8]}"
    store = objects or FolderStore(folder / "objects")
    await store.ping()
    embedded = LedgerOptions(url=f"sqlite:///{folder}/ledger.db")
    ledger = await open_ledger(ledger_options or embedded)
    kinds, sizes = {name: kind(name, **options)}, {name: partitions}
    await ensure_topics(kafka, {kinds[name].topic: TopicSpec(partitions, topic_config or {})})
    world = World(kafka, folder, ledger, store, kinds, sizes, f"app-{name}")
    try:
        with pytest.MonkeyPatch.context() as patch:
            # A worker in the tests' own process that hangs while it stops fails its test, by the
            # test's timeout, and does not end all the others with it.
            patch.setattr("app.worker.role.exit_hard", faulthandler.dump_traceback)
            yield world
    finally:
        for process in world.processes:
            if process.returncode is None:
                process.kill()
                await process.wait()
        await ledger.close()
