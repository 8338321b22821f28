"""A spike of large events while S3 is slow: the largest seals go first, memory stays bounded."""

import os
import random
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.local.role import LocalRole
from tests.faults.steady import load_for, terminated
from tests.faults.watching import metric
from tests.house.house import House, opened_house, until
from tests.house.sales import Sales
from tests.house.servers import Servers

MB = 1 << 20
PROMISED_BYTES = 200 * MB
DAYS = 5
NOTE_BYTES = 60_000
EVENTS = int(os.environ.get("SPIKE_EVENTS", "1500"))
NOTE = '  note: {type: string, max_length: 100000, pii: keep, about: "What was said there."}\n'


class LongSales(Sales):
    """Sales with a note that hardly compresses."""

    def write(self, folder: Path) -> None:
        super().write(folder)
        file = folder / f"{self.event}.yaml"
        text = file.read_text().replace("\nkafka:", NOTE + "\nkafka:", 1)
        file.write_text(text.replace("number: 1}", 'number: 1, note: "."}'))

    def made(self, number: int) -> dict[str, Any]:
        note = b64encode(random.Random(number).randbytes(NOTE_BYTES * 3 // 4))
        return {**super().made(number), "note": note.decode()}


@pytest.fixture
async def wide_house(servers: Servers, unique: str, tmp_path: Path) -> AsyncIterator[House]:
    """Six types, most of them with large events."""
    sales: list[Sales] = [LongSales(f"long_{unique}_{n}", days=DAYS) for n in range(4)]
    sales += [Sales(f"short_{unique}_{n}", days=DAYS) for n in range(2)]
    async with opened_house(unique, tmp_path, servers, sales=sales) as made:
        yield made


def peak_bytes(role: LocalRole) -> int:
    """The most resident memory that the process ever had."""
    status = Path(f"/proc/{role.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) << 10


async def test_a_spike_of_large_events_seals_the_largest_first_and_stays_within_memory(
    wide_house: House,
) -> None:
    house = wide_house
    house.environment["SEAL__MAX_AGE_SECONDS"] = "600"
    worker = house.role("worker")
    await worker.start()
    house.networks.s3.delay_seconds = 0.1  # for each 64 KB
    load = load_for(house, rate=100_000, again=0, bad=0)
    await load.send(EVENTS, http=False)

    async def read() -> bool:
        return await metric(worker, "forebay_worker_events_total") >= load.events

    await until(read, "all is read", 120 * EVENTS / 1_000)
    house.networks.s3.heal()

    async def cut_by_memory(kind: Sales) -> float:
        name = "forebay_worker_seals_total"
        return await metric(worker, name, event=kind.event, cut_by="memory")

    async def some() -> bool:
        return any([await cut_by_memory(kind) for kind in house.sales])

    await until(some, "seals were cut because memory was short")
    assert {type(kind) for kind in house.sales if await cut_by_memory(kind)} == {LongSales}
    assert peak_bytes(worker) < PROMISED_BYTES
    await terminated(worker)
    report = await house.audit()
    assert report["balanced"], report["findings"]
    assert report["totals"]["lag"] == 0
    assert report["totals"]["staged"] == load.events
