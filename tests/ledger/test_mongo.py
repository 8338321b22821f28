"""What only a server can do: lose answers, lose hints, be away, let two loads cross."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pymongo
import pytest
from pymongo import ReadPreference
from pymongo.database import Database
from pymongo.errors import AutoReconnect, ExecutionTimeout, OperationFailure, WTimeoutError
from pymongo.uri_parser import parse_uri

from app.core.errors import Fatal, Fenced, ForebayError, Transient
from app.core.seal import DayCounts
from app.ledger.mongo import MongoLedger
from app.ledger.mongo_days import MongoDays
from app.ledger.mongo_errors import translated
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Cursor, DayLoad
from tests.ledger.examples import (
    EVENT,
    MONDAY,
    NOON,
    OTHER_TP,
    TABLE,
    TP,
    TUESDAY,
    load,
    seal,
    span,
    start,
)


@pytest.fixture
def options(mongo_options: LedgerOptions) -> LedgerOptions:
    return mongo_options


@pytest.fixture
def database(options: LedgerOptions) -> Iterator[Database[dict[str, object]]]:
    """The same database, for a hand that changes what it should not."""
    with pymongo.MongoClient[dict[str, object]](options.url) as client:
        yield client[options.database]


class Proxy:
    """Stands between a client and the server, and may break the connection at a seal's insert.

    `arrives`: whether the insert still reaches the server (its answer never reaches the client).
    `stays_down`: whether later connections are refused too.
    """

    def __init__(self, host: str, port: int) -> None:
        self.upstream = (host, port)
        self.armed = False
        self.arrives = True
        self.stays_down = False
        self.down = False
        self.broken = 0
        self.writers: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        try:
            yield f"mongodb://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        finally:
            server.close()
            for writer in self.writers:
                writer.transport.abort()

    async def serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self.writers.add(back)
        try:
            if not self.down:
                server, forth = await asyncio.open_connection(*self.upstream)
                self.writers.add(forth)
                answering = asyncio.create_task(self.pump(server, back))
                await self.pump_requests(client, forth, server, answering)
                await asyncio.gather(answering, return_exceptions=True)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            back.transport.abort()

    async def pump(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        while message := await self.message(source):
            to.write(message)
            await to.drain()

    async def pump_requests(
        self,
        client: asyncio.StreamReader,
        forth: asyncio.StreamWriter,
        server: asyncio.StreamReader,
        answering: asyncio.Task[None],
    ) -> None:
        try:
            while True:
                message = await self.message(client)
                if self.armed and b"\x02insert\x00" in message:
                    self.armed, self.down = False, self.stays_down
                    self.broken += 1
                    answering.cancel()
                    if self.arrives:
                        await asyncio.gather(answering, return_exceptions=True)
                        forth.write(message)
                        await self.message(server)
                    return
                forth.write(message)
                await forth.drain()
        finally:
            answering.cancel()
            forth.transport.abort()

    async def message(self, source: asyncio.StreamReader) -> bytes:
        size = await source.readexactly(4)
        return size + await source.readexactly(int.from_bytes(size, "little") - 4)


@pytest.fixture
async def proxy(options: LedgerOptions) -> Proxy:
    host, port = parse_uri(options.url)["nodelist"][0]
    return Proxy(host, port or 27017)


@asynccontextmanager
async def through(
    proxy: Proxy, options: LedgerOptions, *, retry_writes: bool = False
) -> AsyncIterator[MongoLedger]:
    async with proxy.listening() as url:
        # Direct, lest the driver asks the server for its own address and goes there.
        url += f"?directConnection=true&retryWrites={str(retry_writes).lower()}"
        ledger = await open_ledger(options.model_copy(update={"url": url, "timeout_seconds": 3.0}))
        assert isinstance(ledger, MongoLedger)
        yield ledger
        await ledger.close()


@pytest.mark.parametrize("retry_writes", [False, True], ids=["by us", "by the driver"])
async def test_a_seal_whose_answer_was_lost_is_looked_up_and_counts_as_recorded(
    ledger: MongoLedger, options: LedgerOptions, proxy: Proxy, retry_writes: bool
) -> None:
    await ledger.start_chains([start()])
    made = seal(span(0, 10))
    async with through(proxy, options, retry_writes=retry_writes) as distant:
        proxy.armed = True
        await distant.record(made)
        assert proxy.broken == 1
        await distant.record(seal(span(10, 20)))
    assert [s.ranges[0] async for s in ledger.seals()] == [made.ranges[0], span(10, 20)]


async def test_a_lost_answer_that_can_not_be_looked_up_is_transient_and_may_be_repeated(
    ledger: MongoLedger, options: LedgerOptions, proxy: Proxy
) -> None:
    await ledger.start_chains([start()])
    made = seal(span(0, 10))
    async with through(proxy, options) as distant:
        proxy.armed = proxy.stays_down = True
        with pytest.raises(Transient) as unknown:
            await distant.record(made)
        assert not isinstance(unknown.value, Fenced)
        assert [s async for s in ledger.seals()] == [made]
        proxy.down = False
        await distant.record(made)
    assert [s async for s in ledger.seals()] == [made]


async def test_an_insert_that_never_arrived_is_transient_and_may_be_repeated(
    ledger: MongoLedger, options: LedgerOptions, proxy: Proxy
) -> None:
    await ledger.start_chains([start()])
    made = seal(span(0, 10))
    async with through(proxy, options) as distant:
        proxy.armed, proxy.arrives = True, False
        with pytest.raises(Transient) as unknown:
            await distant.record(made)
        assert not isinstance(unknown.value, Fenced)
        assert [s async for s in ledger.seals()] == []
        await distant.record(made)
    assert [s async for s in ledger.seals()] == [made]


async def test_the_place_of_an_insert_that_never_arrived_may_be_taken_by_another(
    ledger: MongoLedger, options: LedgerOptions, proxy: Proxy
) -> None:
    await ledger.start_chains([start()])
    made, taker = seal(span(0, 10)), seal(span(0, 5))
    async with through(proxy, options) as distant:
        proxy.armed, proxy.arrives = True, False
        with pytest.raises(Transient):
            await distant.record(made)
        await ledger.record(taker)
        with pytest.raises(Fenced):
            await distant.record(made)
    assert [s async for s in ledger.seals()] == [taker]


@pytest.mark.parametrize("harm", ["removed", "behind", "before the start", "too far"])
async def test_cursors_are_exact_whatever_became_of_the_hints(
    ledger: MongoLedger, database: Database[dict[str, object]], harm: str
) -> None:
    await ledger.start_chains([start(first=5), start(OTHER_TP)])
    await ledger.record(seal(span(5, 6), span(0, 1, OTHER_TP)))
    for n in range(6, 11):
        await ledger.record(seal(span(n, n + 1, changelog=n)))
    right = {TP: Cursor(11, 10, "t1"), OTHER_TP: Cursor(1, -1, "t1")}
    assert await ledger.cursors([TP, OTHER_TP]) == right
    hints = database["cursors"]
    if harm == "removed":
        hints.drop()
    else:
        wrong = {"behind": 7, "before the start": 2, "too far": 4000}[harm]
        assert hints.update_one({"_id": TP}, {"$set": {"next": wrong}}).matched_count == 1
    assert await ledger.cursors([TP, OTHER_TP]) == right
    assert await ledger.start_chains([start(TP, 0)]) == {TP: right[TP]}


async def test_a_partition_whose_start_was_removed_by_hand_is_still_named(
    ledger: MongoLedger, database: Database[dict[str, object]]
) -> None:
    await ledger.start_chains([start(TP)])
    await ledger.record(seal(span(0, 5)))
    assert database["ledger"].delete_one({"_id": f"{TP}@start"}).deleted_count == 1
    assert await ledger.partitions() == {EVENT: [TP]}
    assert [link.range.first async for link in ledger.chain(TP)] == [0]


async def test_entries_beyond_a_removed_one_are_still_walked(
    ledger: MongoLedger, database: Database[dict[str, object]]
) -> None:
    await ledger.start_chains([start()])
    seals = [seal(span(n, n + 1)) for n in range(3)]
    for s in seals:
        await ledger.record(s)
    assert database["ledger"].delete_one({"_id": seals[1].id}).deleted_count == 1
    assert [link.range.first async for link in ledger.chain(TP)] == [0, 0, 2]


class CrossedDays(MongoDays):
    """Records a load, and between its steps another scheduler records one with a higher fence."""

    crossing: DayLoad

    async def _keep(self, load: DayLoad) -> bool:
        kept = await super()._keep(load)
        if load != self.crossing:
            await super().remember(self.crossing)
        return kept


async def test_a_late_load_does_not_take_off_what_a_higher_fence_missed(
    ledger: MongoLedger,
) -> None:
    await ledger.start_chains([start()])
    one, two = seal(span(0, 1)), seal(span(1, 2))
    await ledger.record(one)
    await ledger.record(two)
    days = CrossedDays(ledger._database)
    days.crossing = load(MONDAY, 2, [one.id])
    await days.remember(load(MONDAY, 1, [one.id, two.id]))
    assert await ledger.loads(EVENT, TABLE) == {MONDAY: days.crossing}
    assert [day.seals for day in await ledger.dirty(EVENT)] == [(two.id,)]
    await ledger.record_load([load(MONDAY, 3, [one.id, two.id])])
    assert await ledger.dirty(EVENT) == []


async def test_entries_look_as_the_design_says(
    ledger: MongoLedger, database: Database[dict[str, object]]
) -> None:
    await ledger.start_chains([start(), start(OTHER_TP)])
    made = seal(span(0, 3, changelog=8), span(0, 1, OTHER_TP))
    await ledger.record(made)
    document = database["ledger"].find_one({"kind": "seal"})
    assert document is not None
    assert document["_id"] == made.id
    assert document["chain"] == [f"{TP}@0", f"{OTHER_TP}@0"]
    assert document["counts"] == {
        "received": 4, "staged": 4, "duplicates": 0, "dead": 0, "dead_by_reason": {},
        "days": [{"day": "2026-03-02", "staged": 4, "duplicates": 0, "dead": 0}],
    }  # fmt: skip
    assert document["unloaded"] == ["2026-03-02"]
    days = {MONDAY: DayCounts(staged=2, filtered=1, rows=6), TUESDAY: DayCounts(duplicates=1)}
    await ledger.record(seal(span(3, 7), days=days, id="exploded"))
    document = database["ledger"].find_one({"_id": "exploded"})
    assert document is not None
    assert document["counts"] == {
        "received": 4, "staged": 2, "duplicates": 1, "dead": 0, "filtered": 1, "rows": 6,
        "dead_by_reason": {},
        "days": [
            {"day": "2026-03-02", "staged": 2, "duplicates": 0, "dead": 0, "filtered": 1,
             "rows": 6},
            {"day": "2026-03-03", "staged": 0, "duplicates": 1, "dead": 0},
        ],
    }  # fmt: skip
    indexes = database["ledger"].index_information()
    assert indexes["chain"]["unique"] is True


async def test_an_acknowledgement_can_not_be_weakened_by_the_url(options: LedgerOptions) -> None:
    separator = "&" if "?" in options.url else "?"
    weak = options.url + separator + "w=0&journal=false&readPreference=secondary"
    ledger = await open_ledger(options.model_copy(update={"url": weak}))
    assert isinstance(ledger, MongoLedger)
    for collection in (ledger._entries.collection, ledger._counters):
        assert collection.write_concern.document == {"w": "majority", "j": True}
        assert collection.read_concern.level == "majority"
        assert collection.read_preference == ReadPreference.PRIMARY
    await ledger.close()


async def test_a_server_that_is_away_is_transient(options: LedgerOptions) -> None:
    away = LedgerOptions(url="mongodb://127.0.0.1:1/", timeout_seconds=0.3)
    with pytest.raises(Transient, match="can not be reached"):
        await open_ledger(away)


async def test_a_url_that_can_not_be_read_is_fatal() -> None:
    with pytest.raises(Fatal, match="LEDGER__URL"):
        await open_ledger(LedgerOptions(url="mongodb://host:notaport/"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AutoReconnect("reset"), Transient),
        (WTimeoutError("waiting", 64), Transient),
        (ExecutionTimeout("too slow", 50), Transient),
        (OperationFailure("not authorized", 13), Fatal),
        (OperationFailure("Authentication failed", 18), Fatal),
        (OperationFailure("shutting down", 91), Transient),
        (OperationFailure("something new", 99999), Transient),
    ],
    ids=str,
)
def test_an_error_is_retried_unless_someone_must_change_something(
    error: Exception, kind: type[ForebayError]
) -> None:
    assert type(translated(error)) is kind


async def test_a_server_without_transactions_is_told_what_to_become(
    ledger: MongoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> None:
        raise OperationFailure("Transaction numbers are only allowed on a replica set member", 20)

    monkeypatch.setattr(ledger, "_put_in_place", refused)
    with pytest.raises(Fatal, match="make it a replica set"):
        await ledger.summarise(["a seal"], NOON)


async def test_a_fleet_that_meets_an_empty_database_opens_it_without_a_quarrel(
    options: LedgerOptions,
) -> None:
    """The first upsert of the format: of many at once all but one may find nothing, or be late."""
    for turn in range(5):
        fresh = options.model_copy(update={"database": f"{options.database}_{turn}"})
        fleet = [MongoLedger.at(fresh) for _ in range(12)]
        try:
            await asyncio.gather(*(one.ping() for one in fleet))
        finally:
            await asyncio.gather(*(one.close() for one in fleet))
            with pymongo.MongoClient[dict[str, object]](options.url) as client:
                client.drop_database(fresh.database)
