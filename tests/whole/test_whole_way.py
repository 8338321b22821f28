"""Servers, roles and commands as a user has them, in processes of their own."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from app.local.ports import free_port
from app.local.role import LocalRole
from app.local.stack import LocalStack
from app.send import send

TOPIC = "events.order_placed.v1"
NOW = datetime.now(UTC).replace(microsecond=0)
ORDERS = 6_000


def order(number: int) -> dict[str, Any]:
    """Orders of today and yesterday, by turns."""
    return {
        "event_id": str(UUID(int=number)),
        "occurred_at": (NOW - timedelta(days=number % 2)).isoformat(),
        "order_id": f"A-{number}",
        "country": "NL",
        "currency": "EUR",
        "total_cents": number,
        "gift": False,
        "lines": [{"sku": "tea", "quantity": 2}],
    }


@dataclass
class House:
    """A stack, and how to start roles in it and call commands."""

    stack: LocalStack
    environment: Mapping[str, str]

    def role(self, name: str) -> LocalRole:
        log_file = self.stack.log_file(name)
        return LocalRole(name, free_port(), self.environment, log_file=log_file, start_seconds=90)

    async def forebay(self, *words: str, code: int = 0) -> Any:
        """Call a command with `--json`, and read what it prints."""
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "app.cli", *words, "--json"],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with LocalStack(tmp_path, environ={}) as stack:
        environment = {
            **stack.environment,
            "SEAL__MAX_AGE_SECONDS": "1",
            "SCHEDULER__TICK_SECONDS": "0.5",
            "DUCKDB__LOCK_TIMEOUT_SECONDS": "60",
        }
        yield House(stack, environment)


async def until(holds: Callable[[], Any], what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.25)


def lines(numbers: range) -> Iterator[bytes]:
    return (orjson.dumps(order(number)) for number in numbers)


async def produce(brokers: str, numbers: range, *, broken: int) -> None:
    """As an app does that knows Kafka: its key, its client's own partitioner."""
    producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all")
    await producer.start()
    for number in numbers:
        event = order(number)
        await producer.send(TOPIC, orjson.dumps(event), key=event["order_id"].encode())
    for _ in range(broken):
        await producer.send(TOPIC, b"{broken")
    await producer.stop()


async def test_a_worker_killed_in_mid_stream_leaves_each_order_in_the_warehouse_once(
    house: House,
) -> None:
    gateway, worker, scheduler = map(house.role, ("gateway", "worker", "scheduler"))
    await asyncio.gather(gateway.start(), worker.start())
    assert house.stack.kafka is not None
    sending = asyncio.create_task(
        send(lines(range(ORDERS)), type="order_placed", gateway_url=gateway.url, batch=100)
    )

    async def sealed() -> bool:
        return bool(await house.forebay("ledger", "show"))

    await until(sealed, "a first seal")
    worker.kill()
    await produce(house.stack.kafka.brokers, range(ORDERS - 500, ORDERS + 500), broken=3)
    await worker.start()
    first = await sending
    again = await send(lines(range(1_000)), type="order_placed", gateway_url=gateway.url, batch=100)
    assert (first.accepted, again.accepted) == (ORDERS, 1_000)

    async def read() -> bool:
        report = await house.forebay("audit")
        return bool(report["totals"]["lag"] == 0)

    await until(read, "everything sealed")
    await scheduler.start()

    async def loaded() -> bool:
        days = await house.forebay("days", "--type", "order_placed")
        return bool(days) and not any(day["waiting"] for day in days)

    await until(loaded, "everything loaded")
    for role in (gateway, worker, scheduler):
        await role.stop()
        assert role.exit_code == 0, role.last_lines()
    report = await house.forebay("audit", "--deep")
    totals = report["totals"]
    assert report["balanced"]
    assert totals["loaded"] == ORDERS + 500
    assert totals["dead"] == 3
    assert totals["received"] == ORDERS + 1_000 + 1_000 + 3
    assert totals["duplicates"] + totals["collapsed"] == 500 + 1_000
    assert totals["residual"] == 0


def test_a_role_with_a_wrong_setting_ends_with_one_sentence_that_names_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "run"],
        env={**os.environ, "ROLE": "worker", "SEAL__MAX_AGE_SECONDS": "soon"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "SEAL__MAX_AGE_SECONDS" in done.stderr
    assert "Traceback" not in done.stderr


async def test_sigterm_ends_a_role_that_still_waits_for_its_servers(tmp_path: Path) -> None:
    nobody = free_port()
    environment = {
        "KAFKA__BROKERS": f"127.0.0.1:{nobody}",
        "S3__ENDPOINT_URL": f"http://127.0.0.1:{nobody}",
        "S3__ACCESS_KEY_ID": "nobody",
        "S3__SECRET_ACCESS_KEY": "nobody",
        "REDIS__URL": f"redis://127.0.0.1:{nobody}/0",
        "LEDGER__URL": f"sqlite:///{tmp_path / 'ledger.db'}",
        "WORKER__DATA_DIR": str(tmp_path / "worker"),
    }
    worker = LocalRole("worker", free_port(), environment, log_file=tmp_path / "worker.log")
    starting = asyncio.create_task(worker.start())

    async def waits() -> bool:
        return "can not be reached" in "\n".join(worker.last_lines())

    try:
        await until(waits, "a line that says what it waits for")
        await worker.stop()
        assert worker.exit_code == 0, worker.last_lines()
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        worker.kill()
