"""One id finds an event's way: the sender's trace is in Kafka, and in the worker's log."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from app.core.headers import RECEIVED_AT, TRACEPARENT
from app.local.role import LocalRole
from tests.faults.steady import terminated
from tests.faults.watching import log_of
from tests.house.house import House, opened_house
from tests.house.servers import Servers

PARENTS = [f"00-{number:032x}-00f067aa0ba902b7-01" for number in range(1, 5)]
HTTP, BAD, DIRECT, UNUSED = (parent.split("-")[1] for parent in PARENTS)


@pytest.fixture
async def house(
    servers: Servers, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    monkeypatch.setenv("LOG__FORMAT", "json")
    async with opened_house(unique, tmp_path, servers) as made:
        yield made


async def test_the_trace_of_a_request_is_in_kafka_and_in_the_lines_of_its_seal_and_dead_letter(
    house: House,
) -> None:
    (kind,) = house.sales
    gateway, worker, scheduler = map(house.role, ("gateway", "worker", "scheduler"))
    await asyncio.gather(gateway.start(), worker.start(), scheduler.start())
    async with aiohttp.ClientSession(gateway.url) as http:
        bad = [kind.made(3) | {"number": -1}]
        for parent, body in (
            (PARENTS[0], kind.several(range(2))),
            (None, [kind.made(2)]),
            (PARENTS[1], bad),
            ("no trace", [kind.made(4)]),
        ):
            headers = {TRACEPARENT: parent} if parent else {}
            path = f"/v1/events/{kind.event}"
            async with http.post(path, json=body, headers=headers) as answer:
                assert answer.status in (202, 422)
    await produce(house, kind.topic, orjson.dumps(kind.made(5)))
    await house.settled()
    await asyncio.gather(*map(terminated, (gateway, worker, scheduler)))
    headers_by_number = await headers_in_kafka(house, kind.topic)
    gateways = [(RECEIVED_AT, None)]
    assert headers_by_number[0] == headers_by_number[1]
    assert headers_by_number[0] == [*gateways, (TRACEPARENT, PARENTS[0].encode())]
    assert headers_by_number[2] == headers_by_number[4] == gateways
    assert headers_by_number[-1][1] == (TRACEPARENT, PARENTS[1].encode())

    lines = lines_of(worker)
    sealed = [line for line in lines if "traces" in line]
    assert {trace for line in sealed for trace in line["traces"]} == {HTTP, BAD, DIRECT}
    for line in sealed:
        assert line["message"].startswith(f"sealed {line['seal']} of {kind.event}")
        assert line["event"] == kind.event
        assert line["role"] == "worker"
        assert line["worker"]
    (dead,) = [line for line in lines if "a dead letter" in line["message"]]
    assert dead["trace"] == BAD
    assert (dead["event"], dead["topic"], dead["field"]) == (kind.event, kind.topic, "number")
    assert dead["seal"] in {line["seal"] for line in sealed if BAD in line["traces"]}
    code, out, _ = await house.command(
        "trace", "--event", kind.event, "--at", f"{kind.topic}/{dead['partition']}@{dead['offset']}"
    )
    assert code == 0
    assert "dead letter" in out
    loads = [line for line in lines_of(scheduler) if line["message"].startswith("committed")]
    assert loads
    assert all(line["run"] and line["event"] == kind.event for line in loads)


async def produce(house: House, topic: str, value: bytes) -> None:
    """As an app whose client is instrumented does."""
    async with AIOKafkaProducer(bootstrap_servers=house.environment["KAFKA__BROKERS"]) as producer:
        headers = [(TRACEPARENT, PARENTS[2].encode())]
        await producer.send_and_wait(topic, value, key=b"north", headers=headers)


async def headers_in_kafka(house: House, topic: str) -> dict[int, list[Any]]:
    """By the number in the event; what time it was is left out."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=house.environment["KAFKA__BROKERS"], auto_offset_reset="earliest"
    )
    found: dict[int, list[Any]] = {}
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(2)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    found[json.loads(record.value)["number"]] = [
                        (name, None if name == RECEIVED_AT else value)
                        for name, value in record.headers
                    ]
    finally:
        await consumer.stop()
    return found


def lines_of(role: LocalRole) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log_of(role).splitlines() if line.startswith("{")]
