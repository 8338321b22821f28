"""A sweep on a real S3: inside the prefix, and nowhere else."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from ulid import ULID

from app.core.seal import DayCounts, ObjectKind, Seal, StoredObject, object_key
from app.janitor import strays
from app.janitor.pile import Kind, Pile
from app.janitor.sweep import sweep
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Ledger
from sinks.memory import MemoryWarehouse
from sinks.protocol import ObjectStore
from sinks.s3.options import S3Options
from sinks.s3.store import S3ObjectStore
from tests.ledger.examples import EVENT, MONDAY, NOON, TP, span, start
from tests.sinks.objects import MiB, lines

AT_ONCE_OLD = timedelta(hours=-1)
"""As grace: what was stored an hour from now is old."""


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = await open_ledger(LedgerOptions(url=f"sqlite:///{tmp_path}/ledger.db"))
    yield ledger
    await ledger.close()


async def put(store: ObjectStore, key: str) -> tuple[int, str, str]:
    writer = store.writer(key)
    writer.append(b"{}\n")
    done = await writer.finish()
    return done.bytes, done.sha256, done.etag


async def keys(store: ObjectStore) -> set[str]:
    return {stat.key async for stat in store.list("")}


async def test_only_strays_inside_the_prefix_go(s3: S3Options, unique: str, ledger: Ledger) -> None:
    inside = S3ObjectStore(s3.model_copy(update={"prefix": f"{unique}/lake"}))
    outside = S3ObjectStore(s3.model_copy(update={"prefix": f"{unique}/other"}))
    id = str(ULID())
    named, stray = (object_key(ObjectKind.ROWS, EVENT, 1, MONDAY, one) for one in (id, str(ULID())))
    size, sha, etag = await put(inside, named)
    stored = StoredObject(MONDAY, ObjectKind.ROWS, named, 1, size, sha, etag)
    await ledger.start_chains([start(TP)])
    await ledger.record(
        Seal(id, EVENT, 1, "w1", NOON, "sha", (span(0, 1),), (stored,), {MONDAY: DayCounts(1)})
    )
    await put(inside, stray)
    await put(inside, "README.txt")
    await put(outside, stray)
    writer = inside.writer(object_key(ObjectKind.DEAD, EVENT, 1, MONDAY, str(ULID())))
    for line in lines(9 * MiB):
        writer.append(line)
    await writer.relieve()

    async def swept(*, go: bool) -> dict[Kind, Pile]:
        return await sweep(
            ledger,
            inside,
            MemoryWarehouse(inside),
            keep_runs=timedelta(days=1),
            go=go,
            grace=AT_ONCE_OLD,
        )

    listed = await swept(go=False)
    assert (listed[Kind.OBJECTS].examples, listed[Kind.UPLOADS].count) == ([stray], 1)
    assert await swept(go=True) == listed
    assert await keys(inside) == {named, "README.txt"}
    assert await keys(outside) == {stray}
    assert [upload async for upload in inside.uploads()] == []
    for store in (inside, outside):
        await store.close()


async def test_what_is_removed_during_a_listing_of_many_pages_hides_nothing(
    s3: S3Options, unique: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's pages have 7 keys here; those before the next page are removed meanwhile."""
    monkeypatch.setattr(strays, "AT_ONCE", 3)
    store, pages = S3ObjectStore(s3.model_copy(update={"prefix": f"{unique}/many"})), 0
    there = [object_key(ObjectKind.ROWS, EVENT, 1, MONDAY, str(ULID())) for _ in range(40)]
    for key in there:
        await put(store, key)

    def small(params: dict[str, object], **_: object) -> dict[str, object]:
        nonlocal pages
        pages += 1
        return params | {"MaxKeys": 7}

    client = await store._bucket.client()
    client.meta.events.register("provide-client-params.s3.ListObjectsV2", small)
    done = await sweep(
        ledger,
        store,
        MemoryWarehouse(store),
        keep_runs=timedelta(days=1),
        go=True,
        most=True,
        grace=AT_ONCE_OLD,
    )
    assert (done[Kind.OBJECTS].count, await keys(store)) == (len(there), set())
    assert pages == 6 + 6 + 1
    await store.close()
