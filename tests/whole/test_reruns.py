"""Declared runs, all the way: a day is sent again and again, and what stands is one whole run."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaProducer

from app.local.role import LocalRole
from tests.faults.steady import sealed, terminated
from tests.house.house import House, opened_house, until
from tests.house.sales import CONTRACT, Sales
from tests.house.servers import Servers
from tests.house.verdict import numbers_in

pytestmark = pytest.mark.timeout(900)
BATCH = 50


class Reports(Sales):
    """Sales of one day, which is sent whole."""

    contract = CONTRACT.replace("early_minutes: 60}}", "early_minutes: 60, runs: true}}").replace(
        "size: {size}", "size: medium"
    )


@pytest.fixture(params=["embedded", "production"])
async def house(
    servers: Servers, unique: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[House]:
    sales = [Reports(f"report_{unique}", days=1)]
    kinds: dict[str, Any] = (
        {} if request.param == "embedded" else {"ledger": "mongo", "warehouse": "snowflake"}
    )
    async with opened_house(unique, tmp_path, servers, sales=sales, **kinds) as made:
        yield made


class App:
    """Recomputes a day, and sends it."""

    def __init__(self, house: House, gateway: LocalRole, http: aiohttp.ClientSession) -> None:
        (self.kind,) = house.sales
        self.house, self._url, self._http = house, gateway.url, http
        self.day = self.kind.made(0)["occurred_at"][:10]

    async def post(self, path: str, body: Any, run: str = "") -> tuple[int, Any]:
        headers = {"X-Forebay-Run": run} if run else {}
        async with self._http.post(self._url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def open(self) -> str:
        status, run = await self.post("/v1/runs", {"type": self.kind.event, "day": self.day})
        assert status == 201, run
        found: str = run["id"]
        return found

    async def send(self, run: str, numbers: Sequence[int]) -> None:
        for start in range(0, len(numbers), BATCH):
            batch = self.kind.several(numbers[start : start + BATCH])
            status, said = await self.post(f"/v1/events/{self.kind.event}", batch, run)
            assert status == 202, said

    async def straight(self, run: str, numbers: Sequence[int]) -> None:
        """Past the gateway, as a producer that knows of runs."""
        producer = AIOKafkaProducer(bootstrap_servers=self.house.environment["KAFKA__BROKERS"])
        await producer.start()
        try:
            for event in self.kind.several(numbers):
                await producer.send_and_wait(
                    self.kind.topic, orjson.dumps(event), key=event["shop"].encode(),
                    headers=[("forebay-run", run.encode())],
                )  # fmt: skip
        finally:
            await producer.stop()

    async def close(self, run: str, expected: int) -> None:
        status, said = await self.post(f"/v1/runs/{run}/close", {"expected": expected})
        assert status == 200, said

    async def state(self, run: str) -> tuple[str, int | None]:
        async with self._http.get(f"{self._url}/v1/runs/{run}") as answer:
            found = await answer.json()
        return found["state"], found["counted"]

    async def shown(self) -> list[int]:
        return sorted(await asyncio.to_thread(numbers_in, self.house, self.kind))

    async def until_shown(self, numbers: Sequence[int]) -> None:
        async def so() -> bool:
            try:
                return await self.shown() == sorted(numbers)
            except Exception:  # there is no table yet, or the file is being written
                return False

        await until(so, f"{len(numbers)} rows are shown", 180, every=1)


async def test_of_a_day_the_last_complete_run_is_shown_and_never_a_part_of_one(
    house: House,
) -> None:
    gateway = house.role("gateway", GATEWAY__RUNS="true")
    worker, scheduler = house.role("worker"), house.role("scheduler")
    await asyncio.gather(gateway.start(), worker.start(), scheduler.start())
    async with aiohttp.ClientSession() as http:
        app = App(house, gateway, http)
        # Two at once, over all partitions, with copies.
        first, second = await app.open(), await app.open()
        await asyncio.gather(
            app.send(first, range(0, 200)), app.send(second, range(100, 350)),
        )  # fmt: skip
        await app.send(first, range(0, 60))
        await app.close(first, 200)
        await app.until_shown(range(0, 200))
        # The second lacks some, and its count is wrong: the first stays.
        await app.close(second, 260)
        await house.settled()
        assert await app.shown() == list(range(0, 200))
        assert await app.state(second) == ("closed", 250)
        # What is still to come makes it complete; the worker dies on the way.
        worker.kill()
        await app.straight(second, range(345, 360))
        await worker.start()
        await app.until_shown(range(100, 360))
        assert (await app.state(second))[0] == "complete"
        assert (await app.state(first))[0] == "superseded"
        # A third that is never closed, and one that is given up.
        third, fourth = await app.open(), await app.open()
        await app.send(third, range(500, 540))
        await app.send(fourth, range(600, 620))
        assert (await app.post(f"/v1/runs/{fourth}/abandon", {}))[0] == 200
        refused, said = await app.post(
            f"/v1/events/{app.kind.event}", app.kind.several([1]), second
        )
        assert (refused, said["error"]) == (409, "run_not_open")
        lone, said = await app.post(f"/v1/events/{app.kind.event}", app.kind.several([1]))
        assert (lone, said["results"][0]["reason"]) == (422, "run")
        await sealed(worker, 1)
        await house.settled()
        assert [(await app.state(run))[0] for run in (first, second, third, fourth)] == [
            "superseded", "complete", "open", "abandoned"
        ]  # fmt: skip
    await asyncio.gather(*map(terminated, (gateway, worker, scheduler)))
    # Loaded again: the same rows.
    await house.forebay("load", "--type", app.kind.event, "--from", app.day)
    assert await app.shown() == list(range(100, 360))
    report = await house.audit("--deep")
    assert report["balanced"], report["findings"]
    totals = report["totals"]
    assert totals["loaded"] == 260
    assert totals["hidden"] == 200 + 40 + 20
    assert totals["duplicates"] == 60 + 5
    assert (totals["dead"], totals["residual"]) == (1, 0)
    assert json.dumps(report["notes"]).count("not shown") == 1
    hidden = await house.forebay(
        "trace", "--event", app.kind.event, "--key", app.kind.made(510)["event_id"], codes=(0, 1)
    )
    assert hidden["outcome"] == "not shown"
    assert f"run {third} (open)" in hidden["said"]
