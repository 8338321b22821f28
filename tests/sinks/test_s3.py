"""What only S3 has: prefixes, uploads that outlive their writer, settings that can be wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from pydantic import SecretStr

from app.core.errors import Fatal, Transient
from sinks.protocol import ObjectLost
from sinks.s3.options import S3Options
from sinks.s3.store import S3ObjectStore
from tests.house.proxy import LoseAnswer, Proxy, http_answer
from tests.sinks.objects import KEY, MiB, keys, lines, put
from tests.sinks.s3_network import ALWAYS, completes, far_away, makes_visible

NO_SUCH_UPLOAD = http_answer(404, "NoSuchUpload")
"""To the completion of an upload: what AWS says some time after it."""


@pytest.fixture
def here(s3: S3Options, unique: str) -> S3Options:
    """A corner of the bucket that is empty."""
    return s3.model_copy(update={"prefix": unique})


async def test_the_prefix_is_put_before_every_key_and_never_seen(here: S3Options) -> None:
    async with (
        _opened(here.model_copy(update={"prefix": f"{here.prefix}/one/two"})) as inside,
        _opened(here) as outside,
    ):
        await put(inside, KEY)
        await put(outside, "elsewhere")
        assert await keys(inside, "") == [KEY]
        assert await keys(outside, "one/") == [f"one/two/{KEY}"]


async def test_an_upload_that_nobody_finished_is_listed_and_can_be_aborted(
    here: S3Options,
) -> None:
    async with _opened(here) as store:
        writer = store.writer(KEY)
        for line in lines(9 * MiB):
            writer.append(line)
            await writer.relieve()
        (upload,) = [found async for found in store.uploads()]
        assert upload.key == KEY
        assert abs(upload.begun - await store.now()) < timedelta(minutes=5)
        for _ in range(2):
            await store.abort_upload(upload)
        assert [found async for found in store.uploads()] == []
        with pytest.raises((ObjectLost, Fatal)):
            await writer.finish()
        assert await store.stat(KEY) is None


@pytest.mark.parametrize(
    ("wrong", "variable"),
    [
        ({"bucket": "no-such-bucket-here"}, "S3__BUCKET"),
        ({"access_key_id": "nobody"}, "S3__ACCESS_KEY_ID"),
        ({"secret_access_key": SecretStr("wrong")}, "S3__SECRET_ACCESS_KEY"),
        ({"endpoint_url": "not a url"}, "S3__"),
    ],
)
async def test_wrong_settings_are_fatal_and_the_text_names_the_variable(
    here: S3Options, wrong: dict[str, object], variable: str
) -> None:
    async with _opened(here.model_copy(update=wrong)) as store:
        with pytest.raises(Fatal, match=variable):
            await store.ping()
        with pytest.raises(Fatal, match=variable):
            await keys(store, "")


@asynccontextmanager
async def _opened(options: S3Options) -> AsyncIterator[S3ObjectStore]:
    store = S3ObjectStore(options)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def _proxied(options: S3Options) -> AsyncIterator[tuple[S3ObjectStore, Proxy]]:
    async with far_away(options) as (there, proxy), _opened(there) as store:
        yield store, proxy


async def test_a_completed_upload_that_s3_has_forgotten_is_recognised_by_its_object(
    here: S3Options,
) -> None:
    async with _proxied(here) as (store, proxy):
        writer = store.writer(KEY)
        for line in lines(9 * MiB):
            writer.append(line)
            await writer.relieve()
        proxy.rule(makes_visible, LoseAnswer(), ALWAYS)
        with pytest.raises(Transient):
            await writer.finish()
        proxy.heal()
        proxy.rule(completes, NO_SUCH_UPLOAD)
        written = await writer.finish()
        stat = await store.stat(KEY)
        assert stat is not None
        assert (stat.bytes, stat.etag) == (written.bytes, written.etag)


async def test_an_object_that_someone_else_wrote_is_not_taken_for_ours(here: S3Options) -> None:
    async with _proxied(here) as (store, proxy):
        writer = store.writer(KEY)
        for line in lines(9 * MiB):
            writer.append(line)
            await writer.relieve()
        await put(store, KEY, b"another's")
        proxy.rule(completes, NO_SUCH_UPLOAD)
        with pytest.raises(ObjectLost, match="someone else"):
            await writer.finish()


async def test_a_server_that_stops_reading_in_the_middle_of_an_upload_is_given_up(
    here: S3Options,
) -> None:
    """More than what the network itself holds has to be written, and nobody takes it."""
    async with _proxied(here.model_copy(update={"timeout_seconds": 0.3})) as (store, proxy):
        await store.ping()
        writer = store.writer(KEY)
        for line in lines(18 * MiB):
            writer.append(line)
        proxy.stalled = True
        async with asyncio.timeout(60):
            with pytest.raises(Transient):
                await writer.finish()
        proxy.heal()
        await writer.abort()
