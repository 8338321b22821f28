"""The audit must be able to fail: each thing broken by hand is found and named.

A row of the table is one mutation: what is done to a balanced world, the finding that must come,
and the kinds of all findings that come with it, so that an audit which cries at everything fails.
"""

import dataclasses
import gzip
import inspect
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any

import pytest

from app.audit import Finding, LogEnds
from app.audit import FindingKind as K
from tests.audit.world import (
    DAY1,
    DAY2,
    DAY3,
    ORDER,
    PAGE,
    World,
    copied_world,
    empty_world,
    fill,
    tp_of,
)
from tests.conftest import run

ORDER0, ORDER1, PAGE0 = tp_of(ORDER, 0), tp_of(ORDER, 1), tp_of(PAGE, 0)
SEAL1, SEAL2, SEAL3 = "01SEAL0001ORDE", "01SEAL0002ORDE", "01SEAL0003ORDE"
ROWS1 = f"{ORDER}/v1/dt=2026-03-01/{SEAL1}.ndjson.gz"
ROWS2 = f"{ORDER}/v1/dt=2026-03-02/{SEAL2}.ndjson.gz"
WAITING = f"{ORDER}/v1/dt=2026-03-02/{SEAL3}.ndjson.gz"
DEAD1 = f"_dead/{ORDER}/v1/dt=2026-03-03/{SEAL1}.ndjson.gz"

Mutation = Callable[[World], Awaitable[None] | None]


def ledger(statement: str) -> Mutation:
    return lambda world: world.sql_ledger(statement)


def warehouse(statement: str) -> Mutation:
    return lambda world: world.sql_warehouse(statement)


def document_gone(seal: str) -> Mutation:
    def mutate(world: World) -> None:
        world.sql_ledger("DELETE FROM entries WHERE id = ?", seal)
        world.sql_ledger("DELETE FROM links WHERE entry = ?", seal)
        for table in ("counts", "objects"):
            world.sql_ledger(f"DELETE FROM {table} WHERE entry = ?", seal)

    return mutate


def object_gone(key: str) -> Mutation:
    async def mutate(world: World) -> None:
        assert key in world.objects.objects
        await world.objects.delete([key])

    return mutate


def object_cut(key: str) -> Mutation:
    def mutate(world: World) -> None:
        world.objects.put(key, world.objects.objects[key].body[:-9])

    return mutate


def object_other(key: str) -> Mutation:
    """As long as before, with other content."""

    def mutate(world: World) -> None:
        body = bytearray(world.objects.objects[key].body)
        body[-1] ^= 1
        world.objects.put(key, bytes(body))

    return mutate


def log(tp: str, start: int, end: int, topic_id: str = "") -> Mutation:
    def mutate(world: World) -> None:
        world.logs[tp] = LogEnds(start, end, topic_id)

    return mutate


def topic_gone(world: World) -> None:
    del world.logs[tp_of(PAGE, 0)], world.logs[tp_of(PAGE, 1)]


def one_partition_more(world: World) -> None:
    world.logs[tp_of(PAGE, 2)] = LogEnds(0, 0)


def no_topic_file(world: World) -> None:
    del world.tables[PAGE], world.topics[PAGE]


async def incident(world: World) -> None:
    await world.incident(ORDER, 0, lost=40)


def shift(table: str, column: str, where: str, by: int = 1) -> Mutation:
    return ledger(f"UPDATE {table} SET {column} = {column} + {by} WHERE {where}")


OF1 = f"entry = '{SEAL1}'"
OF2 = f"entry = '{SEAL2}'"
DAY1_OF1 = f"{OF1} AND day = '2026-03-01'"
LOAD1 = f"event = '{ORDER}' AND day = '2026-03-01'"
ORDERS = "RAW.ORDER_PLACED"
CONTROL = "RAW.LOAD_CONTROL"
ABOUT1 = f"table_name = '{ORDERS}' AND day = '2026-03-01'"

MUTATIONS: list[tuple[str, Mutation, dict[str, Any], Collection[K]]] = [
    # objects
    ("an object is removed", object_gone(ROWS1),
     {"kind": K.OBJECT_MISSING, "event": ORDER, "day": DAY1, "object": ROWS1, "seal": SEAL1}, ()),
    ("an object that waits for its load is removed", object_gone(WAITING),
     {"kind": K.OBJECT_MISSING, "event": ORDER, "day": DAY2, "object": WAITING, "seal": SEAL3}, ()),
    ("an object of dead letters is removed", object_gone(DEAD1),
     {"kind": K.OBJECT_MISSING, "event": ORDER, "day": DAY3, "object": DEAD1}, ()),
    ("an object is truncated", object_cut(ROWS2),
     {"kind": K.OBJECT_CHANGED, "event": ORDER, "day": DAY2, "object": ROWS2, "seal": SEAL2}, ()),
    ("an object is overwritten by one as long", object_other(ROWS1),
     {"kind": K.OBJECT_CHANGED, "day": DAY1, "object": ROWS1}, ()),
    ("two seals name one object", ledger(f"UPDATE objects SET key = '{ROWS1}' WHERE {OF2} "
                                         "AND day = '2026-03-01'"),
     {"kind": K.OBJECT_SHARED, "event": ORDER, "day": DAY1, "object": ROWS1, "seal": SEAL2}, ()),
    # the chain
    ("the document of a loaded seal is removed", document_gone(SEAL1),
     {"kind": K.GAP, "event": ORDER, "tp": ORDER0, "first": 0, "next": 4}, {K.LOAD_SEALS}),
    ("its other partition", document_gone(SEAL1),
     {"kind": K.GAP, "event": ORDER, "tp": ORDER1, "first": 0, "next": 4}, {K.LOAD_SEALS}),
    ("its days", document_gone(SEAL1),
     {"kind": K.LOAD_SEALS, "event": ORDER, "day": DAY2, "seal": SEAL1}, {K.GAP}),
    ("the last document of a chain, already loaded, is removed", document_gone(SEAL2),
     {"kind": K.LOAD_SEALS, "event": ORDER, "day": DAY1, "seal": SEAL2}, ()),
    ("a link is removed", ledger(f"DELETE FROM links WHERE {OF1} AND tp = '{ORDER1}'"),
     {"kind": K.GAP, "tp": ORDER1, "first": 0, "next": 4}, {K.SEAL}),
    ("a range begins one offset later", shift("links", "first", f"{OF2}"),
     {"kind": K.GAP, "tp": ORDER0, "first": 4, "next": 5}, {K.SEAL}),
    ("a range begins one offset earlier", shift("links", "first", f"{OF2}", -1),
     {"kind": K.OVERLAP, "tp": ORDER0, "first": 3, "next": 4, "seal": SEAL2}, ()),
    ("a chain loses its start", ledger(f"DELETE FROM links WHERE tp = '{PAGE0}' AND slot = -1"),
     {"kind": K.CHAIN_START, "event": PAGE, "tp": PAGE0, "first": 0}, ()),
    ("a seal is gone, its links are not", ledger(f"DELETE FROM entries WHERE id = '{SEAL2}'"),
     {"kind": K.SEAL_MISSING, "tp": ORDER0, "first": 4, "next": 7, "seal": SEAL2},
     {K.TOTALS, K.LOAD_SEALS}),
    ("a link no longer says that it is a seal's",
     ledger(f"UPDATE links SET kind = 'incident' WHERE {OF1} AND tp = '{ORDER0}'"),
     {"kind": K.SEAL_UNCHAINED, "tp": ORDER0, "first": 0, "next": 4, "seal": SEAL1}, {K.SEAL}),
    # counts
    *(
        (f"one more is counted as {what}", shift("counts", what, DAY1_OF1),
         {"kind": K.SEAL, "event": ORDER, "seal": SEAL1}, also)
        for what, also in (("staged", {K.LOAD_SEALS}), ("duplicates", ()), ("dead", ()))
    ),
    ("a count is taken to another day", shift("counts", "staged", DAY1_OF1, -1),
     {"kind": K.SEAL, "event": ORDER, "day": DAY1, "seal": SEAL1}, {K.LOAD_SEALS}),
    ("a seal's records are one more", shift("links", "records", f"{OF1} AND tp = '{ORDER1}'"),
     {"kind": K.SEAL, "event": ORDER, "seal": SEAL1}, ()),
    ("a seal's records are more than its offsets", shift("links", "records", f"{OF2}", 9),
     {"kind": K.SEAL, "tp": ORDER0, "first": 4, "next": 7, "seal": SEAL2}, ()),
    ("an object's rows are one more", shift("objects", "rows", DAY1_OF1),
     {"kind": K.SEAL, "event": ORDER, "day": DAY1, "seal": SEAL1}, {K.LOAD_SEALS}),
    ("an object's bytes are one more", shift("objects", "bytes", DAY1_OF1),
     {"kind": K.OBJECT_CHANGED, "day": DAY1, "object": ROWS1, "seal": SEAL1}, ()),
    ("counts without a seal appear",
     ledger(f"INSERT INTO counts VALUES ('{ORDER}', '2026-03-02', '01NOBODY', 0, 1, 0, 0, NULL)"),
     {"kind": K.TOTALS, "event": ORDER, "day": DAY2}, ()),
    ("a day's counts are removed", ledger(f"DELETE FROM counts WHERE {DAY1_OF1}"),
     {"kind": K.SEAL, "event": ORDER, "day": DAY1, "seal": SEAL1}, {K.LOAD_SEALS}),
    # loads
    ("a waiting seal is forgotten", ledger("DELETE FROM unloaded"),
     {"kind": K.LOAD_SEALS, "event": ORDER, "day": DAY2}, ()),
    ("a load says one row more", shift("loads", "rows", LOAD1),
     {"kind": K.LOAD_CONTROL, "event": ORDER, "day": DAY1}, ()),
    ("a load says one staged row more", shift("loads", "staged", LOAD1),
     {"kind": K.LOAD_CONTROL, "event": ORDER, "day": DAY1}, {K.LOAD_SEALS}),
    ("a load names a seal less", ledger(f"UPDATE loads SET seals = '[]' WHERE {LOAD1}"),
     {"kind": K.LOAD_CONTROL, "event": ORDER, "day": DAY1}, {K.LOAD_SEALS}),
    ("the ledger forgets a load", ledger(f"DELETE FROM loads WHERE {LOAD1}"),
     {"kind": K.LOAD_CONTROL, "event": ORDER, "day": DAY1}, {K.LOAD_SEALS}),
    ("the warehouse forgets a load", warehouse(f"DELETE FROM {CONTROL} WHERE {ABOUT1}"),
     {"kind": K.LOAD_CONTROL, "event": ORDER, "day": DAY1}, ()),
    ("LOAD_CONTROL says one row more",
     warehouse(f"UPDATE {CONTROL} SET rows = rows + 1 WHERE {ABOUT1}"),
     {"kind": K.LOAD_CONTROL, "event": ORDER, "day": DAY1}, ()),
    # rows
    ("a row is deleted", warehouse(f"DELETE FROM {ORDERS} WHERE event_id = '1-0'"),
     {"kind": K.WAREHOUSE_ROWS, "event": ORDER, "day": DAY1}, ()),
    ("a row is doubled",
     warehouse(f"INSERT INTO {ORDERS} SELECT * FROM {ORDERS} WHERE event_id = '0-3'"),
     {"kind": K.WAREHOUSE_ROWS, "event": ORDER, "day": DAY2}, ()),
    ("all rows of a day are deleted",
     warehouse(f"DELETE FROM {ORDERS} WHERE day = '2026-03-02'"),
     {"kind": K.WAREHOUSE_ROWS, "event": ORDER, "day": DAY2}, ()),
    ("a day nobody loaded appears",
     warehouse(f"INSERT INTO {ORDERS} SELECT * REPLACE (DATE '2026-03-03' AS day) FROM {ORDERS}"),
     {"kind": K.UNKNOWN_DAY, "event": ORDER, "day": DAY3}, ()),
    # Kafka
    ("offsets were lost to retention, and a worker wrote it down", incident,
     {"kind": K.INCIDENT, "event": ORDER, "tp": ORDER0, "first": 7, "next": 47}, ()),
    ("offsets were lost to retention, and no worker has seen it", log(ORDER0, 9, 12),
     {"kind": K.OVERTAKEN, "event": ORDER, "tp": ORDER0, "first": 7, "next": 9}, ()),
    ("the log ends before the cursor", log(ORDER0, 0, 5),
     {"kind": K.PAST_LOG_END, "event": ORDER, "tp": ORDER0, "first": 5, "next": 7}, ()),
    ("a topic is deleted and created again, and no worker has seen it",
     log(ORDER0, 0, 50, "topic-2"),
     {"kind": K.TOPIC_REPLACED, "event": ORDER, "tp": ORDER0, "first": 7}, ()),
    ("a topic is deleted", topic_gone,
     {"kind": K.TOPIC_MISSING, "event": PAGE, "tp": PAGE0}, ()),
    ("a topic has a partition too many", one_partition_more,
     {"kind": K.PARTITION_COUNT, "event": PAGE}, ()),
    ("a topic file is removed", no_topic_file, {"kind": K.NO_CONTRACT, "event": PAGE}, ()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("mutate", "wanted", "also"), [m[1:] for m in MUTATIONS], ids=[m[0] for m in MUTATIONS]
)
async def test_what_is_broken_by_hand_is_found_and_named(
    balanced: World, tmp_path: Path, mutate: Mutation, wanted: dict[str, Any], also: Collection[K]
) -> None:
    async with copied_world(balanced, tmp_path) as world:
        done = mutate(world)
        if inspect.isawaitable(done):
            await done
        report = await world.audit()
        remembering = await world.audit(memory=world.memory)
    # An audit that remembers the one before finds the same; it may also know that a chain has
    # become shorter.
    assert set(report.findings) <= set(remembering.findings)
    more = set(remembering.findings) - set(report.findings)
    assert {found.kind for found in more} <= {K.CURSOR}
    assert any(matches(found, wanted) for found in report.findings), report.findings
    assert {found.kind for found in report.findings} == {wanted["kind"], *also}
    assert (report.balanced, report.exit_code) == (False, 1)


def matches(found: Finding, wanted: dict[str, Any]) -> bool:
    """All that is wanted, and a text that names the place as well."""
    named = [wanted.get(name) for name in ("day", "tp", "object")]
    return all(getattr(found, name) == value for name, value in wanted.items()) and all(
        str(place) in found.text for place in named if place is not None
    )


@pytest.fixture(scope="module")
def balanced(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world in which an audit has found nothing; it is closed."""

    async def make() -> World:
        async with empty_world(tmp_path_factory.mktemp("balanced")) as world:
            await fill(world)
            assert (await world.audit(memory=world.memory)).findings == []
        return world

    return run(make())


Rewrite = Callable[[bytes], bytes]

CONTENT: list[tuple[str, str, Rewrite, str]] = [
    ("a row less", ROWS1, lambda text: b"".join(text.splitlines(True)[1:]), "holds 3 rows"),
    ("a row twice", ROWS1, lambda text: text + text.splitlines(True)[0], "holds 5 rows"),
    ("a row of another offset", ROWS1, lambda t: t.replace(b'_offset":1', b'_offset":9'),
     f"offset 9 of {ORDER0}"),
    ("a row of another topic", ROWS1, lambda t: t.replace(b"order_placed.v1", b"order_placed.v2"),
     "outside of its seal"),
    ("a row of another day", ROWS1, lambda t: t.replace(b'day":"2026-03-01', b'day":"2026-03-09'),
     "of day 2026-03-09"),
    ("a row without its place", ROWS1, lambda t: t.replace(b"_partition", b"partition"),
     "row 1 is not one"),
    ("a row that is no JSON", ROWS1, lambda t: t.replace(b"{", b"[", 1), "row 1 is not one"),
    ("a row without an end", ROWS1, lambda t: t[:-1], "no end"),
    ("a dead letter of another offset", DEAD1, lambda t: t.replace(b'offset":2', b'offset":8'),
     f"offset 8 of {ORDER1}"),
    ("a dead letter of another day", DEAD1, lambda t: t.replace(b"2026-03-03T", b"2026-03-04T"),
     "of day 2026-03-04"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "rewrite", "told"), [c[1:] for c in CONTENT], ids=[c[0] for c in CONTENT]
)
async def test_the_deep_audit_reads_each_row(
    balanced: World, tmp_path: Path, key: str, rewrite: Rewrite, told: str
) -> None:
    """The forger also adapts size, ETag and checksum in the ledger: only the rows give it away."""
    async with copied_world(balanced, tmp_path) as world:
        text = gzip.decompress(world.objects.objects[key].body)
        assert rewrite(text) != text
        written = world.objects.put(key, gzip.compress(rewrite(text)))
        world.sql_ledger(
            "UPDATE objects SET bytes = ?, sha256 = ?, etag = ? WHERE key = ?",
            written.bytes, written.sha256, written.etag, key,
        )  # fmt: skip
        shallow, deep = await world.audit(), await world.audit(deep=True)
    assert shallow.findings == []
    (found,) = deep.findings
    assert (found.kind, found.object) == (K.OBJECT_CONTENT, key)
    assert told in found.text


@pytest.mark.parametrize("damage", [
    lambda body: body[:-9], lambda body: bytes(body[:-9]) + b"x" * 9, lambda body: b"text",
    lambda body: body + gzip.compress(b""),
], ids=["cut", "a wrong ending", "no gzip", "an empty member more"])  # fmt: skip
async def test_the_deep_audit_finds_a_rotten_object_behind_an_unchanged_listing(
    balanced: World, tmp_path: Path, damage: Rewrite
) -> None:
    async with copied_world(balanced, tmp_path) as world:
        stored = world.objects.objects[ROWS1]
        world.objects.objects[ROWS1] = dataclasses.replace(stored, body=damage(stored.body))
        shallow, deep = await world.audit(), await world.audit(deep=True)
    assert shallow.findings == []
    assert [(found.kind, found.object) for found in deep.findings] == [(K.OBJECT_CONTENT, ROWS1)]


async def test_objects_of_several_gzip_members_are_read_whole(
    balanced: World, tmp_path: Path
) -> None:
    async with copied_world(balanced, tmp_path) as world:
        lines = gzip.decompress(world.objects.objects[ROWS1].body).splitlines(True)
        written = world.objects.put(ROWS1, b"".join(map(gzip.compress, lines)))
        world.sql_ledger(
            "UPDATE objects SET bytes = ?, sha256 = ?, etag = ? WHERE key = ?",
            written.bytes, written.sha256, written.etag, ROWS1,
        )  # fmt: skip
        assert (await world.audit(deep=True)).findings == []
