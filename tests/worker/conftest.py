"""One world for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.kafka import KafkaOptions
from tests.worker.world import World, a_world


@pytest.fixture
def kafka(kafka: str) -> KafkaOptions:
    return KafkaOptions(brokers=kafka)


@pytest.fixture
async def world(kafka: KafkaOptions, tmp_path: Path) -> AsyncIterator[World]:
    """Topics of three partitions, a ledger in SQLite, objects in a folder."""
    async with a_world(kafka, tmp_path) as made:
        yield made
