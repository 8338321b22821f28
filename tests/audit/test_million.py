"""Among a million events, one thing is broken by hand, anywhere: the next audit names it.

Each victim is chosen at random, by `AUDIT_SEED`. The audit is the ordinary one, with the memory of
the one before.
"""

import asyncio
import gzip
import hashlib
import pickle
import random
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.audit import AuditReport, Finding
from app.audit import FindingKind as K
from app.core.seal import ObjectKind, Range, Seal, StoredObject
from sinks.duckdb.fingerprints import write_prints
from sinks.s3.options import S3Options
from tests.audit.million import (
    DAYS,
    LOST,
    TYPES,
    Million,
    Opened,
    bucket,
    make_million,
    opened,
    some_random,
)
from tests.audit.world import table_of, tp_of
from tests.bench.audit import look
from tests.conftest import run

pytestmark = pytest.mark.timeout(900)  # the first one makes the world

Wanted = dict[str, Any]
Mutation = Callable[[Opened, random.Random, AsyncExitStack], Awaitable[list[Wanted]]]


@pytest.fixture(scope="module")
def million(s3: S3Options, tmp_path_factory: pytest.TempPathFactory) -> Million:
    folder = tmp_path_factory.mktemp("million")

    async def make() -> Million:
        made = await make_million(folder, s3.model_copy(update={"prefix": folder.name}))
        async with opened(made) as world:
            report = await world.audit()
        assert [found.kind for found in report.findings] == [K.INCIDENT]
        assert report.totals["received"] == sum(seal.received for seal in made.seals)
        return made

    return run(make())


@dataclass(frozen=True)
class Row:
    """One row in the warehouse, and the object it came from."""

    event: str
    day: date
    partition: int
    offset: int
    seal: str
    key: str

    @property
    def table(self) -> str:
        return f"RAW.{self.event.upper()}"

    @property
    def where(self) -> str:
        return f"_partition = {self.partition} AND _offset = {self.offset}"

    def wanted(self, **more: Any) -> Wanted:
        found: Wanted = {
            "kind": K.WAREHOUSE_ROWS, "event": self.event, "day": self.day,
            "tp": tp_of(self.event, self.partition), "first": self.offset,
            "next": self.offset + 1, "object": self.key, "seal": self.seal,
        }  # fmt: skip
        return found | more


@contextmanager
def warehouse(world: Opened) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{world.folder / 'warehouse.duckdb'}' AS warehouse")
        connection.execute("USE warehouse")
        yield connection


def ledger(world: Opened, *statements: str) -> None:
    with sqlite3.connect(world.folder / "ledger.db") as db:
        for statement in statements:
            assert db.execute(statement).rowcount > 0, statement
    db.close()


def some_row(
    world: Opened,
    rng: random.Random,
    event: str | None = None,
    day: date | None = None,
    partition: int | None = None,
) -> Row:
    """A row that stands, of this type, day and partition if they are given."""
    fitting = [
        (seal, stored, span)
        for seal in world.million.seals
        for stored in seal.objects
        for span in seal.ranges
        if stored.kind is ObjectKind.ROWS
        and event in (None, seal.event)
        and day in (None, stored.day)
        and partition in (None, number_of(span))
    ]
    while True:
        seal, stored, span = rng.choice(fitting)
        row = Row(seal.event, stored.day, number_of(span), rng.randrange(span.first, span.next),
                  seal.id, stored.key)  # fmt: skip
        with warehouse(world) as db:
            stands = f"SELECT 1 FROM {row.table} WHERE day = '{row.day}' AND {row.where}"
            if db.execute(stands).fetchone():
                return row


def number_of(span: Range) -> int:
    return int(span.tp.rsplit("/", 1)[1])


def some_object(world: Opened, rng: random.Random) -> tuple[Seal, StoredObject]:
    seal = rng.choice(world.million.seals)
    return seal, rng.choice(seal.objects)


def lost_object(seal: Seal, stored: StoredObject, kind: K) -> Wanted:
    return {"kind": kind, "event": seal.event, "day": stored.day, "object": stored.key,
            "seal": seal.id}  # fmt: skip


# Rows of the warehouse


async def an_event_is_deleted(world: Opened, rng: random.Random, _: AsyncExitStack) -> list[Wanted]:
    row = some_row(world, rng)
    with warehouse(world) as db:
        db.execute(f"DELETE FROM {row.table} WHERE {row.where}")
    return [row.wanted()]


async def an_event_is_doubled(world: Opened, rng: random.Random, _: AsyncExitStack) -> list[Wanted]:
    row = some_row(world, rng)
    with warehouse(world) as db:
        db.execute(f"INSERT INTO {row.table} SELECT * FROM {row.table} WHERE {row.where}")
    return [row.wanted()]


async def an_event_takes_the_place_of_another_of_its_partition(
    world: Opened, rng: random.Random, _: AsyncExitStack
) -> list[Wanted]:
    gone = some_row(world, rng)
    twice = some_row(world, rng, gone.event, gone.day, gone.partition)
    exchange(world, gone, twice)
    return [gone.wanted()]


async def an_event_takes_the_place_of_another_of_its_day(
    world: Opened, rng: random.Random, _: AsyncExitStack
) -> list[Wanted]:
    gone = some_row(world, rng, partition=1)
    twice = some_row(world, rng, gone.event, gone.day, partition=2)
    exchange(world, gone, twice)
    return [gone.wanted(), twice.wanted()]


def exchange(world: Opened, gone: Row, twice: Row) -> None:
    """As many rows as before, all of the same day."""
    assert gone != twice
    with warehouse(world) as db:
        db.execute(f"DELETE FROM {gone.table} WHERE {gone.where}")
        db.execute(f"INSERT INTO {gone.table} SELECT * FROM {gone.table} WHERE {twice.where}")


async def an_event_gets_the_key_of_another(
    world: Opened, rng: random.Random, _: AsyncExitStack
) -> list[Wanted]:
    row = some_row(world, rng)
    with warehouse(world) as db:
        db.execute(f"UPDATE {row.table} SET event_id = 'somebody else' WHERE {row.where}")
    place = {"tp": tp_of(row.event, row.partition), "event": row.event, "day": row.day}
    return [{"kind": K.WAREHOUSE_ROWS, **place}]


async def an_event_and_its_fingerprint_are_exchanged(
    world: Opened, rng: random.Random, _: AsyncExitStack
) -> list[Wanted]:
    """Only the memory of the audit before knows what stood there."""
    gone = some_row(world, rng)
    exchange(world, gone, some_row(world, rng, gone.event, gone.day, gone.partition))
    forge_fingerprint(world, gone.event, gone.day)
    return [{"kind": K.WAREHOUSE_ROWS, "event": gone.event, "day": gone.day}]


def forge_fingerprint(world: Opened, event: str, day: date) -> None:
    table = table_of(event)
    with warehouse(world) as db:
        (run_of_day,) = db.execute(
            "SELECT run FROM RAW.LOAD_CONTROL WHERE table_name = ? AND day = ?", [table.name, day]
        ).fetchall()[0]
        write_prints(db, table, [day], run_of_day)


# Objects


async def an_object_is_removed(
    world: Opened, rng: random.Random, undo: AsyncExitStack
) -> list[Wanted]:
    seal, stored = some_object(world, rng)
    client = await undo.enter_async_context(bucket(world.million.s3))
    undo.push_async_callback(client.put, stored.key, await client.get(stored.key))
    await client.delete(stored.key)
    return [lost_object(seal, stored, K.OBJECT_MISSING)]


async def an_event_is_taken_out_of_an_object(
    world: Opened, rng: random.Random, undo: AsyncExitStack
) -> list[Wanted]:
    seal, stored = some_object(world, rng)
    client = await undo.enter_async_context(bucket(world.million.s3))
    body = await client.get(stored.key)
    undo.push_async_callback(client.put, stored.key, body)
    lines = gzip.decompress(body).splitlines(True)
    del lines[rng.randrange(len(lines))]
    await client.put(stored.key, gzip.compress(b"".join(lines)))
    return [lost_object(seal, stored, K.OBJECT_CHANGED)]


# Documents of the ledger


def remove_seal(world: Opened, seal: Seal) -> None:
    ledger(world, f"DELETE FROM entries WHERE id = '{seal.id}'")
    for table in ("links", "counts", "objects"):
        ledger(world, f"DELETE FROM {table} WHERE entry = '{seal.id}'")


async def a_seal_is_removed_from_the_middle(
    world: Opened, rng: random.Random, _: AsyncExitStack
) -> list[Wanted]:
    seal = rng.choice(world.million.seals[:-12])
    remove_seal(world, seal)
    return [
        *({"kind": K.GAP, "event": seal.event, "tp": r.tp, "first": r.first, "next": r.next}
          for r in seal.ranges),
        *({"kind": K.LOAD_SEALS, "event": seal.event, "day": o.day, "seal": seal.id}
          for o in seal.objects if o.kind is ObjectKind.ROWS),
    ]  # fmt: skip


async def a_seal_is_removed_from_the_end(
    world: Opened, rng: random.Random, _: AsyncExitStack
) -> list[Wanted]:
    seal = rng.choice(world.million.seals[-6:])
    remove_seal(world, seal)
    return [
        *({"kind": K.CURSOR, "event": seal.event, "tp": r.tp, "first": r.first, "next": r.next}
          for r in seal.ranges),
        *({"kind": K.LOAD_SEALS, "event": seal.event, "day": o.day, "seal": seal.id}
          for o in seal.objects if o.kind is ObjectKind.ROWS),
    ]  # fmt: skip


async def a_start_is_removed(world: Opened, rng: random.Random, _: AsyncExitStack) -> list[Wanted]:
    event, partition = rng.choice(TYPES), rng.randrange(4)
    tp = tp_of(event, partition)
    ledger(world, f"DELETE FROM entries WHERE id = '{tp}@start'",
           f"DELETE FROM links WHERE entry = '{tp}@start'")  # fmt: skip
    return [{"kind": K.CHAIN_START, "event": event, "tp": tp, "first": 0}]


async def an_incident_is_removed(
    world: Opened, rng: random.Random, _: AsyncExitStack
) -> list[Wanted]:
    lost = world.million.incident
    ledger(world, f"DELETE FROM entries WHERE id = '{lost.id}'",
           f"DELETE FROM links WHERE entry = '{lost.id}'")  # fmt: skip
    first = lost.range.first
    return [{"kind": K.GAP, "tp": lost.range.tp, "first": first, "next": first + LOST}]


async def a_load_is_removed(world: Opened, rng: random.Random, _: AsyncExitStack) -> list[Wanted]:
    event, day = rng.choice(TYPES), rng.choice(DAYS)
    ledger(world, f"DELETE FROM loads WHERE event = '{event}' AND day = '{day}'")
    return [{"kind": K.LOAD_CONTROL, "event": event, "day": day}]


# Counts


def shifted(table: str, column: str) -> Mutation:
    """One more in one row of a table of the ledger's that has a seal."""

    async def mutate(world: Opened, rng: random.Random, _: AsyncExitStack) -> list[Wanted]:
        seal, stored = some_object(world, rng)
        which = {
            "counts": f"day = '{stored.day}'",
            "objects": f"key = '{stored.key}'",
            "links": f"tp = '{seal.ranges[0].tp}'",
            "reasons": "reason = 'schema'",
        }[table]
        ledger(world, f"UPDATE {table} SET {column} = {column} + 1 "
                      f"WHERE entry = '{seal.id}' AND {which}")  # fmt: skip
        if column == "bytes":
            return [lost_object(seal, stored, K.OBJECT_CHANGED)]
        return [{"kind": K.SEAL, "event": seal.event, "seal": seal.id}]

    return mutate


def of_a_load(statement: str, kind: K, *, in_warehouse: bool) -> Mutation:
    async def mutate(world: Opened, rng: random.Random, _: AsyncExitStack) -> list[Wanted]:
        event, day = rng.choice(TYPES), rng.choice(DAYS)
        name = f"table_name = 'RAW.{event.upper()}'" if in_warehouse else f"event = '{event}'"
        text = statement.format(where=f"WHERE {name} AND day = '{day}'")
        if not in_warehouse:
            ledger(world, text)
        else:
            with warehouse(world) as db:
                assert db.execute(text).fetchall()[0][0] > 0
        return [{"kind": kind, "event": event, "day": day}]

    return mutate


CONTROL, PRINTS = "UPDATE RAW.LOAD_CONTROL SET", "UPDATE RAW.LOAD_FINGERPRINT SET"
MUTATIONS: dict[str, tuple[Mutation, Collection[K]]] = {
    "an event is deleted": (an_event_is_deleted, ()),
    "an event is doubled": (an_event_is_doubled, ()),
    "an event takes another's place": (
        an_event_takes_the_place_of_another_of_its_partition, ()),
    "an event takes the place of one of another partition": (
        an_event_takes_the_place_of_another_of_its_day, ()),
    "an event gets another's key": (an_event_gets_the_key_of_another, ()),
    "an event and its fingerprint are exchanged": (an_event_and_its_fingerprint_are_exchanged, ()),
    "an object is removed": (an_object_is_removed, ()),
    "an event is taken out of an object": (an_event_is_taken_out_of_an_object, ()),
    "a seal is removed from the middle": (a_seal_is_removed_from_the_middle, ()),
    "a seal is removed from the end": (a_seal_is_removed_from_the_end, ()),
    "a start is removed": (a_start_is_removed, ()),
    "an incident is removed": (an_incident_is_removed, ()),
    "a load is removed": (a_load_is_removed, {K.LOAD_SEALS}),
    "staged is shifted": (shifted("counts", "staged"), {K.LOAD_SEALS}),
    "duplicates are shifted": (shifted("counts", "duplicates"), ()),
    "dead by reason is shifted": (shifted("reasons", "dead"), ()),
    "a range's records are shifted": (shifted("links", "records"), ()),
    "an object's rows are shifted": (shifted("objects", "rows"), {K.LOAD_SEALS}),
    "an object's bytes are shifted": (shifted("objects", "bytes"), ()),
    "a load's rows are shifted": (of_a_load(
        "UPDATE loads SET rows = rows + 1 {where}", K.LOAD_CONTROL, in_warehouse=False), ()),
    "LOAD_CONTROL's staged is shifted": (of_a_load(
        f"{CONTROL} staged = staged + 1 {{where}}", K.LOAD_CONTROL, in_warehouse=True), ()),
    "a fingerprint is shifted": (of_a_load(
        f"{PRINTS} offset_sum = offset_sum + 1 {{where}} AND partition = 2", K.WAREHOUSE_ROWS,
        in_warehouse=True), ()),
}  # fmt: skip


@pytest.mark.parametrize(("mutate", "also"), MUTATIONS.values(), ids=MUTATIONS)
async def test_one_thing_broken_among_a_million_events_is_named_by_the_next_audit(
    million: Million, tmp_path: Path, mutate: Mutation, also: Collection[K]
) -> None:
    async with AsyncExitStack() as undo:
        world = await undo.enter_async_context(opened(million, tmp_path))
        wanted = await mutate(world, some_random(), undo)
        report = await world.audit()
    for one in wanted:
        assert any(matches(found, one) for found in news(report)), (one, news(report))
    assert {found.kind for found in news(report)} <= {one["kind"] for one in wanted} | set(also)
    # It read no more than what changed, and perhaps the shelf beside it.
    assert report.reading.shelves_read <= 3
    assert report.reading.shelves > 6


def news(report: AuditReport) -> list[Finding]:
    """What was not there before: the world has an incident from the beginning."""
    return [found for found in report.findings if found.kind is not K.INCIDENT]


def matches(found: Finding, wanted: Wanted) -> bool:
    named = [wanted.get(name) for name in ("day", "tp", "object")]
    return all(getattr(found, name) == value for name, value in wanted.items()) and all(
        str(place) in found.text for place in named if place is not None
    )


async def test_the_deep_audit_names_each_exchanged_row_and_stays_below_200_megabytes(
    million: Million, tmp_path: Path
) -> None:
    """The forger adapts fingerprints, LOAD_CONTROL stays right, and no audit was there before."""
    rng = some_random()
    async with AsyncExitStack() as undo:
        world = await undo.enter_async_context(opened(million, tmp_path))
        first = some_row(world, rng, TYPES[0])  # whose days have copies to collapse
        rows = [first, *(some_row(world, rng, TYPES[1], DAYS[2], p) for p in (1, 1, 3))]
        twice = [some_row(world, rng, one.event, one.day, one.partition) for one in rows]
        for gone, again in zip(rows, twice, strict=True):
            exchange(world, gone, again)
        for event, day in {(one.event, one.day) for one in rows}:
            forge_fingerprint(world, event, day)
        forged = await forge_object(world, rng, undo, {(one.event, one.day) for one in rows})
        shallow = await world.audit(memory=False)
        (tmp_path / "million.pickle").write_bytes(pickle.dumps(million))
        deep = await asyncio.to_thread(look, tmp_path, "--deep", "--forget")
    assert news(shallow) == []
    found = [one for one in deep["findings"] if one["kind"] != K.INCIDENT]
    assert {
        (one["event"], one["day"], one["tp"], one["first"])
        for one in found
        if one["kind"] == K.WAREHOUSE_ROWS
    } == {
        (one.event, f"{one.day}", tp_of(one.event, one.partition), one.offset)
        for one in rows + twice
    }
    assert [one["object"] for one in found if one["kind"] == K.OBJECT_CONTENT] == [forged]
    assert deep["objects"]["read"] == sum(len(seal.objects) for seal in million.seals)
    assert deep["peak_megabytes"] < 200


async def forge_object(
    world: Opened, rng: random.Random, undo: AsyncExitStack, others: Collection[tuple[str, date]]
) -> str:
    """Exchange one event of an object, and what the ledger says of its bytes with it."""
    seal, stored = some_object(world, rng)
    while (seal.event, stored.day) in others or stored.kind is ObjectKind.DEAD:
        seal, stored = some_object(world, rng)
    client = await undo.enter_async_context(bucket(world.million.s3))
    body = await client.get(stored.key)
    undo.push_async_callback(client.put, stored.key, body)
    lines = gzip.decompress(body).splitlines(True)
    changed = gzip.compress(b"".join(lines[1:]))
    etag, sha = await client.put(stored.key, changed), hashlib.sha256(changed).hexdigest()
    ledger(world, f"UPDATE objects SET bytes = {len(changed)}, sha256 = '{sha}', etag = '{etag}' "
                  f"WHERE key = '{stored.key}'")  # fmt: skip
    return stored.key
