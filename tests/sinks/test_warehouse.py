"""One suite for every warehouse: what `sinks.protocol` promises, on each of them.

Each test has a table of its own and compares the whole of it, neighbours too.
"""

import asyncio
import gzip
import json
from collections.abc import Sequence
from dataclasses import replace as changed
from datetime import date
from uuid import UUID

import pytest

from app.contracts.table import LINEAGE, Column, Table
from app.core.errors import Fatal, Fenced, Transient
from app.core.seal import StoredObject
from sinks.protocol import DayManifest, ObjectLost, Warehouse
from tests.sinks.warehouse_ground import (
    COLUMNS,
    FIRST,
    SECOND,
    THIRD,
    Ground,
    Row,
    Strikes,
    landed,
    order,
)

SQL = ["duckdb", "snowflake"]
only_sql = pytest.mark.parametrize("kind", SQL, indirect=True)


async def load(
    ground: Ground, warehouse: Warehouse, table: Table, *days: DayManifest, fence: int = 1
) -> dict[date, tuple[int, int]]:
    """Load, check that LOAD_CONTROL says what was answered; return (staged, rows) by day."""
    run = ground.run()
    answered = await warehouse.replace(table, days, run=run, fence=fence)
    assert await warehouse.loaded(table, [one.day for one in days]) == answered
    for one in days:
        assert (answered[one.day].run, answered[one.day].fence) == (run, fence)
        assert answered[one.day].seals == one.seals
    return {day: (loaded.staged, loaded.rows) for day, loaded in answered.items()}


async def assert_holds(warehouse: Warehouse, table: Table, rows: Sequence[Row]) -> None:
    """Compare the whole table, and its counts."""
    assert list(await warehouse.fetch(table)) == landed(table, rows)
    by_day: dict[date, int] = {}
    for row in rows:
        day = date.fromisoformat(row["day"])
        by_day[day] = by_day.get(day, 0) + 1
    assert dict(await warehouse.count(table)) == by_day


async def test_a_table_walks_through_its_states_and_never_touches_its_neighbours(
    ground: Ground,
) -> None:
    warehouse = ground.warehouse()
    table, neighbour = ground.table(), ground.table()
    for one in (table, neighbour):
        assert await warehouse.prepare(one)
    beside = [order(n, FIRST) for n in (1, 2)] + [order(3, SECOND)]
    await load(
        ground,
        warehouse,
        neighbour,
        await ground.manifest(FIRST, beside[:2]),
        await ground.manifest(SECOND, beside[2:]),
    )
    first = [order(n, FIRST) for n in range(1, 6)]
    second = [order(n, SECOND) for n in range(11, 14)]
    again = [order(n, FIRST, total_cents=-n) for n in range(4, 9)]

    await assert_holds(warehouse, table, [])
    day_one = await ground.manifest(FIRST, first[:2], first[2:])
    assert await load(ground, warehouse, table, day_one) == {FIRST: (5, 5)}
    await assert_holds(warehouse, table, first)
    assert await load(ground, warehouse, table, await ground.manifest(SECOND, second), fence=2) == {
        SECOND: (3, 3)
    }
    await assert_holds(warehouse, table, first + second)
    assert await load(ground, warehouse, table, await ground.manifest(FIRST, again), fence=3) == {
        FIRST: (5, 5)
    }
    await assert_holds(warehouse, table, again + second)
    assert await load(ground, warehouse, table, DayManifest(SECOND, (), ()), fence=4) == {
        SECOND: (0, 0)
    }
    await assert_holds(warehouse, table, again)
    await assert_holds(warehouse, neighbour, beside)
    assert set(await warehouse.loaded(table, [FIRST, SECOND, THIRD])) == {FIRST, SECOND}


async def test_rows_are_found_by_a_key_of_any_type_written_as_in_a_line(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), ground.table(key=("event_id", "order_id"))
    one = order(1, order_id="it's \\ one", rate="1.500000000", due="2026-03-09", paid=True)
    rows = [one, order(2), order(3, order_id="it's \\ one", paid=False)]
    key = {
        "event_id": str(UUID(int=1)),
        "occurred_at": one["occurred_at"],
        "order_id": one["order_id"],
        "total_cents": "100",
        "rate": "1.500000000",
        "paid": "true",
        "due": "2026-03-09",
    }
    assert await warehouse.find(table, key) == []
    await warehouse.prepare(table)
    await load(ground, warehouse, table, await ground.manifest(FIRST, rows))
    assert await warehouse.find(table, key) == landed(table, [one])
    for name, text in key.items():
        assert landed(table, [one])[0] in await warehouse.find(table, {name: text})
    shared = {"order_id": one["order_id"]}
    assert await warehouse.find(table, shared) == landed(table, [rows[0], rows[2]])
    assert await warehouse.find(table, key | {"event_id": str(UUID(int=2))}) == []


async def test_several_days_are_replaced_in_one_run(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    kept = [order(21, THIRD)]
    await load(ground, warehouse, table, await ground.manifest(THIRD, kept))
    rows = [order(1, FIRST), order(2, FIRST), order(1, SECOND)]
    days = [await ground.manifest(FIRST, rows[:2]), await ground.manifest(SECOND, rows[2:])]
    assert await load(ground, warehouse, table, *days) == {FIRST: (2, 2), SECOND: (1, 1)}
    await assert_holds(warehouse, table, rows + kept)


@pytest.mark.parametrize(("keep", "stands"), [("first", 10), ("last", 30)])
async def test_copies_of_a_key_collapse_within_a_day_to_the_one_to_keep(
    ground: Ground, keep: str, stands: int
) -> None:
    warehouse, table = ground.warehouse(), ground.table(keep=keep)
    await warehouse.prepare(table)
    copies = [order(7, offset=offset, order_id=f"copy {offset}") for offset in (10, 20, 30)]
    alone, next_day = order(8), order(7, SECOND, order_id="of another day")
    days = [
        await ground.manifest(FIRST, [copies[1], alone], [copies[2]], [copies[0]]),
        await ground.manifest(SECOND, [next_day]),
    ]
    assert await load(ground, warehouse, table, *days) == {FIRST: (4, 2), SECOND: (1, 1)}
    kept = next(copy for copy in copies if copy["_offset"] == stands)
    await assert_holds(warehouse, table, [kept, alone, next_day])


async def test_rows_that_a_contract_with_another_key_sealed_are_refused_and_never_become_one(
    ground: Ground,
) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    rows = [order(1), order(2)]
    await load(ground, warehouse, table, await ground.manifest(FIRST, rows))
    columns = (*table.columns, Column("sale_id", "string", False, "The new name of event_id."))
    renamed = changed(table, columns=columns, key=("sale_id",))
    await warehouse.prepare(renamed)
    day = await ground.manifest(FIRST, rows, [order(3, sale_id="3")])
    with pytest.raises(Fatal, match=r"2 rows of .* lack a column of the key, sale_id"):
        await warehouse.replace(renamed, [day], run=ground.run(), fence=2)
    await assert_holds(warehouse, table, rows)


@pytest.mark.parametrize(("keep", "stands"), [("first", (0, 5)), ("last", (1, 4))])
async def test_copies_received_at_one_instant_are_ordered_by_partition_and_offset(
    ground: Ground, keep: str, stands: tuple[int, int]
) -> None:
    warehouse, table = ground.warehouse(), ground.table(keep=keep, key=("order_id", "paid"))
    await warehouse.prepare(table)
    copies = [
        order(
            number,
            order_id="the same",
            paid=True,
            _received_at="2026-03-01T12:00:00.000000Z",
            _partition=partition,
            _offset=offset,
        )
        for number, (partition, offset) in enumerate([(1, 4), (0, 9), (0, 5), (1, 3)])
    ]
    unpaid = order(9, order_id="the same", paid=False)
    await load(ground, warehouse, table, await ground.manifest(FIRST, [*copies, unpaid]))
    kept = next(c for c in copies if (c["_partition"], c["_offset"]) == stands)
    await assert_holds(warehouse, table, [kept, unpaid])


async def test_a_load_with_an_older_fence_is_refused_and_changes_nothing(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    other = ground.table()
    await warehouse.prepare(table)
    await warehouse.prepare(other)
    rows = [order(1), order(2)]
    await load(ground, warehouse, table, await ground.manifest(FIRST, rows), fence=5)
    control = await warehouse.loaded(table, [FIRST, SECOND])
    for day in (FIRST, SECOND):
        manifest = await ground.manifest(day, [order(9, day)])
        with pytest.raises(Fenced, match=table.name):
            await warehouse.replace(table, [manifest], run="the one who slept", fence=4)
    await assert_holds(warehouse, table, rows)
    assert await warehouse.loaded(table, [FIRST, SECOND]) == control
    await load(ground, warehouse, other, await ground.manifest(FIRST, rows), fence=4)
    await load(ground, warehouse, table, await ground.manifest(FIRST, rows[:1]), fence=5)
    await assert_holds(warehouse, table, rows[:1])


async def test_a_manifest_that_another_run_made_stale_is_refused_whatever_its_fence(
    ground: Ground,
) -> None:
    """The newer fence may belong to the older manifest: then it would undo a load."""
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    rows = [order(1), order(2), order(3)]
    old = changed(await ground.manifest(FIRST, rows[:1]), replaces="")
    new = changed(await ground.manifest(FIRST, rows), replaces="")
    await load(ground, warehouse, table, new, fence=1)
    with pytest.raises(Fenced, match="since we looked"):
        await warehouse.replace(table, [old], run="stale", fence=2)
    await assert_holds(warehouse, table, rows)
    standing = await warehouse.loaded(table, [FIRST])
    again = changed(await ground.manifest(FIRST, rows[:2]), replaces=standing[FIRST].run)
    await load(ground, warehouse, table, again, fence=1)
    await assert_holds(warehouse, table, rows[:2])


async def test_a_load_that_slept_after_staging_is_fenced_by_the_one_that_went_before(
    ground: Ground,
) -> None:
    strikes = Strikes()
    slow, fast, table = ground.warehouse(strikes), ground.warehouse(), ground.table()
    await fast.prepare(table)
    new, old = [order(1), order(2)], [order(3)]
    newer = await ground.manifest(FIRST, new)

    async def meanwhile() -> None:
        await load(ground, fast, table, newer, fence=8)

    strikes.at["staged"] = meanwhile
    with pytest.raises(Fenced):
        await load(ground, slow, table, await ground.manifest(FIRST, old), fence=7)
    await assert_holds(fast, table, new)


async def lost(ground: Ground, stored: StoredObject, how: str) -> StoredObject:
    """Make an object differ from what the ledger says in one way; return what the ledger says."""
    match how:
        case "missing":
            await ground.objects.delete([stored.key])
        case "truncated":
            body = b"".join([chunk async for chunk in ground.objects.read(stored.key)])
            await ground.overwrite(stored.key, body[:-9])
        case "another one of the same size":
            body = b"".join([chunk async for chunk in ground.objects.read(stored.key)])
            # gzip's header holds a time that nobody reads: other bytes, the same rows
            await ground.overwrite(stored.key, body[:4] + b"\7\7\7\7" + body[8:])
        case "a row more than sealed":
            return changed(stored, rows=stored.rows - 1)
        case "a row less than sealed":
            return changed(stored, rows=stored.rows + 1)
    return stored


@pytest.mark.parametrize(
    "how",
    [
        "missing",
        "truncated",
        "another one of the same size",
        "a row more than sealed",
        "a row less than sealed",
    ],
)
async def test_an_object_that_is_not_what_was_sealed_is_named_and_nothing_changes(
    ground: Ground, how: str
) -> None:
    strikes = Strikes()
    warehouse, table = ground.warehouse(strikes), ground.table()
    await warehouse.prepare(table)
    rows = [order(1), order(2)]
    await load(ground, warehouse, table, await ground.manifest(FIRST, rows))
    control = await warehouse.loaded(table, [FIRST, SECOND])
    strikes.seen.clear()
    whole = [await ground.store([order(n), order(n + 1)]) for n in (3, 5, 7)]
    broken = [whole[0], await lost(ground, whole[1], how), whole[2]]
    good = await ground.manifest(SECOND, [order(9, SECOND)])
    bad = DayManifest(FIRST, ("s",), tuple(broken))
    with pytest.raises(ObjectLost, match=whole[1].key):
        await warehouse.replace(table, [good, bad], run="broken", fence=2)
    assert strikes.seen == [], "it was refused after BEGIN"
    await assert_holds(warehouse, table, rows)
    assert await warehouse.loaded(table, [FIRST, SECOND]) == control


async def test_a_row_of_another_day_in_an_object_is_refused(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    manifest = await ground.manifest(FIRST, [order(1, FIRST), order(2, SECOND)])
    with pytest.raises(ObjectLost, match=manifest.objects[0].key):
        await warehouse.replace(table, [manifest], run="strayed", fence=1)
    await assert_holds(warehouse, table, [])


async def test_a_reader_sees_only_whole_days(ground: Ground) -> None:
    warehouse, reader, table = ground.warehouse(), ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    states = []
    for turn in range(1, 6):
        rows = [order(n, day, total_cents=turn) for day in (FIRST, SECOND) for n in range(turn * 3)]
        days = [
            await ground.manifest(FIRST, rows[: turn * 3]),
            await ground.manifest(SECOND, rows[turn * 3 :]),
        ]
        states.append((landed(table, rows), days))
    seen: list[object] = []
    ended, has_read = asyncio.Event(), asyncio.Event()

    async def read_on() -> None:
        while not ended.is_set():
            seen.append(await reader.fetch(table))
            has_read.set()
            await asyncio.sleep(0)

    reading = asyncio.create_task(read_on())
    for turn, (_, days) in enumerate(states, start=1):
        await load(ground, warehouse, table, *days, fence=turn)
        has_read.clear()
        await has_read.wait()
    ended.set()
    await reading
    whole = [[], *(state for state, _ in states)]
    places = [whole.index(state) for state in seen]  # type: ignore[arg-type]
    assert places == sorted(places)
    assert len(set(places)) > 2


async def test_a_new_column_is_added_and_older_rows_have_nothing_in_it(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    old = [order(1)]
    await load(ground, warehouse, table, await ground.manifest(FIRST, old))
    coupon = Column("coupon", "string", False, "Required from now on.", 20)
    wider = changed(table, columns=(*COLUMNS[:-4], coupon, *LINEAGE))
    assert len(await warehouse.prepare(wider)) >= 1
    assert list(await warehouse.prepare(wider)) == []
    new = [order(2, SECOND, coupon="SPRING")]
    await load(ground, warehouse, wider, await ground.manifest(SECOND, new))
    await assert_holds(warehouse, wider, old + new)
    await assert_holds(warehouse, table, old + new)


async def test_rows_of_a_former_contract_fit_a_table_that_the_new_one_made(ground: Ground) -> None:
    coupon = Column("coupon", "string", False, "Required from now on.", 20)
    lines = Column("lines", "list", False, "Required from now on.")
    warehouse = ground.warehouse()
    table = changed(ground.table(), columns=(*COLUMNS[:-4], coupon, lines, *LINEAGE))
    await warehouse.prepare(table)
    rows = [order(1), order(2, coupon="SPRING", lines=[1])]
    for fence in (1, 2):
        await load(ground, warehouse, table, await ground.manifest(FIRST, rows), fence=fence)
        assert list(await warehouse.prepare(table)) == []
    await assert_holds(warehouse, table, rows)


@only_sql
async def test_a_field_that_became_optional_or_was_dropped_no_longer_has_to_be_there(
    ground: Ground,
) -> None:
    warehouse = ground.warehouse()
    must = [Column(name, "string", False, "") for name in ("gone", "optional")]
    table = ground.table(columns=(*COLUMNS[:2], *must, *LINEAGE))
    await warehouse.prepare(table)
    optional = changed(must[1], nullable=True)
    table = changed(table, columns=(*COLUMNS[:2], optional, *LINEAGE))
    assert len(await warehouse.prepare(table)) == 2
    rows = [{k: v for k, v in order(1).items() if k not in ("occurred_at", "order_id")}]
    await load(ground, warehouse, table, await ground.manifest(FIRST, rows))
    await assert_holds(warehouse, table, rows)


async def test_preparing_again_changes_nothing(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    statements = await warehouse.prepare(table)
    assert any(table.name.rpartition(".")[2] in statement for statement in statements)
    assert list(await warehouse.prepare(table)) == []
    assert list(await ground.warehouse().prepare(table)) == []


async def test_a_column_of_a_type_that_does_not_fit_is_named(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    columns = [changed(c, type="boolean") if c.name == "score" else c for c in COLUMNS]
    with pytest.raises(Fatal, match=r"(?i)score.*boolean"):
        await warehouse.prepare(changed(table, columns=tuple(columns)))


async def test_a_table_that_was_never_prepared_is_empty_and_can_not_be_loaded(
    ground: Ground,
) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    assert dict(await warehouse.count(table)) == {}
    assert list(await warehouse.fetch(table)) == []
    assert dict(await warehouse.loaded(table, [FIRST])) == {}
    manifest = await ground.manifest(FIRST, [order(1)])
    with pytest.raises(Fatal):
        await warehouse.replace(table, [manifest], run="too early", fence=1)


@pytest.mark.parametrize(
    ("kind", "point"),
    [("memory", "staged"), ("memory", "before_commit")]
    + [
        (kind, point)
        for kind in SQL
        for point in ("staged", "deleted", "inserted", "before_commit")
    ],
    indirect=["kind"],
)
async def test_an_error_at_any_point_before_commit_leaves_all_as_it_was(
    ground: Ground, point: str
) -> None:
    strikes = Strikes()
    warehouse, table = ground.warehouse(strikes), ground.table()
    await warehouse.prepare(table)
    rows, other = [order(1), order(2)], [order(3), order(4)]
    await load(ground, warehouse, table, await ground.manifest(FIRST, rows), fence=1)
    control = await warehouse.loaded(table, [FIRST])
    assert strikes.seen == list(ground.points)

    strikes.fail(point, Transient("the line was cut"))
    manifest = await ground.manifest(FIRST, other)
    with pytest.raises(Transient, match="the line was cut"):
        await warehouse.replace(table, [manifest], run="struck", fence=2)
    await assert_holds(ground.warehouse(), table, rows)
    assert await warehouse.loaded(table, [FIRST]) == control
    # Not even the fence has moved.
    await load(ground, ground.warehouse(), table, await ground.manifest(FIRST, rows), fence=1)

    strikes.at.clear()
    await load(ground, warehouse, table, manifest, fence=2)
    await assert_holds(warehouse, table, other)


@only_sql
async def test_a_commit_without_an_answer_is_looked_up(ground: Ground) -> None:
    strikes = Strikes()
    warehouse, table = ground.warehouse(strikes), ground.table()
    await warehouse.prepare(table)
    strikes.fail("after_commit", ConnectionResetError("no answer"))
    rows = [order(1), order(2)]
    manifest = await ground.manifest(FIRST, rows)
    assert await load(ground, warehouse, table, manifest) == {FIRST: (2, 2)}
    await assert_holds(warehouse, table, rows)


async def test_more_objects_than_one_statement_takes(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    rows = [order(n) for n in range(1_003)]
    written: list[StoredObject] = []
    for start in range(0, len(rows), 20):
        some = rows[start : start + 20]
        written += await asyncio.gather(*(ground.store([row]) for row in some))
    manifest = DayManifest(FIRST, ("s",), tuple(written))
    assert await load(ground, warehouse, table, manifest) == {FIRST: (1_003, 1_003)}
    await assert_holds(warehouse, table, rows)


VALUES = [
    {"order_id": "", "basket": {}},
    {"order_id": "Größe – 漢字 – 😀 – e\u0301"},
    {"order_id": 'two\nlines\tand "quotes", \'apostrophes\', a \\ and $1:"x" ?'},
    {"order_id": "null", "basket": "null"},
    {"occurred_at": "2026-03-01T00:00:00.000001Z"},
    {"occurred_at": "1970-01-01T00:00:00.000000Z"},
    {"occurred_at": "1600-01-01T00:00:00.000000Z", "due": "1600-01-01"},
    {"occurred_at": "9998-12-31T23:59:59.999999Z", "due": "9998-12-31"},
    {"total_cents": 10**38 - 1},
    {"total_cents": -(10**38) + 1},
    {"total_cents": 2**63, "score": -0.1},
    {"rate": "12345678901234567890123456789.123456789"},
    {"rate": "-0.000000001", "score": 1.7976931348623157e308},
    {"score": 5e-324},
    {"score": 3, "paid": True},
    {"paid": False},
    {"basket": None, "paid": None, "due": None, "rate": None, "score": None, "order_id": None},
    {"basket": {"a": [1, None, {"b": "ü\n\"'\\"}], "c": {"d": True, "e": 1.5, "f": {}}}},
    {"basket": [[], {}, "", 0, False, None]},
    {"basket": 9_007_199_254_740_993},
    {"basket": "text"},
]


async def test_every_value_comes_back_as_it_was_sent(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    rows = [order(n, **values) for n, values in enumerate(VALUES)]
    bare = {k: v for k, v in order(99).items() if k not in ("occurred_at", "order_id")}
    await load(ground, warehouse, table, await ground.manifest(FIRST, [*rows, bare]))
    await assert_holds(warehouse, table, [*rows, bare])
    fetched = {str(row["event_id"]): row for row in await warehouse.fetch(table, FIRST)}
    for sent in rows:
        got = fetched[sent["event_id"]]
        assert {k: type(v) for k, v in got.items()} == {
            k: type(v) if k != "score" or v is None else float
            for k, v in landed(table, [sent])[0].items()
        }


async def test_names_that_are_words_of_sql_or_have_quotes_in_them(ground: Ground) -> None:
    warehouse = ground.warehouse()
    names = ["select", "order", "rows", "from", "value"]
    columns = [Column(name, "string", True, f'{name}; it\'s "so"') for name in names]
    table = ground.table(columns=(*COLUMNS[:2], *columns, *LINEAGE), cluster_by=("order",))
    await warehouse.prepare(table)
    rows = [{k: order(1)[k] for k in ("day", "event_id", *(c.name for c in LINEAGE))}]
    rows[0] |= {name: f"a {name}" for name in names}
    await load(ground, warehouse, table, await ground.manifest(FIRST, rows))
    await assert_holds(warehouse, table, rows)


@only_sql
async def test_a_value_that_does_not_fit_its_column_fails_the_load(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    manifest = await ground.manifest(FIRST, [order(1, total_cents="a lot")])
    with pytest.raises(Fatal):
        await warehouse.replace(table, [manifest], run="bent", fence=1)
    await assert_holds(warehouse, table, [])


async def test_two_loads_at_once_end_as_the_one_with_the_higher_fence(ground: Ground) -> None:
    table = ground.table()
    one, two = ground.warehouse(), ground.warehouse()
    await one.prepare(table)
    older, newer = [order(1), order(2)], [order(3)]
    manifests = [await ground.manifest(FIRST, older), await ground.manifest(FIRST, newer)]

    async def until_done(warehouse: Warehouse, manifest: DayManifest, fence: int) -> None:
        while True:
            try:
                await load(ground, warehouse, table, manifest, fence=fence)
                return
            except Transient:
                continue

    ends = await asyncio.gather(
        until_done(one, manifests[0], 1), until_done(two, manifests[1], 2), return_exceptions=True
    )
    assert ends[1] is None
    assert ends[0] is None or isinstance(ends[0], Fenced | AssertionError)
    await assert_holds(one, table, newer)


async def test_an_object_of_several_gzip_members_is_read_to_its_end(ground: Ground) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    rows = [order(n) for n in range(4)]
    lines = [json.dumps(row).encode() + b"\n" for row in rows]
    stored = await ground.store(rows)
    body = gzip.compress(b"".join(lines[:2])) + gzip.compress(b"".join(lines[2:]))
    await ground.overwrite(stored.key, body)
    stored = await ground.described(stored, body)
    await load(ground, warehouse, table, DayManifest(FIRST, ("s",), (stored,)))
    await assert_holds(warehouse, table, rows)


@pytest.mark.parametrize("twice", ["day", "object"])
async def test_a_manifest_that_contradicts_itself_is_refused(ground: Ground, twice: str) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    manifest = await ground.manifest(FIRST, [order(1)])
    days = (
        [manifest, manifest]
        if twice == "day"
        else [changed(manifest, objects=manifest.objects * 2)]
    )
    with pytest.raises(Fatal, match="twice"):
        await warehouse.replace(table, days, run="confused", fence=1)
