"""A ledger, objects and a warehouse, and seals to fill them with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Generic, TypeVar

import orjson
from ulid import ULID

from app.contracts.table import LINEAGE, Column, Table
from app.core.seal import DayCounts, ObjectKind, Range, Seal, StoredObject, object_key
from app.ledger.protocol import ChainStart, Ledger
from sinks.protocol import ObjectStore, Warehouse

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)


def table(event: str = "order_placed") -> Table:
    own = (
        Column("day", "date", False, "The day it happened."),
        Column("event_id", "string", False, "Which one it is."),
    )
    return Table(
        event, f"RAW.{event.upper()}", "A test's.", (*own, *LINEAGE), ("event_id",), "first"
    )


W = TypeVar("W", bound=Warehouse)


@dataclass
class World(Generic[W]):
    """Whatever is sealed here stands in the ledger and in the object store.

    `event` is the type where none is named.
    """

    ledger: Ledger
    objects: ObjectStore
    warehouse: W
    event: str = "order_placed"
    offsets: dict[str, int] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        return table(self.event)

    async def seal(
        self,
        days: Mapping[date, Sequence[str]],
        *,
        event: str = "",
        dead: int = 0,
        sealed_at: datetime | None = None,
        run: str = "",
    ) -> str:
        """Seal rows with these event ids on these days, and dead letters; return the seal's id.

        They are of the declared run `run`, if it is given.
        """
        return await self._seal(
            [(day, ids, run) for day, ids in days.items()], event, dead, sealed_at
        )

    async def seal_runs(self, runs: Mapping[str, Sequence[str]]) -> str:
        """Seal rows of several declared runs at once."""
        rows = [(date.fromisoformat(run[:10]), ids, run) for run, ids in runs.items()]
        return await self._seal(rows, "", 0, None)

    async def _seal(
        self,
        rows: Sequence[tuple[date, Sequence[str], str]],
        event: str,
        dead: int,
        sealed_at: datetime | None,
    ) -> str:
        event = event or self.event
        tp, id = f"events.{event}.v1/0", str(ULID())
        if event not in self.offsets:
            await self.ledger.start_chains([ChainStart(event, tp, 0, "t1")])
        first = self.offsets.get(event, 0)
        stored, offset = [], first
        counts: dict[date, DayCounts] = {}
        for day, ids, run in rows:
            lines = b""
            for event_id in ids:
                lines += self._line(day, event_id, tp, offset, run)
                offset += 1
            key = object_key(ObjectKind.ROWS, event, 1, day, id, run)
            stored.append(await self._store(key, day, lines, len(ids)))
            counts[day] = counts.get(day, DayCounts()) + DayCounts(staged=len(ids))
        if dead:
            day = WEDNESDAY
            stored.append(
                await self._store(f"_dead/{event}/{id}", day, b"{}\n" * dead, dead, ObjectKind.DEAD)
            )
            counts[day] = counts.get(day, DayCounts()) + DayCounts(dead=dead)
            offset += dead
        seal = Seal(
            id=id,
            event=event,
            version=1,
            worker="w1",
            sealed_at=sealed_at or datetime.now(UTC),
            config_sha="c0ffee",
            ranges=(Range(tp, first, offset, offset - first),),
            objects=tuple(stored),
            days=counts,
            dead_by_reason={"schema": dead} if dead else {},
        )
        await self.ledger.record(seal)
        self.offsets[event] = offset
        return id

    async def ids(self, of: Table | None = None, day: date | None = None) -> list[object]:
        """The event ids that stand in the table, in order."""
        return [row["event_id"] for row in await self.warehouse.fetch(of or self.table, day)]

    async def dirty(self, event: str = "") -> list[date]:
        return [found.day for found in await self.ledger.dirty(event or self.event)]

    async def assert_agreed(self) -> None:
        """Nothing waits, and of each day ledger, LOAD_CONTROL and table say the same."""
        assert await self.dirty() == []
        recorded = await self.ledger.loads(self.event, self.table.name)
        control = await self.warehouse.loaded(self.table, recorded)
        said = {
            day: (load.run, load.fence, sorted(load.seals), load.staged, load.rows)
            for day, load in recorded.items()
        }
        assert said == {
            day: (load.run, load.fence, sorted(load.seals), load.staged, load.rows)
            for day, load in control.items()
        }
        assert {day: load.rows for day, load in recorded.items() if load.rows} == dict(
            await self.warehouse.count(self.table)
        )

    async def _store(
        self, key: str, day: date, lines: bytes, rows: int, kind: ObjectKind = ObjectKind.ROWS
    ) -> StoredObject:
        writer = self.objects.writer(key)
        writer.append(lines)
        written = await writer.finish()
        return StoredObject(day, kind, key, rows, written.bytes, written.sha256, written.etag)

    def _line(self, day: date, event_id: str, tp: str, offset: int, run: str) -> bytes:
        topic = tp.split("/")[0]
        row = {
            "day": day.isoformat(),
            "event_id": event_id,
            "_topic": topic,
            "_partition": 0,
            "_offset": offset,
            "_received_at": "2026-03-04T12:00:00.000000Z",
        }
        return orjson.dumps(row | ({"_run": run} if run else {})) + b"\n"
