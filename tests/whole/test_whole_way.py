"""Servers, roles and commands as a user has them, in processes of their own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from app.local.ports import free_port
from app.local.role import LocalRole
from app.send import send
from tests.faults.steady import load_for, sealed, terminated
from tests.house.house import House, opened_house, until
from tests.house.servers import Servers
from tests.house.verdict import judged

SENT = 6_000
AGAIN = 1_000
FIRST = 1_000_000
"""Far from the numbers of the load beside it."""


@pytest.fixture
async def house(servers: Servers, unique: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened_house(unique, tmp_path, servers) as made:
        yield made


async def test_a_worker_killed_in_mid_stream_leaves_each_event_in_the_warehouse_once(
    house: House,
) -> None:
    gateway, worker, scheduler = map(house.role, ("gateway", "worker", "scheduler"))
    await asyncio.gather(gateway.start(), worker.start())
    (kind,) = house.sales
    events = [orjson.dumps(kind.made(FIRST + number)) for number in range(SENT)]

    async def hand_in(count: int) -> None:
        """As `forebay send` does."""
        report = await send(
            iter(events[:count]), type=kind.event, gateway_url=gateway.url, batch=100
        )
        assert report.accepted == count

    load = load_for(house, rate=1_000)
    sending = asyncio.create_task(hand_in(SENT))
    await sealed(worker, 1)
    worker.kill()
    await load.send(1_000, http=False)
    await worker.start()
    await sending
    await hand_in(AGAIN)
    load.acknowledged[kind.event] |= {FIRST + number for number in range(SENT)}
    await scheduler.start()
    await house.settled()
    await asyncio.gather(*map(terminated, (gateway, worker, scheduler)))
    verdict = await judged(house, load, "--deep")
    assert verdict.holds, verdict
    totals = verdict.report["totals"]
    assert totals["dead"] == load.bad
    assert totals["received"] == SENT + AGAIN + load.sent + load.resent + load.bad
    assert totals["duplicates"] + totals["collapsed"] == AGAIN + load.resent


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
        "PII_KEY": "a key for the tests",  # the shipped types have fields to hash
    }
    worker = LocalRole("worker", free_port(), environment, log_file=tmp_path / "worker.log")
    starting = asyncio.create_task(worker.start())

    async def waits() -> bool:
        return "can not be reached" in "\n".join(worker.last_lines())

    try:
        await until(waits, "a line that says what it waits for")
        await terminated(worker)
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        worker.kill()
