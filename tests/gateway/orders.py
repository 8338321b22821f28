"""A small event type, with a topic of its own for each test."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import aiohttp
import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from app.contracts.compile import compile_contract
from app.contracts.model import Contract
from app.core.judge import EventType
from app.gateway.options import GatewayOptions
from app.gateway.receipts import Ask
from app.gateway.reruns import RunsLedger
from app.gateway.role import Gateway, gateway
from app.health import Readiness
from app.kafka import KafkaOptions, TopicSpec
from app.redis_options import RedisOptions

PARTITIONS = 4
OPENAPI = {"openapi": "3.1.0", "info": {"title": "Orders", "version": "1"}, "paths": {}}

CONTRACT = Contract.model_validate_json(
    orjson.dumps(
        {
            "event": "order_placed",
            "version": 1,
            "summary": "A customer confirmed an order.",
            "app": "shop",
            "owners": {"team": "checkout", "chat": "#checkout"},
            "fields": {
                "event_id": {"type": "uuid", "about": "The same on every retry."},
                "occurred_at": {"type": "timestamp", "about": "By the shop's clock."},
                "order_id": {"type": "string", "pii": "keep", "about": "On the receipt."},
                "total_cents": {"type": "integer", "minimum": 0, "about": "What was charged."},
            },
            "kafka": {"key": "order_id", "max_event_bytes": 200_000},
            "dedupe": {"by": ("event_id",)},
            "day": {"from": "occurred_at", "late_days": 3},
            "warehouse": {"table": "RAW.ORDER_PLACED"},
            "examples": (
                {"name": "one", "given": {}, "row": {}},
                {"name": "two", "given": {}, "rejected": {"reason": "schema"}},
            ),
        }
    )
)


def order_type(name: str = "order_placed", **changes: Any) -> EventType:
    """The event type `name`, on a topic that no other test uses."""
    topic = f"events.{name}_{uuid4().hex[:12]}.v1"
    return replace(compile_contract(CONTRACT), name=name, topic=topic, **changes)


def order(order_id: str = "A-17", *, days_ago: float = 0, **changes: Any) -> dict[str, Any]:
    """A good event of this moment, unless `changes` break it."""
    occurred_at = datetime.now(UTC) - timedelta(days=days_ago)
    return {
        "event_id": str(uuid4()),
        "occurred_at": occurred_at.isoformat(),
        "order_id": order_id,
        "total_cents": 1250,
    } | changes


def ndjson(*events: dict[str, Any]) -> bytes:
    return b"\n".join(map(orjson.dumps, events))


async def until(condition: Callable[[], Awaitable[bool] | bool], seconds: float = 60) -> None:
    """Wait for a condition, checking it again and again."""
    deadline = time.monotonic() + seconds
    while not (await so if isinstance(so := condition(), Awaitable) else so):
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.02)


class Client:
    """An app that talks to one gateway."""

    def __init__(self, running: Gateway, http: aiohttp.ClientSession) -> None:
        self.running = running
        self.http = http

    async def post(self, path: str, data: Any, **headers: str) -> "Answer":
        """POST bytes as they are, or anything else as JSON."""
        body = data if isinstance(data, bytes) else orjson.dumps(data)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.post(
            self.running.url + path,
            data=body,
            headers={"Content-Type": "application/json"} | named,
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str) -> "Answer":
        async with self.http.get(self.running.url + path) as response:
            return Answer(response.status, response.headers, await response.read())

    async def until_ready(self, seconds: float = 60) -> None:
        await self.until_status("/readyz", 200, seconds)

    async def until_status(self, path: str, status: int, seconds: float = 60) -> None:
        async def is_so() -> bool:
            return (await self.get(path)).status == status

        await until(is_so, seconds)

    async def in_flight(self) -> bool:
        """Whether the gateway holds an event."""
        return b"\nforebay_gateway_in_flight_bytes 0.0\n" not in (await self.get("/metrics")).body


class Answer:
    """A response that was read."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def results(self) -> list[dict[str, Any]]:
        return self.json["results"]

    @property
    def statuses(self) -> list[str]:
        return [result["status"] for result in self.results]


@asynccontextmanager
async def opened(
    kafka: KafkaOptions,
    *kinds: EventType,
    topic_config: dict[str, dict[str, str]] | None = None,
    apps: Mapping[str, str] | None = None,
    redis_url: str = "",
    ready: bool = True,
    receipts: Ask | None = None,
    ledger: RunsLedger | None = None,
    **options: Any,
) -> AsyncIterator[Client]:
    """A gateway for these event types and a client of it."""
    configs = topic_config or {}
    role = gateway(
        GatewayOptions(**{"port": 0} | options),
        kafka,
        {kind.name: kind for kind in kinds},
        {kind.topic: TopicSpec(PARTITIONS, configs.get(kind.name, {})) for kind in kinds},
        OPENAPI,
        Readiness(),
        receipts=receipts,
        apps=apps,
        redis=RedisOptions(url=redis_url),
        ledger=ledger,
    )
    async with aiohttp.ClientSession() as http, role as running:
        client = Client(running, http)
        if ready:
            await client.until_ready()
        yield client


async def record_at(kafka: KafkaOptions, result: dict[str, Any]) -> ConsumerRecord:
    """The Kafka record that an answer names."""
    partition = TopicPartition(result["topic"], result["partition"])
    async with _reading(kafka) as consumer:
        consumer.assign([partition])
        consumer.seek(partition, result["offset"])
        return await asyncio.wait_for(consumer.getone(partition), 20)


async def all_records(kafka: KafkaOptions, topic: str) -> list[ConsumerRecord]:
    """Everything in a topic, by partition and offset."""
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    async with _reading(kafka) as consumer:
        consumer.assign(partitions)
        records: list[ConsumerRecord] = []
        for partition, end in (await consumer.end_offsets(partitions)).items():
            consumer.seek(partition, 0)
            while await consumer.position(partition) < end:
                batch = await consumer.getmany(partition, timeout_ms=1000)
                records += batch.get(partition, [])
        return records


@asynccontextmanager
async def _reading(kafka: KafkaOptions) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(**kafka.client(), enable_auto_commit=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
