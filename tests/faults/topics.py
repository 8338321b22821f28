"""What people do to topics, and the proof that a world of workers came through it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from app.audit import AuditReport, audit, kafka_logs
from app.contracts.table import LINEAGE, Column, Table
from app.kafka import KafkaOptions
from app.ledger.protocol import DayLoad
from sinks.memory import MemoryWarehouse
from sinks.protocol import DayManifest
from tests.worker.world import World, until


@asynccontextmanager
async def admin(kafka: KafkaOptions) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(**kafka.client())
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def delete(kafka: KafkaOptions, topic: str) -> None:
    async with admin(kafka) as client:
        await client.delete_topics([topic])

        async def gone() -> bool:
            return topic not in await client.list_topics()

        await until("the topic is gone", gone)


async def create(
    kafka: KafkaOptions, topic: str, partitions: int = 3, config: Mapping[str, str] | None = None
) -> None:
    async with admin(kafka) as client:
        answer = await client.create_topics(
            [NewTopic(topic, partitions, 1, topic_configs=dict(config or {}))]
        )
        assert [code for _, code, _ in answer.topic_errors] == [0]

        async def led() -> bool:
            (found,) = await client.describe_topics([topic])
            return len([p for p in found["partitions"] if p["leader"] >= 0]) == partitions

        await until("the topic has its leaders", led)


def table_of(event: str) -> Table:
    """The table of `tests.worker.kinds`."""
    columns = (
        Column("day", "date", False, "Day."),
        Column("id", "string", False, "Name."),
        Column("at", "string", False, "Time."),
        *LINEAGE,
    )
    return Table(event, f"RAW.{event.upper()}", "A table.", columns, ("id",), "first")


@dataclass
class Proof:
    """`rows` stand in the warehouse after one load of all that was dirty."""

    report: AuditReport
    rows: list[Mapping[str, Any]]

    @property
    def ids(self) -> list[str]:
        return sorted(str(row["id"]) for row in self.rows)

    @property
    def findings(self) -> list[tuple[str, str | None, int | None, int | None]]:
        found = self.report.findings
        return sorted((str(f.kind), f.tp, f.first, f.next) for f in found)

    @property
    def residual(self) -> int:
        return int(self.report.totals["residual"])


async def proved(world: World) -> Proof:
    """Load everything as the scheduler does, and audit deeply with the real Kafka."""
    warehouse = MemoryWarehouse(world.objects)
    tables = {event: table_of(event) for event in world.kinds}
    for event, table in tables.items():
        await warehouse.prepare(table)
        days = {t.day for t in await world.ledger.totals(event) if t.counts.staged}
        if days:
            await _load(world, warehouse, event, sorted(days))
    report = await audit(
        world.ledger,
        kafka_logs(world.kafka),
        world.objects,
        warehouse,
        tables,
        {event: (kind.topic, world.partitions[event]) for event, kind in world.kinds.items()},
        deep=True,
    )
    rows = [row for table in tables.values() for row in await warehouse.fetch(table)]
    return Proof(report, rows)


async def _load(world: World, warehouse: MemoryWarehouse, event: str, days: list[date]) -> None:
    table, fence = table_of(event), await world.ledger.next_fence(event)
    manifest = await world.ledger.manifest(event, days)
    wanted, run = [DayManifest(m.day, m.seals, m.objects) for m in manifest], f"run-{fence}"
    loaded = await warehouse.replace(table, wanted, run=run, fence=fence)
    await world.ledger.record_load(
        [
            DayLoad(event, table.name, d.day, run, fence, d.seals, d.staged, d.rows, d.loaded_at)
            for d in loaded.values()
        ]
    )
