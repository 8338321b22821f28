"""Trouble in a multipart upload of 7 parts: in the end one whole object, and nothing left open."""

import gzip
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest

from app.core.errors import Transient
from app.core.seal import ObjectKind
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from sinks.s3.store import S3ObjectStore
from tests.faults.steady import terminated
from tests.faults.watching import metric
from tests.house.house import opened_house, until
from tests.house.load import Load
from tests.house.proxy import Action, Cut, LoseAnswer, Matches, Stall, http_answer
from tests.house.sales import Sales
from tests.house.servers import Servers
from tests.sinks.objects import KEY, MiB, lines, stored
from tests.sinks.s3_network import ALWAYS, TRIES, completes, error_in_a_200, far_away, part

T = TypeVar("T")


class Parcels(Sales):
    """Sales with a note of 64 KB, of which gzip can spare a quarter."""

    def write(self, folder: Path) -> None:
        super().write(folder)
        file = folder / f"{self.event}.yaml"
        note = "  note: {type: string, max_length: 70000, pii: keep, about: What is in it.}\n\n"
        text = file.read_text().replace("\nkafka:", note + "kafka:")
        file.write_text(text.replace("number: 1}", "number: 1, note: tea}"))

    def made(self, number: int) -> dict[str, Any]:
        note = lines(64 << 10, seed=number)[0].decode().strip()
        return super().made(number) | {"note": note}


async def test_an_upload_cut_in_part_3_of_7_is_finished_whole_and_sealed_once(
    servers: Servers, unique: str, tmp_path: Path
) -> None:
    parcels = Parcels(f"parcel_{unique}", days=1)
    open_long = {"S3__TIMEOUT_SECONDS": "1", "SEAL__MAX_AGE_SECONDS": "3600"}
    opened = opened_house(unique, tmp_path, servers, sales=[parcels], environment=open_long)
    async with opened as house:
        brokers = house.environment["KAFKA__BROKERS"]
        load = Load([parcels], lambda: [], brokers, rate=100_000, again=0, bad=0)
        worker = house.role("worker")
        await worker.start()
        rule = house.networks.s3.rule(part(3), Cut(after_bytes=60_000), 2 * TRIES)
        await load.send(680, http=False)

        async def all_is_read() -> bool:
            return await metric(worker, "forebay_worker_events_total") == load.events

        await until(all_is_read, "the worker has read all")
        await terminated(worker)
        assert rule.left == 0

        ledger = await open_ledger(LedgerOptions(url=house.environment["LEDGER__URL"]))
        (seal,) = [seal async for seal in ledger.seals()]
        await ledger.close()
        assert seal.received == load.events
        assert seal.problems() == []
        (sealed,) = seal.objects
        assert (sealed.kind, sealed.rows) == (ObjectKind.ROWS, load.events)
        assert sealed.etag.endswith("-7")
        near = servers.s3_options.model_copy(update={"prefix": house.name})
        objects = S3ObjectStore(near)
        body = await stored(objects, sealed.key)
        assert (len(body), hashlib.sha256(body).hexdigest()) == (sealed.bytes, sealed.sha256)
        assert gzip.decompress(body).count(b"\n") == load.events
        assert await open_uploads(objects) == []
        await objects.close()


async def open_uploads(objects: S3ObjectStore) -> Sequence[str]:
    """The uploads that nobody has finished."""
    return [upload.key async for upload in objects.uploads()]


TROUBLE: dict[str, tuple[Matches, Action]] = {
    "part 3: 500": (part(3), http_answer(500, "InternalError")),
    "part 3: 503 SlowDown": (part(3), http_answer(503, "SlowDown")),
    "part 3: a stalled connection": (part(3), Stall()),
    "part 3: a cut connection": (part(3), Cut(after_bytes=60_000)),
    "completion: a lost answer": (completes, LoseAnswer()),
    "completion: an error in a 200": (completes, error_in_a_200("InternalError")),
}


@cache
def incompressible() -> list[bytes]:
    """Enough for 7 parts."""
    return lines(41 * MiB)


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_an_upload_of_7_parts_goes_through_any_trouble_and_leaves_one_whole_object(
    servers: Servers, unique: str, trouble: str
) -> None:
    await servers.s3.start()
    here = servers.s3_options.model_copy(update={"prefix": unique, "timeout_seconds": 1})
    async with far_away(here) as (there, network):
        objects, failed = S3ObjectStore(there), 0
        rule = network.rule(*TROUBLE[trouble], ALWAYS)

        async def until_done(attempt: Callable[[], Awaitable[T]]) -> T:
            """As a worker does. By its first failure we know that the client has given up."""
            nonlocal failed
            while True:
                try:
                    return await attempt()
                except Transient:
                    failed += 1
                    rule.left = 0

        writer = objects.writer(KEY)
        for line in (content := incompressible()):
            writer.append(line)
            await until_done(writer.relieve)
        written = await until_done(writer.finish)
        assert failed == 1
        assert rule.hits >= TRIES
        assert written.etag.endswith("-7")
        body = await stored(objects, KEY)
        assert (len(body), hashlib.sha256(body).hexdigest()) == (written.bytes, written.sha256)
        assert gzip.decompress(body) == b"".join(content)
        assert await open_uploads(objects) == []
        await objects.close()
