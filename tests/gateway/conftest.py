"""Kafka, or none: validation, documents and limits work without."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from app.kafka import KafkaOptions
from tests.gateway.orders import Client, opened, order_type


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that `forebay run` gives a gateway: sockets differ in what they forgive."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def kafka(kafka: str) -> KafkaOptions:
    """The tests' Kafka, as a role is told of it."""
    return KafkaOptions(brokers=kafka)


@pytest.fixture
def nowhere() -> KafkaOptions:
    """A broker address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return KafkaOptions(brokers=f"127.0.0.1:{port}", request_timeout_seconds=2)


@pytest.fixture
async def alone(nowhere: KafkaOptions) -> AsyncIterator[Client]:
    """A gateway without Kafka, with low limits."""
    async with opened(
        nowhere, order_type(), ready=False, max_body_bytes=20_000, max_batch_events=10
    ) as client:
        yield client
