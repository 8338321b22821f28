"""Servers that fail, topics that change, a table that is behind: nothing lost, nothing silent."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition
from faust.transport.drivers import aiokafka as driver

from app.core.errors import Fatal, Reason, Transient
from app.core.headers import REJECTED
from app.core.seal import Seal
from app.health import Readiness
from app.kafka import KafkaOptions, TopicSpec, ensure_topics
from app.ledger.protocol import EntryKind, Ledger
from app.worker.ending import HUNG_EXIT_CODE
from app.worker.options import SealOptions
from app.worker.role import RunningWorker, worker
from sinks.memory import MemoryObjectStore
from tests.worker.kinds import event
from tests.worker.world import World, until


class FaultyLedger:
    """A real ledger whose next `record` fails as planned: before it is done, or after."""

    def __init__(self, real: Ledger) -> None:
        self._real = real
        self.plans: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def record(self, seal: Seal) -> None:
        plan = self.plans.pop(0) if self.plans else ""
        if plan != "refused":
            await self._real.record(seal)
        if plan:
            raise Transient(plan)


async def death(starting: AbstractAsyncContextManager[RunningWorker]) -> BaseException:
    """How a worker dies by itself."""
    with pytest.raises((Fatal, Transient)) as caught:
        async with asyncio.timeout(60), starting as running:
            await running.failed
    return caught.value


async def test_a_store_that_fails_is_asked_again_and_nothing_is_lost(world: World) -> None:
    store = MemoryObjectStore()
    world.objects = store
    store.fail_next("finish", Transient("503 SlowDown"))
    store.fail_next("finish", Transient("the answer got lost"), "after")
    async with world.worker():
        await world.produce(event(n) for n in range(500))
        await world.sealed_to_the_end()
    assert (await world.each_once())["staged"] == 500


async def test_a_seal_whose_answer_was_lost_is_recorded_once(world: World) -> None:
    ledger = FaultyLedger(world.ledger)
    ledger.plans = ["refused", "the answer got lost"]
    async with world.worker(ledger=ledger):
        await world.produce(event(n) for n in range(500))
        await world.sealed_to_the_end()
    assert ledger.plans == []
    assert (await world.each_once())["staged"] == 500


async def test_full_memory_seals_the_largest_and_reading_waits(world: World) -> None:
    tight = SealOptions(max_age_seconds=3_600, memory_bytes=200_000)
    async with world.worker(seal=tight):
        await world.produce(event(n, filler="x" * 500) for n in range(4_000))

        async def most_is_sealed() -> bool:
            return sum(seal.received for seal in await world.seals()) > 3_000

        await until("most is sealed, though no seal is old", most_is_sealed)
    assert len(await world.seals()) > 5
    async with world.worker():
        await world.sealed_to_the_end()
    assert (await world.each_once())["staged"] == 4_000


async def test_a_large_seal_is_cut_before_its_time(world: World) -> None:
    async with world.worker(seal=SealOptions(max_age_seconds=3_600, max_bytes=100_000)):
        await world.produce(event(n, filler="x" * 500) for n in range(1_000))

        async def some_are_sealed() -> bool:
            return len(await world.seals()) >= 2

        await until("two seals", some_are_sealed)
    async with world.worker():
        await world.sealed_to_the_end()
    assert (await world.each_once())["staged"] == 1_000


async def test_what_retention_removed_unread_is_an_incident_in_the_chain(world: World) -> None:
    async with world.worker():
        await world.produce(event(n) for n in range(300))
        await world.sealed_to_the_end()
    before = await world.ends()
    await world.produce(event(n) for n in range(300, 600))
    lost = {tp: (before[tp], before[tp] + 20) for tp in before}
    async with admin(world.kafka) as client:
        await client.delete_records(
            {
                TopicPartition(*_split(tp)): RecordsToDelete(before_offset=end)
                for tp, (_, end) in lost.items()
            }
        )
    async with world.worker():
        await world.sealed_to_the_end()
    incidents = [incident async for incident in world.ledger.incidents()]
    assert {i.range.tp: (i.range.first, i.range.next) for i in incidents} == lost
    await world.balance()
    for tp, (first, _) in lost.items():
        kinds = [(link.range.first, link.kind) async for link in world.ledger.chain(tp)]
        assert (first, EntryKind.INCIDENT) in kinds
    assert len(await world.rows()) == 600 - 60


async def test_an_aborted_transaction_does_not_land_and_markers_are_not_counted(
    world: World,
) -> None:
    producing = AIOKafkaProducer(**world.kafka.client(), transactional_id=world.app_id)
    async with world.worker(), producing as producer:
        for number, good in enumerate([True, False, True, False, True]):
            await producer.begin_transaction()
            for partition in range(3):
                await producer.send_and_wait(
                    world.kind.topic, event(number * 10 + partition), partition=partition
                )
            await (producer.commit_transaction() if good else producer.abort_transaction())

        async def landed() -> bool:
            return sum(seal.received for seal in await world.seals()) == 9

        await until("what was committed landed", landed)
    assert {row["id"] for row in await world.rows()} == {
        f"e{number * 10 + partition}" for number in (0, 2, 4) for partition in range(3)
    }
    assert (await world.balance())["received"] == 9


async def test_what_the_gateway_has_rejected_does_not_count_as_a_bad_deploy(world: World) -> None:
    told = [(REJECTED, Reason.NOT_JSON.encode())]
    async with AIOKafkaProducer(**world.kafka.client()) as producer:
        await ensure_topics(world.kafka, {world.kind.topic: TopicSpec(3)})
        for _ in range(500):
            await producer.send(world.kind.topic, b"broken", headers=told)
    async with world.worker(min_rejected_count=100):
        await world.sealed_to_the_end()
    assert (await world.balance())["dead"] == 500


async def test_an_assignment_that_never_ends_ends_the_worker(world: World) -> None:
    process = await world.process(
        "stuck", {"max_age_seconds": 0.1}, drain_seconds=10.0, stuck_after_seconds=0.01
    )
    # Faust may well hang where it is stopped in the middle of a rebalance: hence a process.
    assert await asyncio.wait_for(process.wait(), 60) in {1, HUNG_EXIT_CODE}
    assert "starting again" in world.log()


async def test_what_is_read_before_a_slow_seek_returns_is_taken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faust lets the partitions flow while the seek is waited for. Nothing comes after what is
    read then, so nobody would notice that a fetch list was lost."""
    seek, seeking = driver.AIOKafkaConsumerThread._seek_wait, asyncio.Event()
    loop = asyncio.get_running_loop()

    async def slow(thread: Any, consumer: Any, partitions: Mapping[Any, int]) -> None:
        await seek(thread, consumer, partitions)
        if any(tp.topic == world.kind.topic for tp in partitions):
            loop.call_soon_threadsafe(seeking.set)
            await asyncio.sleep(2)

    async def produce_meanwhile() -> None:
        await seeking.wait()
        await world.produce(event(n) for n in range(30, 60))

    async with world.worker():
        await world.produce(event(n) for n in range(30))
        await world.sealed_to_the_end()
        monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_seek_wait", slow)
        meanwhile = asyncio.create_task(produce_meanwhile())
        async with world.worker("second"):  # so that the first, which is reading, seeks again
            await meanwhile
            await world.sealed_to_the_end(30)
    assert (await world.balance())["staged"] == 60


async def test_two_workers_in_one_folder_are_told_apart(world: World) -> None:
    async with world.worker("shared"):
        other = World(**{**vars(world), "app_id": world.app_id + "-other"})
        error = await death(started(other, data="shared"))
    assert isinstance(error, Fatal)
    assert "WORKER__DATA_DIR" in str(error)


async def test_servers_that_are_not_there_yet_are_named_and_waited_for(
    world: World,
) -> None:
    readiness = Readiness()
    nowhere = KafkaOptions(brokers="127.0.0.1:1", request_timeout_seconds=1)
    entering = worker(
        world.worker_options(),
        SealOptions(),
        nowhere,
        world.kinds,
        world.topics,
        "sha",
        world.ledger,
        world.objects,
        readiness,
        5.0,
    )
    start = asyncio.create_task(entering.__aenter__())

    async def named() -> bool:
        return "kafka" in readiness.waiting and "not tried" not in readiness.waiting["kafka"]

    await until("readiness names Kafka", named)
    start.cancel()
    await asyncio.gather(start, return_exceptions=True)
    assert not {"ledger", "object store"} & readiness.waiting.keys()


def started(world: World, data: str = "data", seal: SealOptions | None = None, **more: Any) -> Any:
    """A worker that is not waited for to be ready."""
    return worker(
        world.worker_options(data, **more),
        seal or SealOptions(max_age_seconds=0.5),
        world.kafka,
        world.kinds,
        world.topics,
        "sha",
        world.ledger,
        world.objects,
        Readiness(),
        15.0,
    )


@asynccontextmanager
async def admin(kafka: KafkaOptions) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(**kafka.client())
    await client.start()
    try:
        yield client
    finally:
        await client.close()


def _split(tp: str) -> tuple[str, int]:
    topic, _, number = tp.rpartition("/")
    return topic, int(number)
