"""Offsets that never come: removed by retention, taken by transactions, cleaned away."""

import asyncio
import time
from pathlib import Path

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import TopicPartition

from app.core.seal import partition_name
from app.kafka import KafkaOptions
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.worker.options import SealOptions
from tests.faults.test_topics import names
from tests.faults.topics import admin, proved
from tests.house.house import House
from tests.house.load import Load
from tests.house.sentry import sentry
from tests.house.verdict import judged
from tests.worker.kinds import event
from tests.worker.world import World, a_world, until


async def metric(url: str, line: str) -> bool:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as answer:
        return line in (await answer.text()).splitlines()


async def test_what_retention_removed_from_under_a_stopped_worker_is_never_silence(
    house: House,
) -> None:
    kafka = KafkaOptions(brokers=house.environment["KAFKA__BROKERS"])
    (sale,) = house.sales
    load = Load(house.sales, lambda: [], kafka.brokers)
    worker, scheduler = house.role("worker"), house.role("scheduler")
    await asyncio.gather(worker.start(), scheduler.start())
    await load.send(400, http=False)
    await house.settled()
    await worker.stop()
    read = {p["tp"]: p["cursor"] for p in (await house.audit())["types"][0]["partitions"]}
    await load.send(400, http=False)
    tp = partition_name(sale.topic, 1)
    lost = range(read[tp], read[tp] + 25)
    gone = await _numbers(kafka, sale.topic, lost)
    async with admin(kafka) as client:
        await client.delete_records(
            {TopicPartition(sale.topic, 1): RecordsToDelete(before_offset=lost.stop)}
        )
    async with sentry() as told:
        worker = house.role("worker", SENTRY__DSN=told.dsn)
        await worker.start()
        await house.settled()
        assert await metric(
            worker.url, f'forebay_worker_incidents_total{{event="{sale.event}"}} 1.0'
        )
        await worker.stop()  # flushes what is to be told
    (error,) = told.errors
    assert f"{tp} {lost.start} to {lost.stop - 1}" in error
    assert "send them again" in error

    ledger = await open_ledger(LedgerOptions(url=house.environment["LEDGER__URL"]))
    (incident,) = [found async for found in ledger.incidents()]
    await ledger.close()
    assert (incident.range.tp, incident.range.first, incident.range.next) == (
        tp, lost.start, lost.stop,
    )  # fmt: skip
    code, said, _ = await house.command("audit")
    assert code == 1
    assert f"{tp} {lost.start}–{lost.stop - 1}" in said
    load.acknowledged[sale.event] -= gone
    verdict = await judged(house, load, "--deep")
    assert (verdict.lost, verdict.doubled, verdict.strange, verdict.residual) == (0, 0, 0, 0)
    assert [found["kind"] for found in verdict.report["findings"]] == ["incident"]


async def _numbers(kafka: KafkaOptions, topic: str, offsets: range) -> set[int]:
    """The events that stand at these offsets of partition 1, and nowhere else."""
    async with AIOKafkaConsumer(**kafka.client(), enable_auto_commit=False) as consumer:
        tps = [TopicPartition(topic, number) for number in range(2)]
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        for tp in tps:
            consumer.seek(tp, 0)
        here: set[int] = set()
        elsewhere: set[int] = set()
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    inside = tp.partition == 1 and record.offset in offsets
                    (here if inside else elsewhere).update(_number(record.value))
        return here - elsewhere


def _number(value: bytes) -> list[int]:
    try:
        return [orjson.loads(value)["number"]]
    except orjson.JSONDecodeError:
        return []


async def test_what_retention_removed_before_a_worker_ever_came_is_an_incident(
    options: KafkaOptions, tmp_path: Path
) -> None:
    async with a_world(options, tmp_path, partitions=1) as world:
        await world.produce(event(number) for number in range(10))
        async with admin(options) as client:
            tp = TopicPartition(world.kind.topic, 0)
            await client.delete_records({tp: RecordsToDelete(before_offset=5)})
        before = await proved(world)
        async with world.worker():
            await world.sealed_to_the_end()
        after = await proved(world)
    lost = (partition_name(world.kind.topic, 0), 0, 5)
    assert before.findings == [("overtaken", *lost)]
    assert (after.ids, after.findings) == (names(range(5, 10)), [("incident", *lost)])


@pytest.fixture
def options(kafka: str) -> KafkaOptions:
    return KafkaOptions(brokers=kafka)


async def test_records_are_counted_and_not_offsets_when_transactions_come_and_go_together(
    options: KafkaOptions, tmp_path: Path
) -> None:
    async with a_world(options, tmp_path) as world:
        async with world.worker():
            await _produce_in_transactions(world)
            await world.sealed_to_the_end()
        proof = await proved(world)
        offsets = sum((await world.ends()).values())
    good = [range(t * 100 + start, t * 100 + start + 30) for t in range(6) for start in (0, 50)]
    assert proof.ids == names(*good, range(20_000, 20_003))
    assert proof.findings == []
    totals = proof.report.totals
    assert (totals["received"], totals["residual"], totals["lag"]) == (363, 0, 0)
    assert offsets == 363 + 180 + 2 * 3 * 6  # what was aborted, and a marker for each end


async def test_a_marker_that_retention_removes_from_a_quiet_log_is_no_loss(
    options: KafkaOptions, tmp_path: Path
) -> None:
    async with a_world(options, tmp_path, partitions=1) as world:
        tp = TopicPartition(world.kind.topic, 0)
        async with world.worker():
            async with (
                AIOKafkaProducer(**options.client(), transactional_id=world.app_id) as producer,
                producer.transaction(),
            ):
                for number in range(5):
                    await producer.send(tp.topic, event(number), partition=0)
            await until("the marker is written", lambda: _is_decided(world))
            await world.sealed_to_the_end()  # with the marker, at offset 5
            entries = len(await world.seals())
            async with admin(options) as client:
                await client.delete_records({tp: RecordsToDelete(before_offset=6)})
            assert (await proved(world)).findings == []
            await asyncio.sleep(1.5)  # the age of three seals
            assert len(await world.seals()) == entries <= 2, "one entry, and not one per look"
            await world.produce([event(5)])
            await world.sealed_to_the_end()
        proof = await proved(world)
    assert proof.ids == names(range(6))
    assert (proof.findings, proof.report.totals["lag"]) == ([], 0)


@pytest.mark.parametrize("how", ["drained", "revoked"])
async def test_a_marker_behind_the_last_record_is_in_the_last_seal(
    options: KafkaOptions, tmp_path: Path, how: str
) -> None:
    seldom = SealOptions(max_age_seconds=3_600)
    async with a_world(options, tmp_path, partitions=1) as world:
        place = (world.kind.topic, 0)
        async with world.worker(seal=seldom) as running:
            async with (
                AIOKafkaProducer(**options.client(), transactional_id=world.app_id) as producer,
                producer.transaction(),
            ):
                await producer.send(place[0], event(1), partition=0)
            consumer = running._app.consumer

            async def has_passed_it() -> bool:
                stands = (await consumer.standing()).get(place)
                lane = running._assignment.lanes.get(place)
                return stands is not None and stands.offset == 2 and lane is not None and lane.next

            await until("the consumer is behind the marker", has_passed_it)
            assert await world.seals() == []
            if how == "revoked":
                await consumer.ask_for_assignment()
                await world.sealed_to_the_end()
        await world.sealed_to_the_end(0)
        (seal,) = await world.seals()
        assert seal.received == 1


async def _produce_in_transactions(world: World) -> None:
    """Two at a time, one committed and one aborted, and plain records between theirs."""
    client, topic = world.kafka.client(), world.kind.topic
    async with (
        AIOKafkaProducer(**client, transactional_id=f"{world.app_id}-a") as kept,
        AIOKafkaProducer(**client, transactional_id=f"{world.app_id}-b") as thrown,
        AIOKafkaProducer(**client) as plain,
    ):
        for turn in range(0, 600, 100):
            await kept.begin_transaction()
            await thrown.begin_transaction()
            for number in range(turn, turn + 30):
                await kept.send(topic, event(number), partition=number % 3)
                await thrown.send(topic, event(10_000 + number), partition=number % 3)
                await plain.send(topic, event(50 + number), partition=number % 3)
            await plain.flush()
            ends = [kept.commit_transaction, thrown.abort_transaction]
            for end in ends if turn % 200 else reversed(ends):
                await end()
        await until("all markers are written", lambda: _is_decided(world))
        for number in range(3):  # so that no log ends with a marker
            await plain.send_and_wait(topic, event(20_000 + number), partition=number)


async def _is_decided(world: World) -> bool:
    """A coordinator answers a moment before it has written the markers."""
    async with AIOKafkaConsumer(
        **world.kafka.client(), isolation_level="read_committed", enable_auto_commit=False
    ) as consumer:
        parts = range(world.partitions[world.kind.name])
        ends = await consumer.end_offsets([TopicPartition(world.kind.topic, n) for n in parts])
    return {partition_name(*tp): end for tp, end in ends.items()} == await world.ends()


async def test_records_are_counted_and_not_offsets_in_a_log_that_was_compacted(
    options: KafkaOptions, tmp_path: Path
) -> None:
    compact = {
        "cleanup.policy": "compact",
        "min.cleanable.dirty.ratio": "0.01",
        "segment.ms": "100",
        "min.compaction.lag.ms": "0",
    }
    async with admin(options) as client:
        await client.alter_configs(
            [ConfigResource(ConfigResourceType.BROKER, "1", {"log.cleaner.backoff.ms": "200"})]
        )
    async with a_world(options, tmp_path, partitions=1, topic_config=compact) as world:
        async with world.worker():
            await world.produce(event(n % 20, turn=n) for n in range(200))
            await world.sealed_to_the_end()
        before = await world.ends()
        await world.produce(event(n % 20, turn=n) for n in range(200, 600))
        await _cleaned(world)
        left = await world.records()
        gaps = before[partition_name(world.kind.topic, 0)] not in {r.offset for r in left}
        assert gaps, "the cursor stands in a gap"
        async with world.worker():
            await world.sealed_to_the_end()
        proof = await proved(world)
    assert proof.findings == []
    assert proof.ids == names(range(20))
    totals = proof.report.totals
    after = [r for r in left if r.offset >= before[partition_name(world.kind.topic, 0)]]
    assert 0 < len(after) < 400
    assert (totals["received"], totals["residual"]) == (200 + len(after), 0)


async def _cleaned(world: World) -> None:
    """Append until Kafka has closed a segment and cleaned it."""
    deadline = time.monotonic() + 60

    async def has_gaps() -> bool:
        await asyncio.sleep(0.2)  # segments are closed when something is appended later
        await world.produce([event(0, turn=time.monotonic())])
        records = await world.records()
        assert time.monotonic() < deadline
        return len(records) < 300

    await until("the log is cleaned", has_gaps)
