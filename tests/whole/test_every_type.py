"""The whole set of shipped event types in one gateway, one worker and one warehouse."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import duckdb
import orjson
import pytest

from app.contracts.compile import compile_contract
from app.contracts.load import load_contracts
from app.contracts.model import Contract
from app.contracts.sample import sample_events
from app.core.judge import Accepted, judge
from tests.faults.steady import terminated
from tests.faults.test_memory import PROMISED_BYTES, peak_bytes
from tests.house.house import House, opened_house, until
from tests.house.servers import Servers

TOPICS = Path(__file__).parents[2] / "topics"
PII_KEY = "a key for the tests"
EVENTS, AGAIN = 40, 15
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
async def house(servers: Servers, unique: str, tmp_path: Path) -> AsyncIterator[House]:
    environment = {"TOPICS_DIR": str(TOPICS), "PII_KEY": PII_KEY}
    async with opened_house(unique, tmp_path, servers, environment=environment) as made:
        yield made


def shipped() -> list[Contract]:
    """All of them but those whose days are sent in runs: test_reruns.py goes that way."""
    return [contract for contract in load_contracts(TOPICS).values() if not contract.day.runs]


def different(contract: Contract, seed: int, now: datetime) -> dict[bytes, int]:
    """Random events of the last minutes, no two with one composite key; and the rows of each."""
    kind = compile_contract(contract, PII_KEY.encode())
    start, minute = now - timedelta(minutes=2), timedelta(minutes=1)
    found: dict[bytes, int] = {}
    seen = set()
    for event in sample_events(contract, EVENTS, seed, start, minute):
        raw = orjson.dumps(event)
        verdict = judge(kind, raw, now)
        assert isinstance(verdict, Accepted), verdict
        key = tuple(str(verdict.row[name]) for name in contract.dedupe.by)
        if key not in seen:
            seen.add(key)
            found[raw] = len(verdict.rows)
    return found


@pytest.mark.timeout(600)
async def test_all_shipped_types_go_the_whole_way_in_one_worker_below_200_mb(
    house: House,
) -> None:
    contracts = shipped()
    now = datetime.now(UTC)
    expected: dict[str, int] = {}
    sent = 0
    gateway, worker = house.role("gateway"), house.role("worker")
    await asyncio.gather(gateway.start(), worker.start())
    async with aiohttp.ClientSession(gateway.url) as http:
        for number, contract in enumerate(contracts):
            rows = different(contract, number, now)
            events = list(rows)
            sent += len(events) + len(events[:AGAIN])
            expected[contract.table.name] = sum(rows.values())
            for part in (events, events[:AGAIN]):
                async with http.post(
                    f"/v1/events/{contract.event}", data=b"\n".join(part), headers=NDJSON
                ) as answer:
                    assert answer.status == 202, (contract.event, await answer.text())
    totals = await read_to_the_end(house)
    assert totals["received"] == sent
    peaks = {role.name: peak_bytes(role) for role in (gateway, worker)}
    await asyncio.gather(*map(terminated, (gateway, worker)))
    await house.forebay("load")
    report = await house.audit("--deep")
    assert report["balanced"], report["findings"]
    assert standing(house) == expected
    assert max(peaks.values()) < PROMISED_BYTES, peaks


async def read_to_the_end(house: House) -> dict[str, int]:
    """Wait until everything sent is sealed; the audit's totals then."""
    totals: dict[str, int] = {}

    async def sealed() -> bool:
        totals.update((await house.audit("--quick"))["totals"])
        return totals["lag"] == 0

    await until(sealed, "everything is sealed", 240, every=1)
    return totals


def standing(house: House) -> dict[str, int]:
    """Rows by table."""
    with duckdb.connect(house.environment["DUCKDB__PATH"], read_only=True) as database:
        tables = [contract.table.name for contract in shipped()]
        return {
            name: (database.execute(f"SELECT count(*) FROM {name}").fetchone() or (0,))[0]
            for name in tables
        }
