"""A type whose events become several rows, or none, or are filtered: the audit balances, and finds
one row of one event that is missing, doubled, or in place of another."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audit import FindingKind as K
from app.audit import LogEnds
from app.audit.prints import NOTHING, deduced
from app.audit.report import DayBalance
from app.commands.audit import closing
from app.contracts.table import Column
from sinks.fingerprints import fingerprint
from sinks.protocol import Fingerprint, Place
from tests.audit.test_mutations import matches
from tests.audit.world import DAY1, DAY2, Got, World, empty_world, table_of, topic_of, tp_of

CART = "cart_bought"
CARTS = "RAW.CART_BOUGHT"
CART0 = tp_of(CART, 0)
SEAL1 = "01SEAL0001CART"
ROWS1 = f"{CART}/v1/dt=2026-03-01/{SEAL1}.ndjson.gz"


def bought(rows: int, name: str = "") -> Got:
    return Got("staged", DAY1, name, rows)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Carts of three, none, two and four lines; one of two came again, with three lines, where only
    the load sees it; a day on which every cart was empty; two were filtered."""
    async with empty_world(tmp_path) as world:
        table = table_of(CART)
        line = Column("line", "integer", False, "Which line of the cart.")
        columns = (*table.columns[:2], line, *table.columns[2:])
        key = ("event_id", "line")
        world.tables[CART] = replace(table, columns=columns, key=key, index="line")
        world.topics[CART] = (topic_of(CART), 2)
        world.logs |= {tp_of(CART, p): LogEnds(0, 0) for p in range(2)}
        first = [bought(3), bought(0), bought(2, "twin"), Got("filtered", DAY1), bought(4)]
        second = [bought(3, "twin"), Got("duplicate", DAY1), Got("filtered", DAY2)]
        await world.seal(CART, 1, {0: first, 1: second})
        await world.load(CART)
        await world.seal(CART, 2, {0: [Got("staged", DAY2, rows=0), bought(2)]})
        report = await world.audit(deep=True, memory=world.memory)
        assert report.findings == []
        yield world


async def test_rows_are_counted_apart_from_events_and_all_adds_up(world: World) -> None:
    (carts,) = (kind for kind in (await world.audit()).types if kind.event == CART)
    assert carts.days == [
        DayBalance(DAY1, received=8, staged=6, duplicates=1, filtered=1, rows=14, loaded=9,
                   collapsed=3, in_flight=2),
        DayBalance(DAY2, received=2, staged=1, filtered=1),
    ]  # fmt: skip


async def test_the_closing_sentence_tells_events_from_rows(world: World) -> None:
    told = closing(await world.audit()).plain
    assert "10 received = 7 staged + 1 duplicates + 0 dead letters + 2 filtered; " in told
    assert "14 rows = 9 in the warehouse + 3 collapsed at load + 2 waiting for a load." in told


def row(offset: int, line: int) -> str:
    return f"_partition = 0 AND _offset = {offset} AND line = {line}"


def copied(of: str, line: str = "line") -> str:
    return f"INSERT INTO {CARTS} SELECT * REPLACE ({line} AS line) FROM {CARTS} WHERE {of}"


BY_HAND: dict[str, tuple[list[str], str, tuple[int, int] | None]] = {
    "a row of an event is deleted": (
        [f"DELETE FROM {CARTS} WHERE {row(4, 2)}"], "row 2 of offset 4 is missing", (4, 5)),
    "the first row of an event is deleted": (
        [f"DELETE FROM {CARTS} WHERE {row(0, 0)}"], "row 0 of offset 0 is missing", (0, 1)),
    "a row of an event is doubled": (
        [copied(row(4, 3))], "row 3 of offset 4 is there once too often", (4, 5)),
    "all rows of an event are deleted": (
        [f"DELETE FROM {CARTS} WHERE _offset = 4"], "all 4 rows of offset 4 are missing", (4, 5)),
    "all rows of an event are doubled": (
        [copied("_offset = 4")], "all 4 rows of offset 4 are there once too often", (4, 5)),
    "a row takes the place of another of its event": (
        [f"DELETE FROM {CARTS} WHERE {row(4, 1)}", copied(row(4, 2))],
        "exchanged, between 0 and 4", None),
    "a row takes the place of another event's": (
        [f"DELETE FROM {CARTS} WHERE {row(4, 1)}", copied(row(2, 1))],
        "exchanged, between 0 and 4", None),
    "two rows of an event are deleted": (
        [f"DELETE FROM {CARTS} WHERE _offset = 4 AND line > 1"], "2 are missing, between", None),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "told", "span"), BY_HAND.values(), ids=BY_HAND)
async def test_what_is_done_to_one_row_of_an_event_is_found_and_named(
    world: World, statements: list[str], told: str, span: tuple[int, int] | None
) -> None:
    for statement in statements:
        world.sql_warehouse(statement)
    report = await world.audit()
    (found,) = report.findings
    assert matches(found, {"kind": K.WAREHOUSE_ROWS, "event": CART, "day": DAY1, "tp": CART0})
    assert told in found.text
    if span is not None:
        assert (found.first, found.next, found.object) == (*span, ROWS1)


CARTS_OF = st.dictionaries(st.integers(0, 10**12), st.integers(1, 9), min_size=1, max_size=8)
"""How many rows each offset has."""


def left(places: Iterable[Place]) -> Fingerprint:
    return fingerprint((place, hash(place)) for place in places) or NOTHING


@given(CARTS_OF, st.data())
def test_one_row_or_one_event_is_named_whichever_it_is_and_however_many_there_are(
    carts: dict[int, int], data: st.DataObject
) -> None:
    places = [(offset, line) for offset, count in carts.items() for line in range(count)]
    offset, line = one = data.draw(st.sampled_from(places))
    event = [place for place in places if place[0] == offset]
    others = [place for place in places if place not in event]
    rest = [place for place in places if place != one]
    for loaded, standing, what in (
        (places, rest, f"row {line} of offset {offset} is missing"),
        (places, [*places, one], f"row {line} of offset {offset} is there once too often"),
        (places, others, f"all {len(event)} rows of offset {offset} are missing"),
    ):
        if what.startswith("all 1 "):
            what = f"row 0 of offset {offset} is missing"
        told = deduced(left(loaded), left(standing), by_index=True)
        assert told == (what, offset, offset + 1)


@given(CARTS_OF, st.data())
def test_whatever_was_done_to_rows_something_is_told_of_it(
    carts: dict[int, int], data: st.DataObject
) -> None:
    places = [(offset, line) for offset, count in carts.items() for line in range(count)]
    standing = data.draw(st.lists(st.sampled_from(places), max_size=30))
    if left(standing) != left(places):
        told, first, next_ = deduced(left(places), left(standing), by_index=True)
        assert told
        assert first < next_


DEEP: dict[str, tuple[list[str], list[str]]] = {
    "a row takes the place of another of its event": (
        BY_HAND["a row takes the place of another of its event"][0],
        ["row 1 of offset 4 must stand", "row 2 of offset 4 stands 1 times more"]),
    "a row takes the place of another event's": (
        BY_HAND["a row takes the place of another event's"][0],
        ["row 1 of offset 2 stands 1 times more", "row 1 of offset 4 must stand"]),
    "two rows of an event are deleted": (
        BY_HAND["two rows of an event are deleted"][0], ["each of rows 2–3 of offset 4 must"]),
    "rows of two events are deleted": (
        [f"DELETE FROM {CARTS} WHERE line = 1"],
        ["row 1 of offset 0 must stand", "row 1 of offset 2 must", "row 1 of offset 4 must"]),
    "a copy that was collapsed stands instead": (
        [f"UPDATE {CARTS} SET _partition = 1, _offset = 0 WHERE _offset = 2"],
        ["each of rows 0–1 of offset 0 stands 1 times more", "each of rows 0–1 of offset 2 must"]),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "told"), DEEP.values(), ids=DEEP)
async def test_the_deep_audit_names_each_row(
    world: World, statements: list[str], told: list[str]
) -> None:
    for statement in statements:
        world.sql_warehouse(statement)
    report = await world.audit(deep=True)
    assert {found.kind for found in report.findings} == {K.WAREHOUSE_ROWS}
    texts = sorted(found.text.split(": ", 1)[1] for found in report.findings)
    assert len(texts) == len(told), texts
    for text, start in zip(texts, sorted(told), strict=True):
        assert start in text


Mutation = Callable[[World], None]


def shifted(column: str, by: int = 1, table: str = "counts") -> Mutation:
    return lambda world: world.sql_ledger(
        f"UPDATE {table} SET {column} = {column} + {by} WHERE entry = ? AND day = ?",
        SEAL1, f"{DAY1}",
    )  # fmt: skip


LEDGER: dict[str, tuple[Mutation, set[K]]] = {
    "an event is not called filtered any more": (shifted("filtered", -1), {K.SEAL}),
    "one more is called filtered": (shifted("filtered"), {K.SEAL}),
    "one row more is counted": (shifted("rows"), {K.SEAL, K.LOAD_SEALS}),
    "one row less is counted": (shifted("rows", -1), {K.SEAL, K.LOAD_SEALS}),
    "one staged event more is counted": (shifted("staged"), {K.SEAL}),
    "rows are said to be as many as events": (
        lambda world: world.sql_ledger(
            "UPDATE counts SET rows = NULL WHERE entry = ? AND day = ?", SEAL1, f"{DAY1}"
        ),
        {K.SEAL, K.LOAD_SEALS},
    ),
    "an object's rows are one more": (
        shifted("rows", table="objects"), {K.SEAL, K.LOAD_SEALS}),
}  # fmt: skip


@pytest.mark.parametrize(("mutate", "kinds"), LEDGER.values(), ids=LEDGER)
async def test_a_count_that_is_shifted_is_found_by_the_next_audit(
    world: World, mutate: Mutation, kinds: set[K]
) -> None:
    mutate(world)
    report = await world.audit(memory=world.memory)
    assert {found.kind for found in report.findings} == kinds
    about = {"kind": K.SEAL, "event": CART, "seal": SEAL1}
    assert any(matches(found, about) for found in report.findings)
