"""The ledger is away, slow, locked, full, or its answers are lost: each seal is recorded once."""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import pytest

from app.local.role import LocalRole
from tests.faults.steady import all_is_well, load_for
from tests.faults.watching import log_of, metric, waited_for
from tests.house.house import House, until
from tests.house.proxy import LoseAnswer, Matches
from tests.house.small_disk import limit

LOCKED = "is locked by another process"
FULL = "is the disk full or failing?"
FILLER_BYTES = 12 << 20


@pytest.fixture(autouse=True)
def patient(request: pytest.FixtureRequest) -> None:
    """A load that failed thrice rests for a minute: here it may fail more often, and go on."""
    name = "mongo_house" if "mongo_house" in request.fixturenames else "house"
    house: House = request.getfixturevalue(name)
    house.environment["SCHEDULER__ATTEMPTS"] = "20"


def command(name: str, collection: str) -> Matches:
    """Match a MongoDB command by its first element, `name: collection`."""
    text = b"\x02" + name.encode() + b"\x00"
    text += (len(collection) + 1).to_bytes(4, "little") + collection.encode() + b"\x00"
    return lambda chunk: text in chunk


async def started(*roles: LocalRole) -> None:
    await asyncio.gather(*(role.start() for role in roles))


def assert_still_the_same(*roles: LocalRole) -> None:
    """No role has ended: nobody would start it again here."""
    for role in roles:
        assert role.running, role.last_lines()


async def all_say(roles: Sequence[LocalRole], text: str, since: Sequence[int] = (0, 0)) -> None:
    """Wait until each role has logged this, after so many characters of its log."""

    async def said() -> bool:
        return all(text in log_of(role)[at:] for role, at in zip(roles, since, strict=True))

    await until(said, f"all say «{text}»")


@contextmanager
def intruding(house: House) -> Iterator[sqlite3.Connection]:
    """Another process's connection to the ledger's file."""
    path = house.folder / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        yield connection


async def test_a_ledger_that_is_down_at_a_start_and_away_later_is_waited_for(
    mongo_house: House,
) -> None:
    house, memory_bytes = mongo_house, 300_000
    house.environment["LEDGER__TIMEOUT_SECONDS"] = "2"
    house.environment["SEAL__MEMORY_BYTES"] = str(memory_bytes)
    house.networks.mongo.take_down()
    worker, scheduler = house.role("worker"), house.role("scheduler")
    starting = asyncio.create_task(started(worker, scheduler))

    async def both_wait() -> bool:
        return all([await waited_for(role) >= {"ledger"} for role in (worker, scheduler)])

    await until(both_wait, "both say that they wait for the ledger")
    assert not starting.done()
    house.networks.mongo.heal()
    await starting

    load = load_for(house, rate=20_000)
    await load.send(400, http=False)
    house.networks.mongo.take_down()
    await load.send(12_000, http=False)

    async def full() -> bool:
        return await metric(worker, "forebay_worker_held_bytes") > memory_bytes

    await until(full, "memory is at its bound, seals wait")
    read = await metric(worker, "forebay_worker_events_total")
    await asyncio.sleep(1)
    assert await metric(worker, "forebay_worker_events_total") == read < load.events
    assert await metric(worker, "forebay_worker_held_bytes") < 2 * memory_bytes

    house.networks.mongo.heal()
    await all_is_well(house, load)
    assert_still_the_same(worker, scheduler)


async def test_a_ledger_whose_answers_take_seconds_doubles_no_seal_and_stirs_up_no_storm(
    mongo_house: House,
) -> None:
    house = mongo_house
    worker, scheduler = house.role("worker"), house.role("scheduler")
    await started(worker, scheduler)
    load = load_for(house)
    house.networks.mongo.delay_seconds = 0.6  # there and back
    await load.send(1_000, http=False)

    async def sealed() -> bool:
        return await metric(worker, "forebay_worker_seals_total") >= 2

    await until(sealed, "seals are recorded, slow as it is")
    logged = log_of(worker).count("\n"), log_of(scheduler).count("\n")
    assert max(logged) < 50, logged
    house.networks.mongo.heal()
    await all_is_well(house, load)
    assert_still_the_same(worker, scheduler)


async def test_what_was_recorded_and_not_answered_is_recorded_once(mongo_house: House) -> None:
    house = mongo_house
    worker, scheduler = house.role("worker"), house.role("scheduler")
    await started(worker, scheduler)
    lost = [
        house.networks.mongo.rule(command(name, collection), LoseAnswer(), times=2)
        for name, collection in (
            ("insert", "ledger"),  # a seal
            ("update", "cursors"),  # the hints
            ("findAndModify", "counters"),  # a load's fence
            ("update", "loads"),  # a load
            ("update", "ledger"),  # what it settled
        )
    ]
    load = load_for(house)

    async def all_lost() -> bool:
        await load.send(40, http=False)
        return all(rule.hits == 2 for rule in lost)

    await until(all_lost, "each answer was lost twice", every=0.5)
    await all_is_well(house, load)
    assert_still_the_same(worker, scheduler)


async def test_a_file_that_is_locked_for_long_is_waited_for(house: House) -> None:
    house.environment["LEDGER__TIMEOUT_SECONDS"] = "0.3"
    roles = house.role("worker"), house.role("scheduler")
    load = load_for(house)
    with intruding(house) as intruder:
        intruder.execute("BEGIN EXCLUSIVE")
        starting = asyncio.create_task(started(*roles))
        await all_say(roles, LOCKED)
        assert not starting.done()
        intruder.execute("ROLLBACK")
        await starting

        logged = [len(log_of(role)) for role in roles]
        await load.send(400, http=False)
        intruder.execute("BEGIN IMMEDIATE")
        await load.send(400, http=False)
        await all_say(roles[:1], LOCKED, logged[:1])
        intruder.execute("ROLLBACK")
    await all_is_well(house, load)
    assert_still_the_same(*roles)


async def test_a_full_disk_under_the_file_is_waited_for(house: House) -> None:
    roles = house.role("worker"), house.role("scheduler")
    await started(*roles)
    load = load_for(house)
    await load.send(200, http=False)
    with intruding(house) as intruder, intruding(house) as reader:
        # While somebody reads an old view, SQLite's log grows: beyond all other files here.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entries").fetchone()
        intruder.execute("CREATE TABLE filler (content BLOB)")
        intruder.execute("INSERT INTO filler VALUES (zeroblob(?))", (FILLER_BYTES,))
        grown_bytes = (house.folder / "ledger.db-wal").stat().st_size
        assert grown_bytes > FILLER_BYTES
        logged = [len(log_of(role)) for role in roles]
        for role in roles:
            limit(role, grown_bytes)
        await load.send(400, http=False)
        await all_say(roles[:1], FULL, logged[:1])
        for role in roles:
            limit(role, None)
    await all_is_well(house, load)
    assert_still_the_same(*roles)
