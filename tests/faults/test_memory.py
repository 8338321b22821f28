"""A spike of large events while S3 is slow: the largest seals go first, and memory stays bounded."""

import os
import random
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.local.role import LocalRole
from tests.faults.steady import all_is_well, load_for
from tests.faults.watching import metric
from tests.house.house import House, opened_house, until
from tests.house.sales import Sales
from tests.house.servers import Servers

MB = 1 << 20
PROMISED_BYTES = 200 * MB
DAYS = 5
NOTE_BYTES = 60_000
EVENTS = int(os.environ.get("SPIKE_EVENTS", "3000"))
NOTE = '  note: {type: string, max_length: 100000, pii: keep, about: "What was said at the till, at length."}\n'


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
    """Six types, half of them with large events."""
    sales: list[Sales] = [LongSales(f"long_{unique}_{n}", days=DAYS) for n in range(3)]
    sales += [Sales(f"short_{unique}_{n}", days=DAYS) for n in range(3)]
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
    house.environment["SEAL__MAX_AGE_SECONDS"] = "30"
    worker = house.role("worker")
    await worker.start()
    house.networks.s3.delay_seconds = 0.1  # for each 64 KB
    load = load_for(house, rate=100_000)
    await load.send(EVENTS, http=False)

    async def read() -> bool:
        return await metric(worker, "forebay_worker_events_total") >= load.events

    await until(read, "all is read", 120 * EVENTS / 1_000)
    for kind in house.sales:
        cut = await metric(worker, "forebay_worker_seals_total", event=kind.event, cut_by="memory")
        assert bool(cut) is isinstance(kind, LongSales), f"{kind.event}: {cut} cut by memory"
    house.networks.s3.heal()
    await house.role("scheduler").start()
    await all_is_well(house, load)
    assert worker.running, worker.last_lines()
    assert peak_bytes(worker) < PROMISED_BYTES
