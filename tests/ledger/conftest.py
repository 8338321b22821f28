"""The same tests for both ledgers: `ledger` and `other` are two handles to one store."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pymongo
import pytest

from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Ledger
from tests.servers.mongo import mongo_url

__all__ = ["mongo_url"]


@pytest.fixture
def sqlite_options(tmp_path: Path) -> LedgerOptions:
    return LedgerOptions(url=f"sqlite:///{tmp_path}/made/on/the/way/ledger.db")


@pytest.fixture
def mongo_options(mongo_url: str) -> Iterator[LedgerOptions]:
    options = LedgerOptions(url=mongo_url, database=f"test_{uuid4().hex[:12]}")
    yield options
    with pymongo.MongoClient[dict[str, object]](mongo_url) as client:
        client.drop_database(options.database)


@pytest.fixture(params=["sqlite", "mongo"])
def options(request: pytest.FixtureRequest) -> LedgerOptions:
    """Where an empty ledger is."""
    found: LedgerOptions = request.getfixturevalue(f"{request.param}_options")
    return found


@pytest.fixture
async def ledger(options: LedgerOptions) -> AsyncIterator[Ledger]:
    ledger = await open_ledger(options)
    yield ledger
    await ledger.close()


@pytest.fixture
async def other(ledger: Ledger, options: LedgerOptions) -> AsyncIterator[Ledger]:
    """As another process sees the same ledger."""
    other = await open_ledger(options)
    yield other
    await other.close()
