"""A worker as a process of its own: `python -m tests.worker.process '<json>'`."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from app.core.errors import ForebayError
from app.health import Readiness
from app.kafka import KafkaOptions, TopicSpec
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.logs import set_up_logs
from app.worker.options import SealOptions, WorkerOptions
from app.worker.role import worker
from tests.worker.folder_store import FolderStore
from tests.worker.kinds import kind


async def live(config: dict[str, Any]) -> None:
    """Be a worker until SIGTERM or its own death."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    kinds = {name: kind(name) for name in config["partitions"]}
    ledger = await open_ledger(LedgerOptions(url=config["ledger"]))
    objects = FolderStore(Path(config["objects"]), hangs=config["hangs"])
    async with worker(
        WorkerOptions(**config["worker"]),
        SealOptions(**config["seal"]),
        KafkaOptions(brokers=config["brokers"]),
        kinds,
        {kinds[name].topic: TopicSpec(number) for name, number in config["partitions"].items()},
        "sha-of-the-tests",
        ledger,
        objects,
        Readiness(),
        config["drain_seconds"],
    ) as running:
        failed, asked = running.failed, asyncio.create_task(stop.wait())
        await asyncio.wait({failed, asked}, return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            failed.result()
    await ledger.close()


def main() -> None:
    config = json.loads(sys.argv[1])
    set_up_logs("DEBUG", "json")
    try:
        asyncio.run(live(config))
    except ForebayError as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
