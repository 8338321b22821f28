"""How much of everything an installation needs, from events a second: `python docker/scale.py`.

The costs of an event are measured (tests/bench/results.json; a test compares them), with a margin.
What Kafka, MongoDB, S3 and Snowflake bear is not ours to measure: those are assumptions, and stand
here by name. `--write` puts the table into SCALE.md.
"""

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).with_name("SCALE.md")
BEGIN, END = "<!-- made by docker/scale.py --write -->\n", "<!-- end -->\n"
DAY = 86_400

GATEWAY_US, GATEWAY_SINGLE_US = 60.0, 850.0
"""CPU time of a gateway for an event in a batch of 100, and for one sent alone."""
WORKER_US = 68.0
"""CPU time of a worker for an event, with 60 types of 6 partitions."""
RECOVERY_KEYS = 200_000
"""Keys a second that a worker reads back from Kafka when its disk is lost."""
SEAL_SECONDS, SEAL_BYTES, PART_BYTES = 60.0, 64 << 20, 5 << 20
"""A seal's age and size (SEAL__…), and a part of an upload (S3__PART_BYTES)."""

BUSY = 0.6
"""Assumed: how much of a core is planned with; the rest is for peaks and for a lost zone."""
GZIP = 8.0
"""Assumed: how much smaller rows become."""
PARTITION_BYTES = 10e6
"""Assumed: what a partition takes in a second, at ease."""
LOADED_PER_CREDIT = 300e9
"""Assumed: bytes of rows that one Snowflake credit copies and replaces."""


class Load(NamedTuple):
    """What comes in. `partitions` of each type, `types` of them, even; `load_minutes` as in
    `load.every`; `batched` is the share of events that come in batches of 100."""

    events: float
    bytes: float = 600.0
    types: int = 20
    partitions: int = 24
    load_minutes: float = 15.0
    remember_days: float = 3.0
    batched: float = 1.0


class Need(NamedTuple):
    """What that takes. Bytes and numbers are of a second or a day, as they say."""

    gateways: int
    workers: int
    partitions_at_least: int
    kafka_bytes: float
    objects_day: float
    requests_day: float
    ledger_day: float
    copied_bytes_day: float
    credits_day: float
    keys_a_worker: float
    recovery_hours: float


def need(load: Load) -> Need:
    """The arithmetic; SCALE.md says it in words."""
    gateway_us = load.batched * GATEWAY_US + (1 - load.batched) * GATEWAY_SINGLE_US
    gateways = _pods(load.events, gateway_us)
    workers = _pods(load.events, WORKER_US)
    rate = load.events * load.bytes
    seals = seals_a_day(load, workers)
    packed = rate * DAY / seals / GZIP  # bytes of an object
    requests = 1.0 if packed < PART_BYTES else math.ceil(packed / PART_BYTES) + 2.0
    loads = max(1.0, 1440 / load.load_minutes)
    copied = rate * DAY * (loads + 1) / 2  # each load takes the day as far as it is
    keys = load.events * DAY * load.remember_days / workers
    return Need(
        gateways=gateways,
        workers=workers,
        partitions_at_least=max(workers, math.ceil(rate / load.types / PARTITION_BYTES)),
        kafka_bytes=rate,
        objects_day=seals,
        requests_day=seals * requests,
        ledger_day=seals * 2 + loads * load.types,
        copied_bytes_day=copied,
        credits_day=copied / LOADED_PER_CREDIT,
        keys_a_worker=keys,
        recovery_hours=keys / RECOVERY_KEYS / 3600,
    )


def seals_a_day(load: Load, workers: int) -> float:
    """Of all types: each worker that has a type's partitions seals it by age or by size. At most:
    what waits for memory or is small is put together."""
    having = min(workers, load.partitions)
    by_size = load.events * load.bytes * DAY / load.types / SEAL_BYTES
    by_age = having * DAY / SEAL_SECONDS
    return load.types * max(by_age, by_size)


def _pods(events: float, us: float) -> int:
    return max(2, math.ceil(events * us / 1e6 / BUSY))


EXAMPLES: Mapping[str, Load] = {
    "1,000/s": Load(1_000, types=60, partitions=2),
    "50,000/s": Load(50_000, types=60, partitions=24),
    "1 million/s": Load(1e6, partitions=120),
    "1 million/s, loaded hourly": Load(1e6, partitions=120, load_minutes=60),
    "1 million/s, loaded daily": Load(1e6, partitions=120, load_minutes=1440),
}


def table() -> str:
    """The examples, side by side, in Markdown."""
    rows = {name: need(load) for name, load in EXAMPLES.items()}
    lines = ["| | " + " | ".join(rows) + " |", "|---|" + "--:|" * len(rows)]
    for index, (what, shown) in enumerate(SHOWN.items()):
        values = (shown.format(one[index] / SCALES.get(what, 1)) for one in rows.values())
        lines.append(f"| {what} | " + " | ".join(values) + " |")
    return "\n".join(lines) + "\n"


SHOWN = {
    "gateways (one core each)": "{:,.0f}",
    "workers (one core each)": "{:,.0f}",
    "partitions of a type, at least": "{:,.0f}",
    "into Kafka, MB/s (before replication)": "{:,.1f}",
    "objects a day, thousands": "{:,.0f}",
    "S3 requests a day, thousands": "{:,.0f}",
    "ledger writes a day, thousands": "{:,.0f}",
    "copied by loads a day, TB": "{:,.1f}",
    "Snowflake credits a day": "{:,.0f}",
    "keys a worker remembers, millions": "{:,.0f}",
    "hours to read them back": "{:,.1f}",
}
SCALES = {
    "into Kafka, MB/s (before replication)": 1e6, "objects a day, thousands": 1e3,
    "S3 requests a day, thousands": 1e3, "ledger writes a day, thousands": 1e3,
    "copied by loads a day, TB": 1e12, "keys a worker remembers, millions": 1e6,
}  # fmt: skip


def renewed(text: str) -> str:
    """The page with the table of now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(renewed(PAGE.read_text("utf-8")), "utf-8")
    else:
        sys.stdout.write(table())
