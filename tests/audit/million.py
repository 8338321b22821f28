"""A world of a million events, made quickly: three types, five days, four partitions each, in real
objects on a real S3, loaded into DuckDB by the real loader.

`AUDIT_EVENTS` makes it smaller or larger, `AUDIT_PER_SEAL` its seals.
"""

import asyncio
import os
import random
import shutil
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import aioboto3
from ulid import ULID

from app.audit import AuditReport, LogEnds, audit
from app.core.seal import DayCounts, ObjectKind, Range, Seal, StoredObject
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import ChainStart, Incident, Ledger
from app.scheduler.replace import replace_all
from sinks.duckdb.options import DuckDBOptions
from sinks.duckdb.warehouse import DuckDBWarehouse
from sinks.protocol import ObjectStore
from sinks.s3.options import S3Options
from sinks.s3.store import S3ObjectStore
from tests.audit.world import table_of, topic_of, tp_of

EVENTS = int(os.environ.get("AUDIT_EVENTS", 1_000_000))
TYPES = ("order_placed", "page_seen", "parcel_sent")
PARTITIONS = 4
DAYS = [date(2026, 3, 1) + timedelta(days=n) for n in range(5)]
PER_SEAL = int(os.environ.get("AUDIT_PER_SEAL", 5_000))
LOST = 40
"""Offsets of an incident in the middle of the first type's first chain."""
UPLOADS_AT_ONCE = 16


@dataclass
class Million:
    """A closed world: its folder with ledger, warehouse and memory, and its objects' prefix."""

    folder: Path
    s3: S3Options
    seals: Sequence[Seal]
    logs: dict[str, LogEnds]
    incident: Incident


@dataclass
class Draft:
    """One seal: `PER_SEAL` records of two partitions, of which some are late, copies or dead."""

    event: str
    number: int
    firsts: Mapping[int, int]
    lines: dict[tuple[ObjectKind, date], list[str]] = field(default_factory=dict)
    duplicates: dict[date, int] = field(default_factory=dict)

    def make(self) -> None:
        at = self.sealed_at
        for partition, first in self.firsts.items():
            head = f'"_topic":"{topic_of(self.event)}","_partition":{partition},"_offset":'
            tail = f',"_received_at":"{at:%Y-%m-%dT%H:%M:%S}Z"}}\n'
            for offset in range(first, first + PER_SEAL // 2):
                self._take(partition, offset, head, tail)

    def _take(self, partition: int, offset: int, head: str, tail: str) -> None:
        day = self.day - timedelta(days=1) if offset % 101 == 7 and self.day > DAYS[0] else self.day
        if offset % 211 == 5:
            self.duplicates[day] = self.duplicates.get(day, 0) + 1
            return
        if offset % 499 == 3:
            place = f'"topic":"{topic_of(self.event)}","partition":{partition},"offset":{offset}'
            dead = f'{{{place},"received_at":"{self.sealed_at:%Y-%m-%dT%H:%M:%S}Z"}}\n'
            self.lines.setdefault((ObjectKind.DEAD, self.day), []).append(dead)
            return
        # Of the first type, a few keys come twice, so that the load has something to collapse.
        same = self.event == TYPES[0] and offset % 997 == 10
        name = f"{self.event}-{partition}-{offset - same}"
        row = f'{{"day":"{day}","event_id":"{name}",{head}{offset}{tail}'
        self.lines.setdefault((ObjectKind.ROWS, day), []).append(row)

    @property
    def sealed_at(self) -> datetime:
        """Seals are spread evenly over the days."""
        seconds = self.number * len(DAYS) * 86_400 // (EVENTS // PER_SEAL)
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=seconds)

    @property
    def day(self) -> date:
        return self.sealed_at.date()

    async def store(self, store: ObjectStore) -> Seal:
        self.make()
        name = str(ULID.from_datetime(self.sealed_at))
        stored = []
        for (kind, day), lines in self.lines.items():
            folder = "_dead/" if kind is ObjectKind.DEAD else ""
            key = f"{folder}{self.event}/v1/dt={day}/{name}.ndjson.gz"
            writer = store.writer(key)
            writer.append("".join(lines).encode())
            done = await writer.finish()
            size = (done.bytes, done.sha256, done.etag)
            stored.append(StoredObject(day, kind, key, len(lines), *size))
        counts = {
            day: DayCounts(
                len(self.lines.get((ObjectKind.ROWS, day), ())),
                self.duplicates.get(day, 0),
                len(self.lines.get((ObjectKind.DEAD, day), ())),
            )
            for day in sorted({day for _, day in self.lines} | set(self.duplicates))
        }
        dead = sum(one.dead for one in counts.values())
        half = PER_SEAL // 2
        ranges = tuple(
            Range(tp_of(self.event, p), first, first + half, half)
            for p, first in self.firsts.items()
        )
        return Seal(
            name, self.event, 1, "worker-1", self.sealed_at, "sha", ranges, tuple(stored), counts,
            {"schema": dead} if dead else {},
        )  # fmt: skip


def drafts(nexts: dict[str, int], lost: tuple[str, int]) -> Iterator[Draft]:
    """Seals of all types in turn; the worker of one of them holds half of its partitions."""
    tp_lost, after = lost
    for number in range(EVENTS // PER_SEAL):
        event = TYPES[number % len(TYPES)]
        pair = (0, 1) if number // len(TYPES) % 2 == 0 else (2, 3)
        firsts = {}
        for partition in pair:
            tp = tp_of(event, partition)
            firsts[partition] = nexts[tp]
            nexts[tp] += PER_SEAL // 2
            if tp == tp_lost and number // len(TYPES) == after:
                nexts[tp] += LOST
        yield Draft(event, number, firsts)


async def make_million(folder: Path, s3: S3Options) -> Million:
    """Seal, load, and audit once: nothing but the incident is found."""
    ledger = await open_ledger(LedgerOptions(url=f"sqlite:///{folder}/ledger.db"))
    store = S3ObjectStore(s3)
    nexts = {tp_of(event, p): 0 for event in TYPES for p in range(PARTITIONS)}
    await ledger.start_chains([ChainStart(e, tp_of(e, p), 0, "topic-1") for e in TYPES
                               for p in range(PARTITIONS)])  # fmt: skip
    tp, after = tp_of(TYPES[0], 0), EVENTS // PER_SEAL // len(TYPES) // 4 * 2
    seals: list[Seal] = []
    coming = drafts(nexts, (tp, after))
    while some := list(islice(coming, UPLOADS_AT_ONCE)):
        seals += await asyncio.gather(*(draft.store(store) for draft in some))
    incident = None
    for seal in seals:
        cursor = (await ledger.cursors([tp]))[tp].next
        first = {r.tp: r.first for r in seal.ranges}.get(tp, cursor)
        if first > cursor:
            lost = Range(tp, cursor, first, 0)
            name = str(ULID.from_datetime(seal.sealed_at - timedelta(seconds=1)))
            incident = Incident(name, TYPES[0], lost, "retention", seal.sealed_at, "topic-1")
            await ledger.record_incident(incident)
        await ledger.record(seal)
    assert incident is not None
    warehouse = DuckDBWarehouse(DuckDBOptions(path=folder / "warehouse.duckdb"), store)
    for event in TYPES:
        async for _ in replace_all(ledger, warehouse, table_of(event), max_days=2):
            pass
    await warehouse.close()
    await ledger.close()
    await store.close()
    logs = {name: LogEnds(0, end) for name, end in nexts.items()}
    return Million(folder, s3, seals, logs, incident)


async def one_more_seal(world: "Opened") -> None:
    """What a worker adds while nobody audits; it waits for its load."""
    million, event = world.million, TYPES[0]
    tps = {p: tp_of(event, p) for p in (0, 1)}
    firsts = {p: million.logs[tp].end for p, tp in tps.items()}
    draft = Draft(event, len(million.seals), firsts)
    seal = await draft.store(world.objects)
    await world.ledger.record(seal)
    million.logs |= {r.tp: LogEnds(0, r.next) for r in seal.ranges}
    million.seals = [*million.seals, seal]


@dataclass
class Opened:
    """A copy of the world, to be broken by hand; the objects are the original's."""

    folder: Path
    million: Million
    ledger: Ledger
    objects: S3ObjectStore
    warehouse: DuckDBWarehouse

    async def audit(
        self, *, deep: bool = False, quick: bool = False, memory: bool = True
    ) -> AuditReport:
        async def logs(
            topics: Collection[str], events: Collection[str] = ()
        ) -> Mapping[str, LogEnds]:
            return self.million.logs

        return await audit(
            self.ledger, logs, self.objects, self.warehouse,
            {event: table_of(event) for event in TYPES},
            {event: (topic_of(event), PARTITIONS) for event in TYPES},
            deep=deep, quick=quick, memory=self.folder / "audit.db" if memory else None,
            pause_seconds=0,
        )  # fmt: skip


@asynccontextmanager
async def opened(million: Million, folder: Path | None = None) -> AsyncIterator[Opened]:
    """In place, or as a copy in `folder`."""
    if folder is not None:
        for file in ("ledger.db", "warehouse.duckdb", "audit.db"):
            shutil.copy(million.folder / file, folder / file)
    folder = folder or million.folder
    ledger = await open_ledger(LedgerOptions(url=f"sqlite:///{folder}/ledger.db"))
    objects = S3ObjectStore(million.s3)
    warehouse = DuckDBWarehouse(DuckDBOptions(path=folder / "warehouse.duckdb"), objects)
    try:
        yield Opened(folder, million, ledger, objects, warehouse)
    finally:
        await warehouse.close()
        await objects.close()
        await ledger.close()


def some_random() -> random.Random:
    """Seeded; `AUDIT_SEED` chooses other victims."""
    return random.Random(os.environ.get("AUDIT_SEED", "4"))


@asynccontextmanager
async def bucket(options: S3Options) -> AsyncIterator["Bucket"]:
    """The store as somebody with a console sees it."""
    async with aioboto3.Session().client(
        "s3",
        endpoint_url=options.endpoint_url,
        region_name=options.region,
        aws_access_key_id=options.access_key_id,
        aws_secret_access_key=options.secret_access_key.get_secret_value(),
    ) as client:
        yield Bucket(client, options.bucket, options.prefix)


@dataclass
class Bucket:
    client: Any
    name: str
    prefix: str

    async def get(self, key: str) -> bytes:
        answer = await self.client.get_object(Bucket=self.name, Key=f"{self.prefix}/{key}")
        body: bytes = await answer["Body"].read()
        return body

    async def put(self, key: str, body: bytes) -> str:
        """Returns the ETag."""
        answer = await self.client.put_object(
            Bucket=self.name, Key=f"{self.prefix}/{key}", Body=body
        )
        return str(answer["ETag"]).strip('"')

    async def delete(self, key: str) -> None:
        await self.client.delete_object(Bucket=self.name, Key=f"{self.prefix}/{key}")
