"""SIGTERM under load: each role ends with 0 in time, having finished what it had begun."""

import asyncio
import signal
from collections import Counter
from contextlib import suppress
from typing import Any

import aiohttp
import psutil
import pytest
from redis.asyncio import Redis

from app.local.role import LocalRole
from tests.faults.steady import (
    all_is_well,
    frozen_there,
    load_for,
    staged,
    steady_load,
    terminated,
    thaw,
)
from tests.faults.tills import stored
from tests.faults.watching import log_of, metric
from tests.house.house import House, until
from tests.house.sales import Sales

pytestmark = pytest.mark.timeout(600)

SENDERS = 16
NEVER_BY_AGE = "3600"


async def told_to_end_there(role: LocalRole) -> None:
    """SIGTERM at the very kill point where it is frozen; it must end with 0."""
    await frozen_there(role)
    assert role.pid is not None
    psutil.Process(role.pid).send_signal(signal.SIGTERM)
    thaw(role)
    async with asyncio.timeout(role.stop_seconds):
        assert await role.wait() == 0, role.last_lines()


async def seals_of(house: House, worker: str) -> list[dict[str, Any]]:
    seals = await house.forebay("ledger", "show", "--last", "100000")
    return [seal for seal in seals if seal["worker"] == worker]


def received(seals: list[dict[str, Any]]) -> int:
    return sum(reach["records"] for seal in seals for reach in seal["ranges"])


async def test_a_worker_told_to_end_seals_all_it_took_and_the_next_reads_on_from_there(
    house: House,
) -> None:
    """What a worker counts in its metrics it has taken; what stands in its seals is never read
    again."""
    own: dict[str, Any] = {"SEAL__MAX_AGE_SECONDS": NEVER_BY_AGE, "WORKER__WORKER_ID": "first"}
    worker = house.role("worker", **own)
    await asyncio.gather(worker.start(), house.role("gateway").start())
    async with steady_load(house):
        await staged(worker, 400)
        taken = await metric(worker, "forebay_worker_events_total")
        await terminated(worker)
        sealed = await seals_of(house, "first")
        assert received(sealed) >= taken
        assert (await house.audit())["objects"]["strays"] == 0
        ends = {reach["tp"]: reach["next"] for seal in sealed for reach in seal["ranges"]}
        heir = house.role("worker", WORKER__WORKER_ID="second")
        await asyncio.gather(heir.start(), house.role("scheduler").start())
    its = await seals_of(house, "second")
    begins: dict[str, int] = {}
    for reach in (reach for seal in its for reach in seal["ranges"]):
        begins[reach["tp"]] = min(reach["first"], begins.get(reach["tp"], reach["first"]))
    assert begins == ends
    assert await metric(heir, "forebay_worker_events_total") == received(its)


async def test_a_worker_told_to_end_in_mid_seal_records_that_seal_and_what_came_after_it(
    house: House,
) -> None:
    worker = house.role("worker", crash_at="after_upload:2:stop", WORKER__WORKER_ID="first")
    await asyncio.gather(worker.start(), house.role("gateway").start())
    async with steady_load(house):
        await told_to_end_there(worker)
        assert (await house.audit())["objects"]["strays"] == 0
        assert len(await seals_of(house, "first")) >= 2
        await asyncio.gather(house.role("worker").start(), house.role("scheduler").start())


async def test_a_gateway_told_to_end_answers_what_it_has_taken_in_and_keeps_what_it_accepted(
    house: House,
) -> None:
    house.networks.kafka.delay_seconds = 0.1  # so that requests are inside when it comes
    gateway = house.role("gateway")
    await gateway.start()
    (kind,) = house.sales
    answers: Counter[int] = Counter()
    accepted: set[int] = set()
    senders = [
        asyncio.create_task(_send(kind, gateway.url, number, answers, accepted))
        for number in range(SENDERS)
    ]

    async def under_load() -> bool:
        return answers[202] > 3 * SENDERS

    await until(under_load, "requests are answered", every=0.02)
    await terminated(gateway)
    await asyncio.gather(*senders)
    house.networks.heal()
    assert answers.keys() <= {202, 503}
    log = await stored(house.environment["KAFKA__BROKERS"], kind)
    assert accepted <= {event["number"] for event in log.values()}


async def _send(
    kind: Sales, url: str, first: int, answers: Counter[int], accepted: set[int]
) -> None:
    """Send one event after another until nobody listens any more; each must have an answer."""
    async with aiohttp.ClientSession() as http:
        with suppress(aiohttp.ClientConnectorError):
            for number in range(first, 1_000_000, SENDERS):
                event = kind.made(number)
                async with http.post(f"{url}/v1/events/{kind.event}", json=event) as answer:
                    answers[answer.status] += 1
                    if answer.status == 202:
                        accepted.add(number)


async def test_a_scheduler_told_to_end_in_mid_load_commits_it_and_frees_its_lock(
    each_house: House,
) -> None:
    house = each_house
    await asyncio.gather(house.role("gateway").start(), house.role("worker").start())
    load, loaded = load_for(house), 0
    for point in ("staged", "before_commit"):
        await load.send(400)
        scheduler = house.role("scheduler", crash_at=f"{point}:1:stop")
        await scheduler.start()
        await told_to_end_there(scheduler)
        assert await holder_of_the_lock(house) is None
        report = await house.audit()
        assert report["balanced"], report["findings"]
        assert report["totals"]["loaded"] > loaded
        loaded = report["totals"]["loaded"]
    await house.role("scheduler").start()
    await all_is_well(house, load)


async def test_a_scheduler_whose_warehouse_does_not_answer_ends_in_time_and_frees_its_lock(
    each_house: House,
) -> None:
    """Or, as DuckDB is a file, whose objects do not come."""
    house = each_house
    silent = house.networks.s3 if house.warehouse == "duckdb" else house.networks.snowflake
    await asyncio.gather(house.role("gateway").start(), house.role("worker").start())
    load = load_for(house)
    await load.send(400)
    scheduler = house.role("scheduler", crash_at="after_fence:1:stop", DRAIN_SECONDS="6")
    await scheduler.start()
    await frozen_there(scheduler)
    silent.stalled = True
    await told_to_end_there(scheduler)
    silent.heal()
    assert await holder_of_the_lock(house) is None
    assert "is rolled back" in log_of(scheduler)
    await house.role("scheduler").start()
    await all_is_well(house, load)


async def holder_of_the_lock(house: House) -> Any:
    async with Redis.from_url(house.servers.redis.url) as redis:
        return await redis.get(f"{house.name}-scheduler:load:{house.sales[0].table}")
