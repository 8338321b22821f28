"""One suite for every object store: what `sinks.protocol` promises, on each of them."""

import asyncio
import gzip
import hashlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from app.core.errors import Transient
from sinks.memory import MemoryObjectStore
from sinks.protocol import ObjectLost, ObjectStore, ObjectWriter, Written
from sinks.s3.options import S3Options
from sinks.s3.store import S3ObjectStore
from tests.house.proxy import LoseAnswer
from tests.sinks.objects import KEY, MiB, keys, lines, put, stored
from tests.sinks.s3_network import ALWAYS, far_away, makes_visible


@dataclass
class Case:
    """A store, and how to make it unreachable and reachable again."""

    store: ObjectStore
    part_bytes: int
    unreachable: Callable[[], None]
    answers_lost: Callable[[], object]
    mended: Callable[[], None]
    uploads: Callable[[], Awaitable[list[str]]]


@asynccontextmanager
async def in_memory() -> AsyncIterator[Case]:
    store = MemoryObjectStore()

    def fail(when: str) -> None:
        for operation in ("finish", "stat", "read", "list", "delete", "ping"):
            store.fail_next(operation, Transient("unplugged"), when)  # type: ignore[arg-type]

    async def uploads() -> list[str]:
        return list(store.unfinished)

    yield Case(
        store,
        store.part_bytes,
        lambda: fail("before"),
        lambda: store.fail_next("finish", Transient("unplugged"), "after"),
        store.mend,
        uploads,
    )
    await store.close()


@asynccontextmanager
async def on_s3(options: S3Options) -> AsyncIterator[Case]:
    async with far_away(options) as (there, proxy):
        store = S3ObjectStore(there)

        async def uploads() -> list[str]:
            return [upload.key async for upload in store.uploads()]

        yield Case(
            store,
            options.part_bytes,
            proxy.take_down,
            lambda: proxy.rule(makes_visible, LoseAnswer(), ALWAYS),
            proxy.heal,
            uploads,
        )
        await store.close()


@pytest.fixture(params=["memory", "s3"])
def store_options(request: pytest.FixtureRequest, unique: str) -> S3Options | None:
    """None for the store in memory."""
    if request.param == "memory":
        return None
    options: S3Options = request.getfixturevalue("s3")
    return options.model_copy(update={"prefix": f"{unique}/some/prefix"})


@pytest.fixture
async def case(store_options: S3Options | None) -> AsyncIterator[Case]:
    async with on_s3(store_options) if store_options else in_memory() as made:
        yield made


@pytest.mark.parametrize(
    "content",
    [[], [b'{"a":1}\n'], [b'{"n":%d}\n' % n for n in range(50_000)], lines(18 * MiB)],
    ids=["no line", "one line", "many lines", "more than three parts"],
)
async def test_what_goes_in_comes_out_and_is_what_was_said(
    case: Case, content: list[bytes]
) -> None:
    writer = case.store.writer(KEY)
    for line in content:
        writer.append(line)
        await writer.relieve()
    written = await writer.finish()
    body = await stored(case.store, KEY)
    assert gzip.decompress(body) == b"".join(content)
    assert (written.bytes, written.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    stat = await case.store.stat(KEY)
    assert stat is not None
    assert (stat.key, stat.bytes, stat.etag) == (KEY, written.bytes, written.etag)
    assert abs(datetime.now(UTC) - stat.modified) < timedelta(hours=1)
    assert await case.uploads() == []


async def test_memory_stays_bounded_while_fifty_megabytes_stream_through(case: Case) -> None:
    writer = case.store.writer(KEY)
    some = lines(2 * MiB)
    held = 0
    for _ in range(25):
        for line in some:
            writer.append(line)
            held = max(held, writer.held_bytes)
            await writer.relieve()
    await writer.finish()
    assert held <= 3.5 * case.part_bytes
    assert writer.held_bytes < 4096
    assert (await case.store.stat(KEY)) is not None


async def test_hundreds_of_small_open_objects_cost_little_more_than_their_text(case: Case) -> None:
    writers = [case.store.writer(f"small/{n}") for n in range(360)]
    for writer in writers:
        writer.append(b"x" * 1023 + b"\n")
    assert 360 * 1024 <= sum(writer.held_bytes for writer in writers) <= 360 * 1536


async def test_an_object_does_not_exist_before_it_is_finished(case: Case) -> None:
    writer = case.store.writer(KEY)
    for line in lines(9 * MiB):
        writer.append(line)
        await writer.relieve()
    assert await case.store.stat(KEY) is None
    assert await keys(case.store, "") == []
    await writer.abort()


async def test_an_aborted_object_leaves_nothing_behind(case: Case) -> None:
    writer = case.store.writer(KEY)
    for line in lines(18 * MiB):
        writer.append(line)
        await writer.relieve()
    await writer.abort()
    assert writer.held_bytes < 4096
    assert await case.store.stat(KEY) is None
    assert await case.uploads() == []
    with pytest.raises(RuntimeError):
        await writer.finish()


async def finished(writer: ObjectWriter, tries: int = 5) -> Written:
    """As a worker does: a part that failed before may say so only now, so more than once."""
    for _ in range(tries - 1):
        with suppress(Transient):
            return await writer.finish()
    return await writer.finish()


@pytest.mark.parametrize("size", [MiB, 18 * MiB], ids=["small", "large"])
async def test_a_finish_that_failed_is_repeated_and_loses_nothing(case: Case, size: int) -> None:
    content = lines(size)
    writer = case.store.writer(KEY)
    for line in content:
        writer.append(line)
        await writer.relieve()
    case.unreachable()
    with pytest.raises(Transient):
        await writer.finish()
    case.mended()
    assert await case.store.stat(KEY) is None
    written = await finished(writer)
    assert await writer.finish() == written
    body = await stored(case.store, KEY)
    assert gzip.decompress(body) == b"".join(content)
    assert hashlib.sha256(body).hexdigest() == written.sha256


@pytest.mark.parametrize("size", [MiB, 18 * MiB], ids=["small", "large"])
async def test_a_finish_whose_answer_was_lost_is_finished_by_the_next(
    case: Case, size: int
) -> None:
    content = lines(size)
    writer = case.store.writer(KEY)
    for line in content:
        writer.append(line)
    await writer.relieve()
    case.answers_lost()
    with pytest.raises(Transient):
        await writer.finish()
    case.mended()
    written = await finished(writer)
    stat = await case.store.stat(KEY)
    assert stat is not None
    assert (stat.bytes, stat.etag) == (written.bytes, written.etag)
    assert gzip.decompress(await stored(case.store, KEY)) == b"".join(content)
    assert await case.uploads() == []


async def test_a_part_that_failed_is_sent_again_by_the_next_relieve(case: Case) -> None:
    content = lines(18 * MiB)
    writer = case.store.writer(KEY)
    failures = 0
    for n, line in enumerate(content):
        if n == len(content) // 2:
            case.unreachable()
        writer.append(line)
        try:
            await writer.relieve()
        except Transient:
            failures += 1
            case.mended()
    if not failures:  # the last relieve left the failing parts in flight
        with pytest.raises(Transient):
            await writer.finish()
        case.mended()
    await writer.finish()
    assert gzip.decompress(await stored(case.store, KEY)) == b"".join(content)


async def test_abort_never_raises_even_when_nobody_answers(case: Case) -> None:
    writer = case.store.writer(KEY)
    for line in lines(9 * MiB):
        writer.append(line)
        await writer.relieve()
    case.unreachable()
    await writer.abort()
    case.mended()
    assert await case.store.stat(KEY) is None


async def test_a_missing_object_is_none_to_stat_and_lost_to_read(case: Case) -> None:
    assert await case.store.stat("no/such.ndjson.gz") is None
    with pytest.raises(ObjectLost, match="no/such"):
        await stored(case.store, "no/such.ndjson.gz")


async def test_listing_goes_by_ascending_key_under_its_prefix_and_over_pages(case: Case) -> None:
    wanted = [f"a/{n:04d}" for n in range(1_050)]
    shuffled = random.Random(1).sample(wanted, len(wanted))
    for start in range(0, len(shuffled), 50):
        await asyncio.gather(*(put(case.store, key) for key in shuffled[start : start + 50]))
    await put(case.store, "b/0000")
    assert await keys(case.store, "a/") == wanted
    assert await keys(case.store, "a/104") == wanted[1040:]
    assert await keys(case.store, "") == [*wanted, "b/0000"]
    await case.store.delete([*wanted, "never/was"])
    assert await keys(case.store, "") == ["b/0000"]


async def test_keys_and_rows_may_be_in_any_script(case: Case) -> None:
    key, content = "заказ/v1/dt=2026-03-01/snö &+%20 ☂.ndjson.gz", '{"né":"日本 🌊"}\n'.encode()
    await put(case.store, key, content)
    assert gzip.decompress(await stored(case.store, key)) == content
    assert await keys(case.store, "заказ/") == [key]
    await case.store.delete([key])
    assert await case.store.stat(key) is None


async def test_an_unreachable_store_is_transient_to_every_call(case: Case) -> None:
    await put(case.store, KEY)
    case.unreachable()
    for call in (
        case.store.ping(),
        case.store.stat(KEY),
        stored(case.store, KEY),
        keys(case.store, ""),
        case.store.delete([KEY]),
    ):
        with pytest.raises(Transient):
            await call
    case.mended()
    await case.store.ping()
    assert await keys(case.store, "") == [KEY]
