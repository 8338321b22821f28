"""`forebay status` on a real stack whose parts are missing one after the other."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from app.commands.status import as_json_of
from app.contracts.load import load_contracts
from app.kafka import KafkaOptions, TopicSpec, ensure_topics
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.status.look import statuses
from tests.faults.steady import staged, terminated
from tests.house.house import House, opened_house, until
from tests.house.sales import CONTRACT, Sales
from tests.house.servers import Servers

pytestmark = pytest.mark.timeout(600)

SENT = 20


class Fresh(Sales):
    """Sales with an objective."""

    def __init__(self, event: str, freshness: str) -> None:
        super().__init__(event)
        self.contract = CONTRACT.replace("\nexamples:", f"freshness: {freshness}\n\nexamples:")


@pytest.fixture
async def house(servers: Servers, unique: str, tmp_path: Path) -> AsyncIterator[House]:
    sales = [
        Fresh(f"hasty_{unique}", "3s"),
        Fresh(f"patient_{unique}", "900h"),
        Sales(f"nobodys_{unique}"),
        Fresh(f"never_{unique}", "3s"),
    ]
    async with opened_house(unique, tmp_path, servers, sales=sales) as made:
        yield made


async def produce(house: House) -> None:
    """Events of all types but the one that never has any."""
    producer = AIOKafkaProducer(bootstrap_servers=house.environment["KAFKA__BROKERS"])
    await producer.start()
    try:
        for kind in house.sales[:-1]:
            for event in kind.several(range(SENT)):
                await producer.send_and_wait(
                    kind.topic, orjson.dumps(event), key=event["shop"].encode()
                )
    finally:
        await producer.stop()


async def status(house: House) -> dict[str, dict[str, Any]]:
    """By the first word of the type's name, in the order of the answer, as `--json` tells it.

    Asked in this process, for there is much to wait for.
    """
    contracts = load_contracts(house.folder / "topics")
    kafka = KafkaOptions(brokers=house.environment["KAFKA__BROKERS"])
    ledger = await open_ledger(LedgerOptions(url=house.environment["LEDGER__URL"]))
    try:
        found = await statuses(kafka, house.name, ledger, list(contracts.values()))
    finally:
        await ledger.close()
    return {one.seen.event.partition("_")[0]: as_json_of(one) for one in found}


async def says(house: House, verdict: str, why: str) -> dict[str, dict[str, Any]]:
    """Wait until the hasty type has this verdict, and see that the others have theirs."""
    found: dict[str, dict[str, Any]] = {}

    async def it_says() -> bool:
        found.clear()
        found.update(await status(house))
        return bool(found["hasty"]["verdict"] == verdict)

    await until(it_says, f"hasty is {verdict}")
    assert next(iter(found)) == "hasty"
    assert found["hasty"]["behind"] is True
    assert why in found["hasty"]["why"]
    others = {name: (one["verdict"], one["behind"]) for name, one in found.items()}
    del others["hasty"]
    assert others == {
        "patient": ("ok", False),
        "nobodys": ("no objective", False),
        "never": ("ok", False),
    }
    return found


async def test_each_part_that_is_missing_is_named_until_only_the_sender_is(house: House) -> None:
    kafka = KafkaOptions(brokers=house.environment["KAFKA__BROKERS"])
    await ensure_topics(kafka, {kind.topic: TopicSpec(2) for kind in house.sales})
    await produce(house)
    found = await says(house, "not consumed", "no worker reads")
    assert "20 unread" in found["hasty"]["why"]
    assert found["nobodys"]["unread"]["records"] == SENT

    lazy = house.role("worker", SEAL__MAX_AGE_SECONDS="3600")
    await lazy.start()
    await staged(lazy, SENT * 3)
    await says(house, "not sealed", "a worker has it, and sealed last never")

    await terminated(lazy)  # it seals at its end
    found = await says(house, "not loaded", "nothing was ever loaded")
    assert found["hasty"]["unread"]["records"] == 0
    assert found["nobodys"]["unloaded"]["days"] == 3

    await produce(house)
    await house.role("scheduler").start()
    found = await says(house, "not consumed", "no worker reads")
    assert found["hasty"]["unread"]["sealed_at"] is not None

    await house.role("worker").start()
    found = await says(house, "not arriving", "ask who sends it")
    assert found["hasty"]["behind_seconds"] is None

    code, out, _ = await house.command("status", "--behind")
    assert code == 1
    assert f"hasty_{house.name}: not arriving: " in out
    assert f"patient_{house.name}" not in out
    assert "1 of 4 event types are behind." in out
    code, out, _ = await house.command("status", "--json", "--type", f"patient_{house.name}")
    assert code == 0
    assert json.loads(out)[0]["verdict"] == "ok"
