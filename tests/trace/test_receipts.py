"""Receipts over HTTP, on a real stack: they say what `forebay trace` says."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from app.local.role import LocalRole
from tests.faults.steady import staged, terminated
from tests.house.house import House, opened_house, until
from tests.house.servers import Servers
from tests.trace.test_trace import key

pytestmark = pytest.mark.timeout(600)
ROW, BAD, WAITING, NEVER = range(4)


async def receipt(gateway: LocalRole, house: House, words: str) -> tuple[int, dict[str, Any]]:
    path = f"{gateway.url}/v1/events/{house.sales[0].event}/{words}"
    async with aiohttp.ClientSession() as http, http.get(path) as answer:
        return answer.status, await answer.json()


async def post(gateway: LocalRole, house: House, *events: dict[str, Any]) -> None:
    path = f"{gateway.url}/v1/events/{house.sales[0].event}"
    async with aiohttp.ClientSession() as http, http.post(path, json=list(events)) as answer:
        assert answer.status in (202, 207, 422), await answer.text()


@pytest.mark.parametrize("ledger", ["sqlite", "mongo"])
async def test_a_gateway_tells_where_an_event_is(
    servers: Servers, unique: str, tmp_path: Any, ledger: Any
) -> None:
    async with opened_house(unique, tmp_path, servers, ledger=ledger) as house:
        (kind,) = house.sales
        gateway = house.role("gateway", GATEWAY__RECEIPTS="true")
        silent = house.role("gateway", 2)
        worker, scheduler = house.role("worker"), house.role("scheduler")
        await asyncio.gather(*(role.start() for role in (gateway, silent, worker, scheduler)))
        await post(gateway, house, kind.made(ROW), kind.made(BAD) | {"number": -1})
        await staged(worker, 1)
        await until(lambda: settled(house), "the row stands")
        await terminated(worker)
        await post(gateway, house, kind.made(WAITING))
        seen = {n: await receipt(gateway, house, key(n)) for n in (ROW, BAD, WAITING, NEVER)}
        named = await receipt(gateway, house, f"event_id={key(ROW)}")
        bad_key = await receipt(gateway, house, "nonsense")
        off = await receipt(silent, house, key(ROW))
        told = await house.forebay("trace", "--event", kind.event, "--key", key(ROW))
        await terminated(gateway)
    outcomes = {n: (status, found["outcome"]) for n, (status, found) in seen.items()}
    assert outcomes == {
        ROW: (200, "row"), BAD: (200, "dead letter"), WAITING: (200, "unread"),
        NEVER: (404, "unknown"),
    }  # fmt: skip
    assert json.loads(json.dumps(told)) == seen[ROW][1] == named[1]
    assert (bad_key[0], bad_key[1]["error"]) == (400, "bad_key")
    assert (off[0], off[1]["error"]) == (503, "receipts_off")
    text = json.dumps(list(seen.values()))
    assert not [shop for shop in ("north", "east", "south", "west") if f'"{shop}"' in text]


async def settled(house: House) -> bool:
    days = await house.forebay("days")
    return bool(days) and all(not day["waiting"] for day in days) and any(d["loaded"] for d in days)
