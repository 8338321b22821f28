"""What each page of the console costs on 100 types × 90 days: `python -m tests.console.speed`.

Cold: nothing is kept from before; warm: within the seconds of `Answers`. The server's time is by
the clock, as it tells in `Server-Timing`; CPU time is the process's, our own client being in it.
"""

import asyncio
import re
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import aiohttp
import psutil

from app.console.answers import Answers
from app.console.data import KEPT_SECONDS, Stores
from app.console.kinds import Kinds
from app.console.options import ConsoleOptions
from app.console.routes import opened_console
from app.contracts.load import load_contracts
from app.health import Readiness, health_server
from app.kafka import KafkaOptions
from app.ledger.options import LedgerOptions
from app.ledger.sqlite import SQLiteLedger
from sinks.memory import MemoryObjectStore, MemoryWarehouse
from tests.console.desk import NOWHERE
from tests.console.filled import fill
from tests.contracts.topic_files import changed, write

TYPES, DAYS, SEALS_PER_DAY, TIMES = 100, 90, 12, 5
PAGES = ("", "?days=7", "?days=30", "?days=90", "/freshness", "/loads", "/dead-letters",
         "/dead-letters?days=90", "/types/parcel_004", "/find", "/catalogue",
         "/catalogue/parcel_004")  # fmt: skip


def topics(folder: Path) -> Path:
    """A hundred types that differ in their names."""
    names = [f"parcel_{number:03}" for number in range(TYPES)]
    return write(
        folder,
        {
            f"{name}.yaml": changed(
                ("event: parcel_scanned", f"event: {name}"),
                ("RAW.PARCEL_SCANNED", f"RAW.{name.upper()}"),
            )
            for name in names
        },
    )


async def main(file: Path) -> None:
    """Fill `file` unless it is there, and ask for each page."""
    process = psutil.Process()
    contracts = load_contracts(topics(file.parent / "topics"))
    kinds = Kinds(contracts)
    ledger = SQLiteLedger.at(LedgerOptions(url=f"sqlite:///{file}"))
    if not await asyncio.to_thread(file.exists):
        began = perf_counter()
        await fill(ledger, kinds.tables, days=DAYS, per_day=SEALS_PER_DAY)
        say(f"filled in {perf_counter() - began:.0f} s")
    objects = MemoryObjectStore()
    stores = Stores(ledger, objects, MemoryWarehouse(objects), KafkaOptions(brokers=NOWHERE), "w")
    async with AsyncExitStack() as stack:
        console = await stack.enter_async_context(opened_console(kinds, stores, ConsoleOptions()))
        port = await stack.enter_async_context(
            health_server(Readiness(), "console", "127.0.0.1", 0, console.routes)
        )
        http = await stack.enter_async_context(aiohttp.ClientSession())
        say(f"{'page':28}{'cold ms':>9}{'CPU':>7}{'warm ms':>9}{'CPU':>7}{'KB':>7}   RSS MB")
        for path in PAGES:
            cold, warm, size = [], [], 0
            for _ in range(TIMES):
                console.data.answers = Answers(KEPT_SECONDS)
                for times in (cold, warm):
                    before = process_time()
                    async with http.get(f"http://127.0.0.1:{port}/console{path}") as answer:
                        size = len(await answer.read())
                        told = re.search(r"dur=([\d.]+)", answer.headers["Server-Timing"])
                        assert told is not None
                        times.append((float(told[1]), (process_time() - before) * 1e3))
            rss = process.memory_info().rss / 1e6
            figures = "".join(
                f"{median(one[0] for one in times):9.0f}{median(one[1] for one in times):7.0f}"
                for times in (cold, warm)
            )
            say(f"{path or '/':28}{figures}{size / 1e3:7.0f}{rss:9.0f}")
    await ledger.close()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    asyncio.run(main(folder / "ledger.db"))
