"""The warehouse in memory."""

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

from app.contracts.table import Column, Table
from app.contracts.types import sql_type
from app.core.errors import Fatal, Fenced
from app.core.seal import StoredObject, partition_name
from sinks.fingerprints import PLACES_PER_PAGE, key_hash, of_partitions, split_partition
from sinks.manifest import (
    check_expected,
    check_keys,
    check_replaced,
    check_staged,
    loaded_days,
    objects_of,
)
from sinks.memory.faults import Faults, When
from sinks.protocol import (
    FOUND_ROWS,
    NO_PLACE,
    DayManifest,
    DayPrints,
    Fingerprint,
    LoadedDay,
    ObjectLost,
    ObjectStore,
    Place,
)

Row = dict[str, Any]


@dataclass
class _Standing:
    """A table as it stands: rows by day, and its part of LOAD_CONTROL."""

    columns: dict[str, str]
    rows: dict[date, list[Row]] = field(default_factory=dict)
    control: dict[date, LoadedDay] = field(default_factory=dict)
    prints: dict[date, dict[str, Fingerprint]] = field(default_factory=dict)
    fence: int = 0


async def _go_on(point: str) -> None:
    pass


class MemoryWarehouse:
    """A `Warehouse`. `replaces` names each committed run, in order.

    `at` is awaited at `staged` and `before_commit`: what it raises happens there, and as long as
    it waits, the load waits. `beside` gives another adapter on the same tables.
    """

    def __init__(
        self,
        objects: ObjectStore,
        *,
        at: Callable[[str], Awaitable[None]] = _go_on,
        beside: "MemoryWarehouse | None" = None,
    ) -> None:
        self.replaces: list[str] = []
        self._objects = objects
        self._at = at
        self._tables: dict[str, _Standing] = beside._tables if beside else {}
        self._faults = Faults()

    def fail_next(
        self,
        operation: Literal[
            "prepare", "loaded", "replace", "count", "fingerprints", "fetch", "ping"
        ],
        error: Exception,
        when: When = "before",
    ) -> None:
        """Make the next call of `operation` raise; `after`: it is done, but the answer is lost."""
        self._faults.plan(operation, error, when)

    async def prepare(self, table: Table) -> Sequence[str]:
        self._faults.strike("prepare")
        wanted = {column.name: sql_type(column, "duckdb") for column in table.columns}
        standing = self._tables.get(table.name)
        if standing is None:
            self._tables[table.name] = _Standing(wanted)
            return [f"CREATE TABLE {table.name}"]
        for name, kind in wanted.items():
            found = standing.columns.get(name, kind)
            if found != kind:
                raise Fatal(f"{table.name}.{name} is {found}; the contract wants {kind}")
        added = [name for name in wanted if name not in standing.columns]
        standing.columns |= wanted
        return [f"ALTER TABLE {table.name} ADD COLUMN {name}" for name in added]

    async def loaded(self, table: Table, days: Collection[date]) -> Mapping[date, LoadedDay]:
        self._faults.strike("loaded")
        standing = self._tables.get(table.name)
        control = standing.control if standing else {}
        return {day: control[day] for day in days if day in control}

    async def replace(
        self, table: Table, days: Sequence[DayManifest], *, run: str, fence: int
    ) -> Mapping[date, LoadedDay]:
        self._faults.strike("replace")
        objects = objects_of(days)
        rows = await self._stage(table, objects)
        await self._at("staged")
        await self._at("before_commit")
        loaded = self._swap(table, days, rows, run, fence)
        self._faults.strike("replace", after=True)
        return loaded

    async def litter(self, *, remove: bool) -> Mapping[str, int]:
        return {}

    async def count(self, table: Table) -> Mapping[date, int]:
        self._faults.strike("count")
        standing = self._tables.get(table.name)
        rows = standing.rows if standing else {}
        return {day: len(rows[day]) for day in sorted(rows) if rows[day]}

    async def fingerprints(self, table: Table, days: Collection[date]) -> Mapping[date, DayPrints]:
        self._faults.strike("fingerprints")
        found = self._tables.get(table.name, _Standing({}))
        wanted = sorted(set(days) & {*found.rows, *found.prints})
        prints = {
            day: DayPrints(
                day,
                found.control[day].run if found.prints.get(day) else "",
                _prints(table, found.rows.get(day, [])),
                found.prints.get(day) or None,
            )
            for day in wanted
        }
        return {day: one for day, one in prints.items() if one.standing or one.loaded}

    async def places(
        self, table: Table, day: date, tp: str, beyond: Place = NO_PLACE
    ) -> Sequence[tuple[Place, int]]:
        partition = split_partition(tp)
        found = self._tables.get(table.name, _Standing({}))
        counted = Counter(
            _place(table, row)
            for row in found.rows.get(day, [])
            if (row["_topic"], row["_partition"]) == partition and _place(table, row) > beyond
        )
        return sorted(counted.items())[:PLACES_PER_PAGE]

    async def fetch(self, table: Table, day: date | None = None) -> Sequence[Mapping[str, object]]:
        self._faults.strike("fetch")
        standing = self._tables.get(table.name)
        found = [
            {column.name: row.get(column.name) for column in table.columns}
            for of_day, rows in (standing.rows if standing else {}).items()
            if day is None or day == of_day
            for row in rows
        ]
        return sorted(found, key=lambda row: [row[name] for name in (*table.key, "day")])

    async def find(self, table: Table, key: Mapping[str, str]) -> Sequence[Mapping[str, object]]:
        types = {column.name: column.type for column in table.columns}
        wanted = {name: _parsed(types[name], text) for name, text in key.items()}
        found = [
            row
            for row in await self.fetch(table)
            if all(row[name] == value for name, value in wanted.items())
        ]
        return found[:FOUND_ROWS]

    async def ping(self) -> None:
        self._faults.strike("ping")

    async def close(self) -> None:
        """Tables stay until the warehouse is forgotten."""

    async def _stage(self, table: Table, objects: Sequence[StoredObject]) -> dict[date, list[Row]]:
        rows: dict[date, list[Row]] = {}
        counts: dict[tuple[str, date | None], int] = {}
        keyless: Counter[str] = Counter()
        for stored in objects:
            for line in gzip.decompress(await self._body(stored)).splitlines():
                row = _row(table.columns, json.loads(line))
                rows.setdefault(row["day"], []).append(row)
                if any(row[name] is None for name in table.key):
                    keyless[stored.key] += 1
                counts[stored.key, row["day"]] = counts.get((stored.key, row["day"]), 0) + 1
        check_staged(objects, counts)
        check_keys(table, keyless)
        return rows

    async def _body(self, stored: StoredObject) -> bytes:
        body = b"".join([chunk async for chunk in self._objects.read(stored.key)])
        if len(body) != stored.bytes or hashlib.sha256(body).hexdigest() != stored.sha256:
            raise ObjectLost(f"object {stored.key} is not what the ledger says it is")
        return body

    def _swap(
        self,
        table: Table,
        days: Sequence[DayManifest],
        rows: Mapping[date, list[Row]],
        run: str,
        fence: int,
    ) -> Mapping[date, LoadedDay]:
        standing = self._tables.get(table.name)
        if standing is None:
            raise Fatal(f"{table.name} is not there: call prepare first")
        if fence < standing.fence:
            raise Fenced(f"{table.name}: run {run} has fence {fence}, now it is {standing.fence}")
        check_replaced(table.name, days, standing.control)
        kept = {day.day: _one_per_key(table, rows.get(day.day, [])) for day in days}
        check_expected(table.name, days, {day: len(rows) for day, rows in kept.items()})
        standing.fence = fence
        standing.rows |= kept
        staged, left = ({d: len(r) for d, r in by_day.items()} for by_day in (rows, kept))
        loaded = loaded_days(days, run, fence, staged, left)
        standing.control |= loaded
        standing.prints |= {day: _prints(table, rows) for day, rows in kept.items()}
        self.replaces.append(run)
        return loaded


def _prints(table: Table, rows: Sequence[Row]) -> dict[str, Fingerprint]:
    copies: dict[str, list[tuple[Place, int]]] = {}
    for row in rows:
        tp = partition_name(row["_topic"], row["_partition"])
        copies.setdefault(tp, []).append(
            (_place(table, row), key_hash(row[name] for name in table.key))
        )
    return of_partitions(copies)


def _place(table: Table, row: Row) -> Place:
    return row["_offset"], row[table.index] if table.index else 0


def _one_per_key(table: Table, rows: Sequence[Row]) -> list[Row]:
    """All rows of an event are of one copy, however many rows another has."""
    in_order = sorted(
        rows,
        key=_order,
        reverse=table.keep == "first",  # a later one takes the place of an earlier one
    )
    copies = {_key(table.event_key, row): _order(row) for row in in_order}
    standing = (row for row in in_order if _order(row) == copies[_key(table.event_key, row)])
    return list({_key(table.key, row): row for row in standing}.values())


def _order(row: Row) -> tuple[Any, ...]:
    return row["_received_at"], row["_partition"], row["_offset"], row["_topic"]


def _key(names: Sequence[str], row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _row(columns: Sequence[Column], line: Mapping[str, Any]) -> Row:
    return {column.name: _value(column.type, line.get(column.name)) for column in columns}


def _parsed(kind: str, text: str) -> Any:
    """The value that a line writes so."""
    match kind:
        case "integer":
            return int(text)
        case "boolean":
            return text == "true"
        case _:
            return _value(kind, text)


def _value(kind: str, value: Any) -> Any:
    """A value of a line as `fetch` gives it back."""
    if value is None:
        return None
    match kind:
        case "timestamp":
            return datetime.fromisoformat(value).astimezone(UTC)
        case "date":
            return date.fromisoformat(value)
        case "decimal":
            return Decimal(value)
        case "number":
            return float(value)
        case _:
            return value
