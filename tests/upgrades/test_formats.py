"""What an older program wrote is read, and what a newer one wrote is refused or made anew."""

from datetime import timedelta
from pathlib import Path

import pymongo
import pytest

from app.core.errors import Fatal
from app.ledger.mongo import VERSION
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.sqlite_schema import VERSION as SQLITE_VERSION
from app.worker.dedupe import Marks
from tests.ledger.conftest import mongo_options, mongo_url
from tests.ledger.examples import seal, span, start

__all__ = ["mongo_options", "mongo_url"]

KEY = bytes.fromhex("a1b2c3d4e5f60718" + "00112233445566778899aabbccddeeff")
CHANGELOG = KEY + bytes.fromhex("000000000000002a")
"""One mark as format 1 has it: the topic's print, the event's print, the offset 42."""


def test_both_ledgers_have_one_format() -> None:
    assert VERSION == SQLITE_VERSION


async def test_a_ledger_of_a_newer_format_is_refused_by_mongodb_too(
    mongo_options: LedgerOptions,
) -> None:
    ledger = await open_ledger(mongo_options)
    await ledger.close()
    with pymongo.MongoClient[dict[str, object]](mongo_options.url) as client:
        counters = client[mongo_options.database]["counters"]
        assert counters.find_one({"_id": "format"}) == {"_id": "format", "value": VERSION}
        counters.update_one({"_id": "format"}, {"$set": {"value": 99}})
    with pytest.raises(Fatal, match=f"has format 99, this program writes {VERSION}"):
        await open_ledger(mongo_options)


async def test_a_ledger_that_was_made_before_formats_were_written_down_goes_on(
    mongo_options: LedgerOptions,
) -> None:
    ledger = await open_ledger(mongo_options)
    await ledger.start_chains([start()])
    made = seal(span(0, 10))
    await ledger.record(made)
    await ledger.close()
    with pymongo.MongoClient[dict[str, object]](mongo_options.url) as client:
        client[mongo_options.database]["counters"].delete_one({"_id": "format"})
    again = await open_ledger(mongo_options)
    assert [found async for found in again.seals()] == [made]
    await again.record(seal(span(10, 20)))
    await again.close()


def test_a_changelog_of_format_1_is_read(tmp_path: Path) -> None:
    marks = Marks(tmp_path, "seen-1", "app-seen-1-changelog", timedelta(days=1))
    marks.apply(0, [(7, CHANGELOG)])
    marks.recovered(0, 7)
    assert marks.position(0) == 7
    assert marks.lookup(0, [KEY, bytes(24)]) == [CHANGELOG[24:], None]
    marks.close()
