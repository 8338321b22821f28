"""The demo as an app: most events through the gateway, some straight to Kafka."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from app.contracts.model import Contract
from app.core.errors import Fatal
from app.demo.traffic import Parcel, Sent, traffic
from app.send import SendReport, send

Advance = Callable[[int], Any]


async def send_all(
    contract: Contract, brokers: str, gateway_url: str, sent: Sent, advance: Advance
) -> SendReport:
    """Send the whole traffic of one event type; `advance` is told how many events went out.

    Returns what the gateway answered. Raises `Fatal` if it took less than all.
    """
    producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all", compression_type="lz4")
    await producer.start()
    try:
        report = await send(
            _through_http(contract, producer, sent, advance),
            type=contract.event,
            gateway_url=gateway_url,
            batch=500,
            concurrency=4,
        )
        await producer.flush()
    finally:
        await producer.stop()
    if report.gave_up is not None:
        raise Fatal(f"the gateway did not take all {contract.event} events: {report.gave_up}")
    return report


async def _through_http(
    contract: Contract, producer: AIOKafkaProducer, sent: Sent, advance: Advance
) -> AsyncIterator[bytes]:
    """Give out what goes through the gateway, and produce the rest on the way."""
    for parcel in traffic(contract.event, sent):
        if parcel.way == "http":
            for event in parcel.events:
                yield event
        else:
            await _produce(contract, producer, parcel)
        advance(len(parcel.events))


async def _produce(contract: Contract, producer: AIOKafkaProducer, parcel: Parcel) -> None:
    """Do as any Kafka client would: its own default partitioner, the contract's key."""
    for event in parcel.events:
        await producer.send(contract.topic, event, key=_key(contract, parcel, event))


def _key(contract: Contract, parcel: Parcel, event: bytes) -> bytes | None:
    if parcel.way == "direct without key" or parcel.part == "broken":
        return None
    return str(orjson.loads(event)[contract.kafka.key]).encode()
