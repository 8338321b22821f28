"""S3 fails, stalls, is cut off and loses objects: nothing is lost, and no half is ever loaded.

The small faults meet one worker and one scheduler, which live through all of them.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import duckdb
import pytest
import pytest_asyncio

from app.core.seal import StoredObject
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Ledger
from app.local.role import LocalRole
from sinks.duckdb.errors import is_locked
from sinks.s3.store import S3ObjectStore
from tests.faults.steady import all_is_well
from tests.faults.watching import log_of
from tests.house.house import House, opened_house, until
from tests.house.load import Load
from tests.house.proxy import Action, Cut, LoseAnswer, Stall, http, http_answer
from tests.house.sales import Sales
from tests.house.servers import Servers
from tests.house.verdict import numbers_in
from tests.sinks.objects import stored
from tests.sinks.s3_network import ALWAYS, TRIES

pytestmark = pytest.mark.asyncio(loop_scope="module")


TROUBLE: dict[str, Action] = {
    "500": http_answer(500, "InternalError"),
    "503 SlowDown": http_answer(503, "SlowDown"),
    "a stalled connection": Stall(),
    "a cut connection": Cut(after_bytes=900),  # its head and a bit
}
READ_TROUBLE = {**TROUBLE, "a cut connection": LoseAnswer(after_bytes=1_000)}
SOON = {
    "S3__TIMEOUT_SECONDS": "1",
    "SEAL__MAX_AGE_SECONDS": "0.3",
    "SCHEDULER__TICK_SECONDS": "0.2",
    "SCHEDULER__ATTEMPTS": "50",
    "SCHEDULER__REST_SECONDS": "2",
}
"""All that has to be waited for is soon over, and no load is given up before its fault is."""


@dataclass
class Town:
    """A house whose roles run, and the load on it; `ledger` is the house's own."""

    house: House
    worker: LocalRole
    scheduler: LocalRole
    load: Load
    ledger: Ledger
    objects: S3ObjectStore

    async def stands(self, kind: Sales) -> Counter[int]:
        """The numbers in the table, as soon as no load has the file open."""
        while True:
            try:
                return Counter(await asyncio.to_thread(numbers_in, self.house, kind))
            except duckdb.CatalogException:
                return Counter()  # before the first load
            except duckdb.IOException as error:
                if not is_locked(error):
                    raise
                await asyncio.sleep(0.05)

    async def landed(self) -> None:
        """Wait until exactly what was acknowledged stands in each table."""
        for kind in self.house.sales:
            await self.landed_in(kind)

    async def landed_in(self, kind: Sales) -> None:
        async def there() -> bool:
            return await self.stands(kind) == Counter(self.load.acknowledged[kind.event])

        await until(there, f"{kind.table} holds each event once")

    async def waiting(self, kind: Sales) -> Sequence[StoredObject]:
        """Wait until all is sealed; the row objects of seals that were not loaded yet."""

        async def sealed() -> bool:
            totals = await self.ledger.totals(kind.event)
            return sum(day.counts.staged for day in totals) == len(
                self.load.acknowledged[kind.event]
            )

        await until(sealed, f"all of {kind.event} is sealed")
        dirty = await self.ledger.dirty(kind.event)
        seals = {seal for day in dirty for seal in day.seals}
        return [
            found
            for day in await self.ledger.manifest(kind.event, [day.day for day in dirty])
            for found in day.objects
            if any(seal in found.key for seal in seals)
        ]


async def says(role: LocalRole, since: int, *words: str) -> str:
    """Wait for a line with these words in what a role has logged since; the line."""

    def found() -> list[str]:
        lines = log_of(role)[since:].splitlines()
        return [line for line in lines if all(word in line for word in words)]

    async def said() -> bool:
        return bool(found())

    await until(said, f"{role.name} says {words}", every=0.02)
    return found()[0]


@asynccontextmanager
async def ledger_of(house: House) -> AsyncIterator[Ledger]:
    ledger = await open_ledger(LedgerOptions(url=house.environment["LEDGER__URL"]))
    yield ledger
    await ledger.close()


@asynccontextmanager
async def objects_of(house: House) -> AsyncIterator[S3ObjectStore]:
    """The house's objects, past the network with its faults."""
    options = house.servers.s3_options.model_copy(update={"prefix": house.name})
    store = S3ObjectStore(options)
    yield store
    await store.close()


def apps_of(house: House) -> Load:
    """Apps that produce straight to Kafka, and send nothing twice."""
    brokers = house.environment["KAFKA__BROKERS"]
    return Load(house.sales, lambda: [], brokers, rate=100_000, again=0, bad=0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Two event types; at the end all of it must add up."""
    kinds = [Sales("sale_beset", days=1), Sales("sale_beside", days=1)]
    folder = tmp_path_factory.mktemp("s3")
    opened = opened_house("s3_trouble", folder, servers, sales=kinds, environment=SOON)
    async with opened as house, ledger_of(house) as ledger, objects_of(house) as objects:
        worker, scheduler = house.role("worker"), house.role("scheduler")
        await asyncio.gather(worker.start(), scheduler.start())
        load = apps_of(house)
        yield Town(house, worker, scheduler, load, ledger, objects)
        await all_is_well(house, load)
        assert worker.running
        assert scheduler.running


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_an_upload_in_trouble_is_made_again_and_sealed_once(town: Town, trouble: str) -> None:
    since = len(log_of(town.worker))
    rule = town.house.networks.s3.rule(http("PUT", ".ndjson.gz"), TROUBLE[trouble], ALWAYS)
    await town.load.send(80, http=False)
    await says(town.worker, since, "object store can not be reached")
    rule.left = 0
    assert rule.hits >= TRIES
    await town.landed()


@pytest.mark.parametrize("trouble", READ_TROUBLE)
async def test_a_load_whose_reading_is_in_trouble_is_tried_again_and_changes_nothing_before(
    town: Town, trouble: str
) -> None:
    since = len(log_of(town.scheduler))
    before = [await town.stands(kind) for kind in town.house.sales]
    rule = town.house.networks.s3.rule(http("GET", ".ndjson.gz"), READ_TROUBLE[trouble], ALWAYS)
    await town.load.send(80, http=False)
    await says(town.scheduler, since, "try 1 failed", "S3: read")
    assert [await town.stands(kind) for kind in town.house.sales] == before
    rule.left = 0
    await town.landed()


BROKEN: dict[str, Callable[[bytes], bytes | None]] = {
    "lost": lambda body: None,
    "truncated": lambda body: body[:-9],
    # gzip's header holds a time that nobody reads: other bytes, the same rows
    "with other bytes of the same length": lambda body: body[:4] + b"\7\7\7\7" + body[8:],
}


@pytest.mark.parametrize("how", BROKEN)
async def test_an_object_broken_after_its_seal_is_refused_and_named_and_only_its_table_waits(
    town: Town, how: str
) -> None:
    beset, beside = town.house.sales
    await town.load.send(80, http=False)
    await town.landed()
    old = await town.stands(beset)

    town.house.networks.redis.take_down()  # so that nothing is loaded meanwhile
    since = len(log_of(town.scheduler))
    waiting: Sequence[StoredObject] = ()
    while not waiting:
        await town.load.send(80, http=False)
        waiting = await town.waiting(beset)
    broken = waiting[0]
    whole = await stored(town.objects, broken.key)
    await put_instead(town, broken.key, BROKEN[how](whole))
    town.house.networks.redis.heal()

    await says(town.scheduler, since, " ERROR ", broken.key, beset.table)
    await town.landed_in(beside)
    assert await town.stands(beset) == old
    report = await town.house.forebay("audit", codes=(1,))
    assert broken.key in {finding["object"] for finding in report["findings"]}

    await put_instead(town, broken.key, whole)
    await town.landed()


async def put_instead(town: Town, key: str, body: bytes | None) -> None:
    """Put other bytes, or nothing, where a worker has put an object."""
    if body is None:
        await town.objects.delete([key])
        return
    bucket = town.objects._bucket
    client = await bucket.client()
    await client.put_object(Bucket=bucket.name, Key=bucket.full(key), Body=body)
