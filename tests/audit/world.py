"""A small real world to audit: a SQLite ledger, objects in memory, a DuckDB file, and a mapping
for Kafka's logs. It is filled as a worker and a scheduler would, and then broken by hand."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import orjson

from app.audit import AuditReport, LogEnds, audit
from app.contracts.table import LINEAGE, Column, Table
from app.core.seal import DayCounts, ObjectKind, Range, Seal, StoredObject
from app.core.versions import event_of
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import ChainStart, DayLoad, Incident, Ledger
from sinks.duckdb.options import DuckDBOptions
from sinks.duckdb.warehouse import DuckDBWarehouse
from sinks.memory import MemoryObjectStore
from sinks.protocol import DayManifest

ORDER, PAGE = "order_placed", "page_seen"
EVENTS = (ORDER, PAGE)
DAY1, DAY2, DAY3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
PARTITIONS = 2


def table_of(event: str) -> Table:
    columns = (
        Column("day", "date", False, "Day."),
        Column("event_id", "string", False, "Name."),
        *LINEAGE,
    )
    return Table(event, f"RAW.{event.upper()}", "A table.", columns, ("event_id",), "first")


def topic_of(event: str) -> str:
    return f"events.{event}.v1"


def tp_of(event: str, partition: int) -> str:
    return f"{topic_of(event)}/{partition}"


@dataclass(frozen=True)
class Got:
    """One Kafka record and what became of it: `staged` (with its day and id), `duplicate`, `dead`,
    `filtered`, or a `marker`, which takes an offset and is no record. Of a type that explodes a
    list `rows` is how many it became."""

    fate: str
    day: date = DAY1
    name: str = ""
    rows: int | None = None


@dataclass
class World:
    folder: Path
    ledger: Ledger
    objects: MemoryObjectStore
    warehouse: DuckDBWarehouse
    logs: dict[str, LogEnds] = field(default_factory=dict)
    seals: list[Seal] = field(default_factory=list)
    topics: dict[str, tuple[str, int]] = field(
        default_factory=lambda: {event: (topic_of(event), PARTITIONS) for event in EVENTS}
    )
    tables: dict[str, Table] = field(
        default_factory=lambda: {event: table_of(event) for event in EVENTS}
    )

    async def seal(
        self, event: str, number: int, got: Mapping[int, Collection[Got]], shelf: str = "01SEAL"
    ) -> Seal:
        """Write a seal as a worker does; `got` are the records by partition, in order.

        Its id begins with `shelf`.
        """
        starts = [ChainStart(event, tp_of(event, p), 0, "topic-1") for p in got]
        cursors = await self.ledger.start_chains(starts)
        draft = Draft(event, f"{shelf}{number:04}{event.upper()[:4]}")
        for partition, records in got.items():
            draft.take(partition, cursors[tp_of(event, partition)].next, records)
        seal = await draft.finish(self.objects)
        await self.ledger.record(seal)
        self.seals.append(seal)
        for r in seal.ranges:
            self.logs[r.tp] = LogEnds(self.logs.get(r.tp, (0, 0))[0], r.next)
        return seal

    async def load(
        self, event: str, days: Collection[date] | None = None, *, recorded: bool = True
    ) -> None:
        """Replace the dirty days (or these) and record it, as the scheduler does if it lives."""
        chosen = days or [dirty.day for dirty in await self.ledger.dirty(event)]
        table, fence = self.tables[event], await self.ledger.next_fence(event)
        manifest = await self.ledger.manifest(event, sorted(chosen))
        await self.warehouse.prepare(table)
        loaded = await self.warehouse.replace(
            table,
            [DayManifest(m.day, m.seals, m.objects) for m in manifest],
            run=f"run-{fence}",
            fence=fence,
        )
        if not recorded:
            return
        await self.ledger.record_load(
            [
                DayLoad(event, table.name, d.day, d.run, d.fence, d.seals, d.staged, d.rows,
                        d.loaded_at)
                for d in loaded.values()
            ]
        )  # fmt: skip

    async def incident(self, event: str, partition: int, lost: int) -> None:
        tp = tp_of(event, partition)
        at = (await self.ledger.cursors([tp]))[tp].next
        span = Range(tp, at, at + lost, 0)
        await self.ledger.record_incident(
            Incident("01INCIDENT", event, span, "retention overtook the worker", NOON, "topic-1")
        )
        self.logs[tp] = LogEnds(at + lost, at + lost)

    @property
    def memory(self) -> Path:
        """Where an audit may remember what it read."""
        return self.folder / "audit.db"

    async def audit(
        self,
        *,
        deep: bool = False,
        quick: bool = False,
        memory: Path | None = None,
        ledger: Ledger | None = None,
    ) -> AuditReport:
        async def logs(
            topics: Collection[str], events: Collection[str] = ()
        ) -> Mapping[str, LogEnds]:
            return {
                tp: ends
                for tp, ends in self.logs.items()
                for topic in [tp.rsplit("/", 1)[0]]
                if topic in topics or event_of(topic) in events
            }

        report = await audit(
            ledger or self.ledger, logs, self.objects, self.warehouse, self.tables, self.topics,
            deep=deep, quick=quick, memory=memory, pause_seconds=0,
        )  # fmt: skip
        assert orjson.loads(orjson.dumps(report.as_json()))["balanced"] is report.balanced
        return report

    def sql_ledger(self, statement: str, *values: object) -> None:
        """Change the ledger behind its back; the statement must change something."""
        with sqlite3.connect(self.folder / "ledger.db") as db:
            assert db.execute(statement, values).rowcount > 0, statement
        db.close()

    def sql_warehouse(self, statement: str) -> None:
        with duckdb.connect(str(self.folder / "warehouse.duckdb")) as db:
            changed = db.execute(statement).fetchone()
        assert changed is not None, statement
        assert changed[0] > 0, statement


@dataclass
class Draft:
    """A seal under construction."""

    event: str
    id: str
    lines: dict[tuple[ObjectKind, date], list[bytes]] = field(default_factory=dict)
    days: dict[date, list[int]] = field(default_factory=dict)
    ranges: list[Range] = field(default_factory=list)

    def take(self, partition: int, first: int, records: Collection[Got]) -> None:
        for offset, got in enumerate(records, first):
            if got.fate != "marker":
                self._take(partition, offset, got)
        real = sum(got.fate != "marker" for got in records)
        self.ranges.append(Range(tp_of(self.event, partition), first, first + len(records), real))

    def _take(self, partition: int, offset: int, got: Got) -> None:
        counts = self.days.setdefault(got.day, [0, 0, 0, 0, 0])
        counts[("staged", "duplicate", "dead", "filtered").index(got.fate)] += 1
        at = datetime.combine(got.day, datetime.min.time(), UTC) + timedelta(hours=13)
        where = {"topic": topic_of(self.event), "partition": partition, "offset": offset,
                 "received_at": at.isoformat().replace("+00:00", "Z")}  # fmt: skip
        if got.fate == "staged":
            lineage = {f"_{name}": value for name, value in where.items()}
            row = {"day": got.day, "event_id": got.name or f"{partition}-{offset}"}
            for index in range(1 if got.rows is None else got.rows):
                line = {} if got.rows is None else {"line": index}
                self._write(ObjectKind.ROWS, got.day, row | line | lineage)
                counts[4] += 1
        elif got.fate == "dead":
            self._write(ObjectKind.DEAD, got.day, where | {"reason": "schema", "value": "e30="})

    def _write(self, kind: ObjectKind, day: date, line: Mapping[str, object]) -> None:
        self.lines.setdefault((kind, day), []).append(orjson.dumps(line) + b"\n")

    async def finish(self, store: MemoryObjectStore) -> Seal:
        stored = []
        for (kind, day), lines in self.lines.items():
            folder = "_dead/" if kind is ObjectKind.DEAD else ""
            key = f"{folder}{self.event}/v1/dt={day}/{self.id}.ndjson.gz"
            writer = store.writer(key)
            writer.append(b"".join(lines))
            done = await writer.finish()
            stored.append(
                StoredObject(day, kind, key, len(lines), done.bytes, done.sha256, done.etag)
            )
        days = {day: DayCounts(*counts) for day, counts in self.days.items()}
        dead = sum(counts.dead for counts in days.values())
        return Seal(
            self.id, self.event, 1, "worker-1", NOON, "sha", tuple(self.ranges), tuple(stored),
            days, {"schema": dead} if dead else {},
        )  # fmt: skip


@asynccontextmanager
async def empty_world(
    folder: Path, objects: MemoryObjectStore | None = None, options: LedgerOptions | None = None
) -> AsyncIterator[World]:
    """A ledger, a store and a warehouse with nothing in them, and topics without records.

    The ledger is a SQLite file, unless `options` name another one.
    """
    ledger = await open_ledger(options or LedgerOptions(url=f"sqlite:///{folder}/ledger.db"))
    objects = objects or MemoryObjectStore()
    warehouse = DuckDBWarehouse(DuckDBOptions(path=folder / "warehouse.duckdb"), objects)
    world = World(folder, ledger, objects, warehouse)
    world.logs |= {tp_of(e, p): LogEnds(0, 0) for e in EVENTS for p in range(PARTITIONS)}
    try:
        yield world
    finally:
        await warehouse.close()
        await ledger.close()


@asynccontextmanager
async def copied_world(original: World, folder: Path) -> AsyncIterator[World]:
    """All of a world that is closed, memory of its audits included, to be broken by hand."""
    for file in ("ledger.db", "warehouse.duckdb", "audit.db"):
        shutil.copy(original.folder / file, folder / file)
    objects = MemoryObjectStore()
    objects.objects |= original.objects.objects
    async with empty_world(folder, objects) as world:
        world.logs |= original.logs
        world.seals += original.seals
        yield world


async def fill(world: World) -> None:
    """Three seals of one type and one of another: duplicates, dead letters, a copy that only the
    load sees, a marker, one day loaded twice, and one seal that waits for a load."""
    staged, marker = (lambda day, name="": Got("staged", day, name)), Got("marker")
    await world.seal(
        ORDER, 1,
        {
            0: [staged(DAY1), staged(DAY1, "twin"), Got("duplicate", DAY1), staged(DAY2)],
            1: [staged(DAY1), marker, Got("dead", DAY3), staged(DAY1, "twin")],
        },
    )  # fmt: skip
    await world.load(ORDER)
    await world.seal(ORDER, 2, {0: [staged(DAY1), staged(DAY2), Got("dead", DAY3)]})
    await world.load(ORDER)
    await world.seal(ORDER, 3, {1: [staged(DAY2), Got("duplicate", DAY2)]})
    await world.seal(PAGE, 4, {0: [staged(DAY1), staged(DAY1)]})
    await world.load(PAGE)
