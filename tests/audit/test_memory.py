"""The audit's memory does not grow with the number of seals."""

import tracemalloc
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.audit import AuditReport, LogEnds, audit
from app.core.disposal import Disposal
from app.core.seal import DayCounts, ObjectKind, Range, Seal, StoredObject
from app.ledger.protocol import (
    Acknowledgement,
    Cursor,
    DayLoad,
    DayTotals,
    EntryKind,
    Incident,
    Link,
    Shelved,
)
from app.ledger.summary import ShelvedSummary
from sinks.protocol import DayPrints, LoadedDay, ObjectStat
from tests.audit.world import DAY1, NOON, ORDER, table_of, topic_of, tp_of

ROWS = 100
TP = tp_of(ORDER, 0)


@dataclass
class Endless:
    """Ledger and store of one day with as many seals as asked for, made as they are
    walked, and none of them loaded."""

    count: int

    def seal(self, number: int) -> Seal:
        name = f"01SEAL{number:09}"
        key = f"{ORDER}/v1/dt={DAY1}/{name}.ndjson.gz"
        stored = StoredObject(DAY1, ObjectKind.ROWS, key, ROWS, 1_000, "sha", f"etag-{number}")
        span = Range(TP, number * ROWS, (number + 1) * ROWS, ROWS)
        return Seal(name, ORDER, 1, "w", NOON, "c", (span,), (stored,), {DAY1: DayCounts(ROWS)})

    def each(self) -> Iterator[Seal]:
        return map(self.seal, range(self.count))

    async def acknowledged(self) -> Mapping[str, Acknowledgement]:
        return {}

    async def disposals(self, event: str | None = None) -> AsyncIterator[Disposal]:
        for nothing in ():
            yield nothing

    async def hints(self) -> None:
        return None

    async def digests(self) -> Mapping[str, str]:
        return {"event": "starts", "01SEA": f"{self.count} seals"}

    async def links(self, shelf: str) -> AsyncIterator[tuple[str, Link]]:
        if shelf == "event":
            yield ORDER, Link(EntryKind.START, f"{TP}@start", Range(TP, 0, 0, 0))
            return
        for seal in self.each():
            yield ORDER, Link(EntryKind.SEAL, seal.id, seal.ranges[0])

    async def shelved(self, shelf: str) -> AsyncIterator[Shelved]:
        for seal in self.each() if shelf != "event" else ():
            yield Shelved(seal)

    async def summary_count(self) -> int:
        return 0

    async def summaries(self, shelf: str) -> AsyncIterator[ShelvedSummary]:
        for nothing in ():
            yield nothing

    async def list(self, prefix: str) -> AsyncIterator[ObjectStat]:
        if prefix == f"{ORDER}/":
            for seal in self.each():
                stored = seal.objects[0]
                yield ObjectStat(stored.key, stored.bytes, stored.etag, NOON)

    async def cursors(self, tps: Collection[str]) -> Mapping[str, Cursor]:
        return {tp: Cursor(self.count * ROWS, -1, "t") for tp in tps}

    async def partitions(self) -> Mapping[str, Sequence[str]]:
        return {ORDER: [TP]}

    async def incidents(self) -> AsyncIterator[Incident]:
        for incident in ():
            yield incident

    async def totals(self, event: str) -> Sequence[DayTotals]:
        n = self.count * ROWS
        return [DayTotals(DAY1, DayCounts(n), n, self.count, self.count * 1_000)]

    async def loads(self, event: str, table: str) -> Mapping[date, DayLoad]:
        return {}


class EmptyWarehouse:
    async def count(self, table: object) -> Mapping[date, int]:
        return {}

    async def loaded(self, table: object, days: object) -> Mapping[date, LoadedDay]:
        return {}

    async def fingerprints(self, table: object, days: object) -> Mapping[date, DayPrints]:
        return {}


async def audited(world: Endless) -> tuple[AuditReport, int]:
    """The report and the peak of Python's memory meanwhile, in bytes."""

    async def logs(topics: Collection[str], events: Collection[str] = ()) -> Mapping[str, LogEnds]:
        return {TP: LogEnds(0, world.count * ROWS)}

    tracemalloc.start()
    try:
        report = await audit(
            world, logs, world, EmptyWarehouse(),  # type: ignore[arg-type]
            {ORDER: table_of(ORDER)}, {ORDER: (topic_of(ORDER), 1)}, pause_seconds=0,
        )  # fmt: skip
        return report, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_ten_times_the_seals_take_no_more_memory() -> None:
    await audited(Endless(100))
    small, peak_of_small = await audited(Endless(2_000))
    large, peak_of_large = await audited(Endless(20_000))
    assert small.findings == large.findings == []
    assert large.totals["in_flight"] == 20_000 * ROWS
    assert large.objects.named == 20_000
    assert peak_of_large < peak_of_small + 256 * 1024


async def test_a_bucket_that_is_gone_takes_no_more_memory_either() -> None:
    class Lost(Endless):
        async def list(self, prefix: str) -> AsyncIterator[ObjectStat]:
            for stat in ():
                yield stat

    report, peak = await audited(Lost(20_000))
    assert report.found.counts["object_missing"] == 20_000
    assert len(report.findings) == 1_000
    assert peak < 4 << 20
