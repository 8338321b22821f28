"""Each role serves each metric that is declared for it, and no label that is not bounded."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.contracts.load import load_contracts
from app.local.role import LocalRole
from app.metrics import ALL
from tests.faults.steady import terminated
from tests.house.house import House, opened_house, until
from tests.house.sales import CONTRACT, Sales
from tests.house.servers import Servers

GATEWAY = Path(__file__).parents[2] / "app/gateway"
SHOWN_ELSEWHERE: set[str] = set()
FIELDS = """
  old: {{type: string, max_length: 9, pii: keep, optional: true, deprecated: 2020-01-01,
         about: Was of use once.}}
  shop: """


class Seen(Sales):
    contract = CONTRACT.replace("\n  shop: ", FIELDS).replace(
        "number: {{type: integer,", "number: {{type: integer, lenient: true,"
    ).replace("\nexamples:", "freshness: 2s\n\nexamples:")  # fmt: skip


@pytest.fixture
async def house(servers: Servers, unique: str, tmp_path: Path) -> AsyncIterator[House]:
    sales = [Seen(f"seen_{unique}")]
    async with opened_house(unique, tmp_path, servers, sales=sales) as made:
        yield made


async def test_each_role_serves_each_of_its_metrics_with_bounded_labels(house: House) -> None:
    (kind,) = house.sales
    own = {"SCHEDULER__LOOK_SECONDS": "0.5"}
    roles = [house.role(name, **own) for name in ("gateway", "worker", "scheduler")]
    gateway, worker, scheduler = roles
    await asyncio.gather(gateway.start(), scheduler.start())
    await drive(gateway, kind)

    async def it_is_behind() -> bool:
        return "forebay_scheduler_behind{" in await text_of(scheduler)

    await until(it_is_behind, "the scheduler says who is behind")
    shown = samples(await text_of(scheduler))
    await worker.start()
    await house.settled()
    for role in roles:
        shown += samples(await text_of(role))
    await asyncio.gather(*map(terminated, roles))
    served = {name for name, _ in shown}
    assert set(ALL) - served == SHOWN_ELSEWHERE
    allowed = bounds_of(house)
    for name, labels in shown:
        assert labels.keys() == ALL[name].labels.keys()
        for label, value in labels.items():
            known = set(ALL[name].labels[label].values) or allowed[label]
            assert value in known, (name, label, value)


async def drive(gateway: LocalRole, kind: Sales) -> None:
    """Good, coerced, deprecated, doubled, bad, unknown and refused."""
    good = [kind.made(number) for number in range(20)]
    good[3] |= {"number": "3", "old": "x"}
    strange = f"nobody_{kind.event}"
    async with aiohttp.ClientSession(gateway.url) as http:
        for path, body in (
            (kind.event, good),
            (kind.event, good[:5]),
            (kind.event, [kind.made(21) | {"number": -1}, {}]),
            (strange, good[:1]),
        ):
            async with http.post(f"/v1/events/{path}", json=body) as answer:
                assert answer.status < 500
        headers = {"content-type": f"text/{strange}", "X-Request-Id": strange}
        async with http.post(f"/v1/events/{kind.event}", data=b"<x>", headers=headers) as answer:
            assert answer.status == 415


async def text_of(role: LocalRole) -> str:
    async with aiohttp.ClientSession() as http, http.get(f"{role.url}/metrics") as answer:
        return await answer.text()


def samples(text: str) -> list[tuple[str, dict[str, str]]]:
    """Name and labels of each of our series; a histogram's without `le`."""
    return [
        (
            f"{family.name}_total" if family.type == "counter" else family.name,
            {label: value for label, value in sample.labels.items() if label != "le"},
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if family.name.startswith("forebay_") and not sample.name.endswith("_created")
    ]


def bounds_of(house: House) -> dict[str, set[str]]:
    """What is allowed where a declaration can not list it."""
    contracts: dict[str, Any] = dict(load_contracts(house.folder / "topics"))
    code = "\n".join(path.read_text() for path in GATEWAY.glob("*.py"))
    return {
        "event": {*contracts, "unknown", "others"},
        "field": {name for contract in contracts.values() for name in contract.fields},
        "partition": {"0", "1"},
        "reason": set(re.findall(r'Refusal\(\s*\d+,\s*"(\w+)"', code)),
    }
