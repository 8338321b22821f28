"""The same in a ledger of MongoDB: each document that is removed, each count that is shifted."""

from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path
from typing import Any
from uuid import uuid4

import pymongo
import pytest

from app.audit import FindingKind as K
from app.ledger.options import LedgerOptions
from tests.audit.test_mutations import DEAD1, ORDER0, ROWS1, SEAL1, SEAL2, SEAL3, matches
from tests.audit.world import DAY1, DAY2, ORDER, Got, World, empty_world, fill
from tests.servers.mongo import mongo_url

__all__ = ["mongo_url"]

LOST = 40
LOAD1 = {"_id": f"{ORDER}|RAW.ORDER_PLACED|2026-03-01"}
Change = Callable[[Any], Any]


def counted(field: str, seal: str = SEAL1) -> Change:
    return lambda db: db["ledger"].update_one({"_id": seal}, {"$inc": {field: 1}})


def cut(field: str) -> Change:
    return lambda db: db["ledger"].update_one({"_id": SEAL1}, {"$pop": {field: 1}})


def removed(name: str, identity: str) -> Change:
    return lambda db: db[name].delete_one({"_id": identity})


ABOUT1 = {"kind": K.SEAL, "event": ORDER, "seal": SEAL1}
MUTATIONS: dict[str, tuple[Change, dict[str, Any], Collection[K]]] = {
    "a seal is removed": (removed("ledger", SEAL1),
        {"kind": K.GAP, "event": ORDER, "tp": ORDER0, "first": 0, "next": 4}, {K.LOAD_SEALS}),
    "the last seal is removed, which no load has named": (removed("ledger", SEAL3),
        {"kind": K.CURSOR, "event": ORDER, "first": 4, "next": 6}, ()),
    "a start is removed": (removed("ledger", f"{ORDER0}@start"),
        {"kind": K.CHAIN_START, "event": ORDER, "tp": ORDER0, "first": 0}, ()),
    "an incident is removed": (removed("ledger", "01INCIDENT"),
        {"kind": K.GAP, "event": ORDER, "tp": ORDER0, "first": 7, "next": 7 + LOST}, ()),
    "a load is removed": (removed("loads", LOAD1["_id"]),
        {"kind": K.LOAD_CONTROL, "event": ORDER, "day": DAY1}, {K.LOAD_SEALS}),
    "a load's rows are shifted": (lambda db: db["loads"].update_one(LOAD1, {"$inc": {"rows": 1}}),
        {"kind": K.LOAD_CONTROL, "event": ORDER, "day": DAY1}, ()),
    "records are shifted": (counted("ranges.0.records", SEAL2),
        {"kind": K.SEAL, "seal": SEAL2, "tp": ORDER0, "first": 4, "next": 7}, ()),
    "an end is shifted": (counted("ranges.0.next", SEAL1),
        {"kind": K.OVERLAP, "tp": ORDER0, "first": 4, "next": 5}, {K.SEAL}),
    "staged is shifted": (counted("counts.days.0.staged"), ABOUT1, {K.LOAD_SEALS}),
    "duplicates are shifted": (counted("counts.days.0.duplicates"), ABOUT1, ()),
    "dead by reason is shifted": (counted("counts.dead_by_reason.schema"), ABOUT1, ()),
    "a total is shifted": (counted("counts.received"), ABOUT1, ()),
    "an object's rows are shifted": (counted("objects.0.rows"), ABOUT1, {K.LOAD_SEALS}),
    "an object's bytes are shifted": (counted("objects.0.bytes"),
        {"kind": K.OBJECT_CHANGED, "day": DAY1, "object": ROWS1, "seal": SEAL1}, ()),
    "an object is left out": (cut("objects"), ABOUT1, ()),
    "a day is left out, which no load would take then": (cut("row_days"), ABOUT1, ()),
    "a link is left out": (cut("chain"), ABOUT1, ()),
    "a waiting seal is forgotten": (
        lambda db: db["ledger"].update_one({"_id": SEAL3}, {"$set": {"unloaded": []}}),
        {"kind": K.LOAD_SEALS, "event": ORDER, "day": DAY2}, ()),
}  # fmt: skip


@pytest.fixture
async def world(mongo_url: str, tmp_path: Path) -> AsyncIterator[tuple[World, Any]]:
    """A world with an incident in the middle of a chain, audited once; and its database."""
    options = LedgerOptions(url=mongo_url, database=f"test_{uuid4().hex[:12]}")
    async with empty_world(tmp_path, options=options) as world:
        await fill(world)
        await world.incident(ORDER, 0, lost=LOST)
        await world.seal(ORDER, 9, {0: [Got("duplicate", DAY1)]})
        report = await world.audit(memory=world.memory)
        assert [found.kind for found in report.findings] == [K.INCIDENT]
        with pymongo.MongoClient[dict[str, Any]](mongo_url) as client:
            yield world, client[options.database]
            client.drop_database(options.database)


@pytest.mark.parametrize(("change", "wanted", "also"), MUTATIONS.values(), ids=MUTATIONS)
async def test_what_is_broken_by_hand_in_mongo_is_found_by_the_next_audit(
    world: tuple[World, Any], change: Change, wanted: dict[str, Any], also: Collection[K]
) -> None:
    broken, database = world
    change(database)
    report = await broken.audit(memory=broken.memory)
    news = [found for found in report.findings if found.kind is not K.INCIDENT]
    assert any(matches(found, wanted) for found in news), report.findings
    assert {found.kind for found in news} <= {wanted["kind"], *also}


async def test_a_removed_hint_is_told_and_is_no_loss(world: tuple[World, Any]) -> None:
    broken, database = world
    assert (await broken.audit()).notes == []
    database["cursors"].delete_one({"_id": ORDER0})
    report = await broken.audit(memory=broken.memory)
    assert [found.kind for found in report.findings] == [K.INCIDENT]
    assert report.notes[0].startswith(f"{ORDER0}: the hint where this chain ends was removed")


async def test_what_mongo_can_not_digest_is_found_by_reading_everything(
    world: tuple[World, Any],
) -> None:
    """A text in place of another as long: an audit with a memory does not read its seal again."""
    broken, database = world
    key = DEAD1.replace("dead", "daed")
    database["ledger"].update_one({"objects.key": DEAD1}, {"$set": {"objects.$.key": key}})
    remembering, full = await broken.audit(memory=broken.memory), await broken.audit()
    assert [found.kind for found in remembering.findings] == [K.INCIDENT]
    assert {(found.kind, found.object) for found in full.findings if found.object} == {
        (K.OBJECT_MISSING, key)
    }
