"""Ledgers, and a folder that is fast enough for thousands of small files."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from loguru import logger

from app.ledger.options import LedgerOptions
from tests.ledger.conftest import mongo_options
from tests.models.effort import LONG
from tests.servers.mongo import mongo_url

__all__ = ["mongo_options", "mongo_url"]

SHARED_MEMORY = Path("/dev/shm")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of workers say what they do: what failed is told by the steps of one example."""
    logger.disable("app")
    yield
    logger.enable("app")


@pytest.fixture
def fast_dir(tmp_path: Path) -> Iterator[Path]:
    """In memory where the system offers that: an example should not wait for a disk."""
    if not SHARED_MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY, prefix="forebay-") as folder:
        yield Path(folder)


@pytest.fixture
def sqlite_options(fast_dir: Path) -> LedgerOptions:
    return LedgerOptions(url=f"sqlite:///{fast_dir}/{uuid4().hex[:8]}/ledger.db")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A busy machine is no failure, and a long try takes as long as it takes."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(0 if LONG else 600))
