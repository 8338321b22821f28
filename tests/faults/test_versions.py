"""A version is raised while the old one's topic lags: said by all, and mended as the audit says."""

import asyncio
import shutil
from pathlib import Path

import aiohttp
import duckdb
import orjson
from aiokafka import AIOKafkaProducer

from app.kafka import KafkaOptions
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.local.role import LocalRole
from tests.house.house import House, until


async def test_what_a_raised_version_left_unread_is_said_and_a_worker_with_the_former_file_reads_it(
    house: House,
) -> None:
    (kind,) = house.sales
    topics, former = house.folder / "topics", house.folder / "former"
    worker = house.role("worker")
    await worker.start()
    await produce(house, range(30))
    await until(lambda: sealed(house, 30), "some of version 1 is read")
    await worker.stop()
    await produce(house, range(20, 60))  # some of them once more
    shutil.copytree(topics, former)
    raise_version(topics / f"{kind.event}.yaml")

    worker = house.role("worker")
    await worker.start()
    await until(lambda: says(worker, 40), "the gauge counts what is left behind")
    log = (house.folder / "worker-1.log").read_text()
    assert f"40 offsets of {kind.topic} were never read" in log
    report = await house.audit()
    assert {found["kind"] for found in report["findings"]} == {"topic_unread"}
    assert sum(found["next"] - found["first"] for found in report["findings"]) == 40
    assert report["totals"]["lag"] == 40

    await worker.stop()  # the next one has a disk of its own: all it knows, it knows from Kafka
    drain, scheduler = house.role("worker", 2, TOPICS_DIR=str(former)), house.role("scheduler")
    await asyncio.gather(drain.start(), scheduler.start())
    await until(lambda: sealed(house, 70), "the rest is read")
    await until(lambda: all_loaded(house), "all is loaded")
    report = await house.audit("--deep")
    assert report["findings"] == []
    assert (report["totals"]["duplicates"], report["totals"]["lag"]) == (10, 0)


async def produce(house: House, numbers: range) -> None:
    (kind,) = house.sales
    kafka = KafkaOptions(brokers=house.environment["KAFKA__BROKERS"])
    async with AIOKafkaProducer(**kafka.client()) as producer:
        for event in kind.several(numbers):
            key = event["shop"].encode()
            await producer.send_and_wait(kind.topic, orjson.dumps(event), key=key)


def raise_version(file: Path) -> None:
    text = file.read_text()
    assert "version: 1\n" in text
    file.write_text(text.replace("version: 1\n", "version: 2\n"))


async def sealed(house: House, count: int) -> bool:
    ledger = await open_ledger(LedgerOptions(url=house.environment["LEDGER__URL"]))
    try:
        return sum(t.counts.received for t in await ledger.totals(house.sales[0].event)) == count
    finally:
        await ledger.close()


async def all_loaded(house: House) -> bool:
    """Each number once."""
    query = f"SELECT number FROM {house.sales[0].table} ORDER BY number"
    try:
        with duckdb.connect(house.environment["DUCKDB__PATH"], read_only=True) as db:
            return [number for (number,) in db.execute(query).fetchall()] == list(range(60))
    except (duckdb.IOException, duckdb.CatalogException):
        return False  # the scheduler has it open, or has not made it yet


async def says(worker: LocalRole, count: int) -> bool:
    """Whether the worker's gauge says that so many offsets are left behind."""
    async with aiohttp.ClientSession() as session, session.get(f"{worker.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    told = [line for line in lines if line.startswith("forebay_worker_left_behind_offsets{")]
    return sum(float(line.rpartition(" ")[2]) for line in told) == count
