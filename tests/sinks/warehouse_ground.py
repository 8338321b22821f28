"""What the warehouse suite stands on: a table, its rows, and objects that hold them."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from app.contracts.table import LINEAGE, Column, Table
from app.core.seal import ObjectKind, StoredObject
from sinks.protocol import DayManifest, ObjectStore, Warehouse

FIRST, SECOND, THIRD = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
TOPIC = "events.order_placed.v1"
COLUMNS = (
    Column("day", "date", False, 'Day of occurred_at, "UTC".'),
    Column("event_id", "uuid", False, "Made by the producer."),
    Column("occurred_at", "timestamp", True, "By the shop's clock."),
    Column("order_id", "string", True, "Number on the receipt; 50% of them \\ printed.", 64),
    Column("total_cents", "integer", True, "What was charged."),
    Column("rate", "decimal", True, "Exchange rate.", precision=38, scale=9),
    Column("score", "number", True, "A guess."),
    Column("paid", "boolean", True, "Whether it was."),
    Column("due", "date", True, "When it is."),
    Column("basket", "json", True, "As the shop sent it."),
    *LINEAGE,
)
NORMAL: Mapping[str, Callable[[Any], object]] = {
    "timestamp": lambda text: datetime.fromisoformat(text).astimezone(UTC),
    "date": date.fromisoformat,
    "decimal": Decimal,
}

Row = dict[str, Any]


def order_table(name: str, **changes: Any) -> Table:
    """The table of an imagined shop."""
    described = {
        "event": "order_placed",
        "name": name,
        "comment": "A customer's order",
        "columns": COLUMNS,
        "key": ("event_id",),
        "keep": "first",
        "cluster_by": ("order_id",),
    }
    return Table(**(described | changes))


def order(number: int, day: date = FIRST, *, offset: int | None = None, **fields: Any) -> Row:
    """A line as a worker writes it; `number` names the event, `offset` its copy."""
    place = number if offset is None else offset
    return {
        "day": day.isoformat(),
        "event_id": str(UUID(int=number)),
        "occurred_at": f"{day}T12:00:00.{number % 1_000_000:06}Z",
        "order_id": f"A-{number}",
        "total_cents": number * 100,
        "_topic": TOPIC,
        "_partition": place % 3,
        "_offset": place,
        "_received_at": f"{day}T12:00:01.{place % 1_000_000:06}Z",
    } | fields


def landed(table: Table, rows: Sequence[Row]) -> list[Row]:
    """How those lines stand in the table, as `fetch` reads them, ordered by key and day."""
    stand = [
        {
            column.name: None
            if row.get(column.name) is None
            else NORMAL.get(column.type, lambda value: value)(row[column.name])
            for column in table.columns
        }
        for row in rows
    ]
    return sorted(stand, key=lambda row: ([row[name] for name in table.key], row["day"]))


class Strikes:
    """What happens at the named points of a load: nothing, unless a test says so.

    Made in the test's event loop, called in a loading thread, or awaited (`awaited`).
    """

    def __init__(self) -> None:
        self.at: dict[str, Callable[[], Awaitable[None]]] = {}
        self.seen: list[str] = []
        self._loop = asyncio.get_running_loop()

    def __call__(self, point: str) -> None:
        asyncio.run_coroutine_threadsafe(self.awaited(point), self._loop).result()

    async def awaited(self, point: str) -> None:
        self.seen.append(point)
        if point in self.at:
            await self.at[point]()

    def fail(self, point: str, error: BaseException) -> None:
        async def strike() -> None:
            raise error

        self.at[point] = strike


@dataclass
class Ground:
    """One kind of warehouse, its objects, and a schema to make tables in.

    `open` gives another adapter on the same warehouse, as another scheduler would have; `points`
    are those that its loads reach.
    """

    kind: str
    objects: ObjectStore
    schema: str
    open: Callable[[Strikes], Warehouse]
    overwrite: Callable[[str, bytes], Awaitable[None]]
    points: Sequence[str] = ("staged", "deleted", "inserted", "before_commit", "after_commit")
    runs: int = 0
    opened: list[Warehouse] = field(default_factory=list)

    def warehouse(self, strikes: Strikes | None = None) -> Warehouse:
        self.opened.append(self.open(strikes or Strikes()))
        return self.opened[-1]

    def table(self, **changes: Any) -> Table:
        """A table that no other test has."""
        return order_table(f"{self.schema}.ORDERS_{uuid4().hex[:12].upper()}", **changes)

    def run(self) -> str:
        self.runs += 1
        return f"run-{self.runs}"

    async def store(self, rows: Sequence[Row], day: date = FIRST) -> StoredObject:
        """Write an object as a worker does, and describe it as its seal does."""
        key = f"order_placed/v1/dt={day}/{uuid4().hex}.ndjson.gz"
        writer = self.objects.writer(key)
        writer.append("".join(json.dumps(row) + "\n" for row in rows).encode())
        written = await writer.finish()
        return StoredObject(
            day, ObjectKind.ROWS, key, len(rows), written.bytes, written.sha256, written.etag
        )

    async def described(self, stored: StoredObject, body: bytes) -> StoredObject:
        """What a seal would say of this object now that it has been overwritten with `body`."""
        stat = await self.objects.stat(stored.key)
        assert stat is not None
        sha = hashlib.sha256(body).hexdigest()
        return replace(stored, bytes=stat.bytes, sha256=sha, etag=stat.etag)

    async def manifest(self, day: date, *objects: Sequence[Row]) -> DayManifest:
        """Store one object per sequence of rows and name them all."""
        stored = [await self.store(rows, day) for rows in objects]
        seals = tuple(f"seal-{one.key[-42:-10]}" for one in stored)
        return DayManifest(day, seals, tuple(stored))
