"""One event for each job that has finally failed, sent to a real server for Sentry's envelopes."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from loguru import logger
from pydantic import SecretStr

from app import spans
from app.core.errors import Transient
from app.core.schedule import Every
from app.gateway.door import Door
from app.gateway.http import middleware
from app.health import Readiness
from app.ledger.options import LedgerOptions
from app.ledger.sqlite import SQLiteLedger
from app.local.redis import LocalRedis
from app.logs import flush_logs
from app.scheduler.history import History
from app.scheduler.jobs import Check, Job, Jobs
from app.scheduler.loads import Loads
from app.scheduler.lock import Locks
from app.scheduler.options import SchedulerOptions
from app.sentry import set_up_sentry, tag_sentry
from app.settings import SentryOptions
from sinks.memory import MemoryObjectStore, MemoryWarehouse
from tests.house.sentry import Sentry, sentry
from tests.logs.pipe import piped
from tests.scheduler.world import MONDAY, World, table

MARK = "xanthippe"
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SECRET = f"{MARK}-secret-key"


@pytest.fixture(autouse=True)
def off_again() -> Iterator[None]:
    yield
    sentry_sdk.init()  # without a DSN: sends nothing
    spans.switch(to=False)


@asynccontextmanager
async def telling(**options: float) -> AsyncIterator[Sentry]:
    """A process that tells a Sentry meanwhile; at the end all has arrived."""
    async with sentry() as told:
        with piped(SECRET, role="scheduler"):
            given = SentryOptions(dsn=SecretStr(told.dsn), **options)
            set_up_sentry(given, role="scheduler", release="1.2.3", environment="test")
            tag_sentry(config="c0ffee")
            yield told
            await asyncio.to_thread(flush_logs)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World[MemoryWarehouse]]:
    ledger = SQLiteLedger.at(LedgerOptions(url=f"sqlite:///{tmp_path}/ledger.db"))
    objects = MemoryObjectStore()
    yield World(ledger, objects, MemoryWarehouse(objects))
    await ledger.close()


@pytest.fixture
async def locks(tmp_path: Path) -> AsyncIterator[Locks]:
    server = LocalRedis(tmp_path / "redis", log_file=tmp_path / "redis.log")
    await server.start()
    made = Locks(server.url, 30)
    yield made
    await made.close()
    await server.stop()


def loads_of(world: World[MemoryWarehouse], locks: Locks, *events: str) -> Loads:
    """Which give a load up at its third try, and do not rest."""
    tables = {event: table(event) for event in events}
    always = dict.fromkeys(events, Every(timedelta(0)))
    options = SchedulerOptions(attempts=3, rest_seconds=0.01)
    history = History(world.ledger, "one")
    made = Loads(
        options, tables, always, world.ledger, world.warehouse, locks, Readiness(), history
    )
    made._tries._pause = at_once  # type: ignore[method-assign,assignment]
    return made


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


async def loaded(loads: Loads) -> None:
    await loads.tick()
    await loads.settled()


async def test_a_retry_that_succeeds_is_no_event_and_a_breadcrumb_of_the_next_one(
    world: World[MemoryWarehouse], locks: Locks
) -> None:
    await world.seal({MONDAY: ["a"]})
    for _ in range(2):
        world.warehouse.fail_next("replace", Transient("locked"), "before")
    async with telling() as told:
        await loaded(loads_of(world, locks, "order_placed"))
        assert await world.ids() == ["a"]
        await asyncio.to_thread(flush_logs)
        assert told.items == []
        logger.error("something else")
    (event,) = told.events
    crumbs = [crumb["message"] for crumb in event["breadcrumbs"]["values"]]
    assert sum("try 1 failed" in crumb for crumb in crumbs) == 1
    assert sum("try 2 failed" in crumb for crumb in crumbs) == 1


async def test_a_load_that_has_finally_failed_is_one_event_by_job_and_cause(
    world: World[MemoryWarehouse], locks: Locks
) -> None:
    for event in ("order_placed", "parcel_scanned"):
        await world.seal({MONDAY: ["a"]}, event=event)
    loads = loads_of(world, locks, "order_placed", "parcel_scanned")
    async with telling() as told:
        for _ in range(6):
            world.warehouse.fail_next("replace", Transient("locked"), "before")
        await loaded(loads)
        await asyncio.to_thread(flush_logs)
        assert len(told.events) == 2
        await asyncio.sleep(0.05)
        world.warehouse.fail_next("replace", ValueError(f"a row of {MARK}"), "before")
        world.warehouse.fail_next("replace", ValueError(f"a row of {MARK}"), "before")
        await loaded(loads)
    jobs = [(event["tags"]["job"], event["fingerprint"]) for event in told.events]
    tables = ("RAW.ORDER_PLACED", "RAW.PARCEL_SCANNED")
    causes = ("Transient", "ValueError")
    assert sorted(jobs) == sorted(
        (f"load {name}", [f"load {name}", cause]) for name in tables for cause in causes
    )
    for event in told.events:
        assert event["release"] == "1.2.3"
        assert event["environment"] == "test"
        assert event["tags"]["role"] == "scheduler"
        assert event["tags"]["config"] == "c0ffee"
        assert event["tags"]["event"] in ("order_placed", "parcel_scanned")
        assert len(event["tags"]["run"]) == 26
    assert MARK not in str(told.bodies)


async def test_a_job_that_fails_again_and_again_is_an_event_at_once_and_then_a_count() -> None:
    async with telling() as told:
        for _ in range(200):
            logger.bind(job="judging order", cause="KeyError").error("judging raised KeyError")
    times = [int(event["tags"].get("times", 0)) for event in told.events]
    assert times[0] == 0
    assert len(times) < 10  # one an interval; a slow machine has more of them
    assert sum(number or 1 for number in times) == 200
    assert {tuple(event["fingerprint"]) for event in told.events} == {("judging order", "KeyError")}


async def test_what_libraries_call_an_error_is_a_breadcrumb() -> None:
    import logging

    async with telling() as told:
        logging.getLogger("aiokafka").error("Unable to connect to node 1")
        await asyncio.to_thread(flush_logs)
        assert told.events == []
        logger.error("ours")
    (event,) = told.events
    assert event["breadcrumbs"]["values"][-1]["message"] == "Unable to connect to node 1"


def fail_with_an_event() -> None:
    event = {"email": f"{MARK}@example.com"}
    try:
        {}[event["email"]]
    except KeyError as error:
        raise ValueError(f"{event} and {SECRET}") from error


async def test_a_fault_of_the_gateway_is_one_event_without_anything_of_the_request() -> None:
    async def handler(request: web.Request) -> web.Response:
        await request.read()
        fail_with_an_event()
        return web.Response()

    app = web.Application(middlewares=[middleware(Door(1))])
    app.add_routes([web.post("/{type}", handler)])
    async with telling() as told, TestServer(app) as server, ClientSession() as http:
        url, headers = server.make_url(f"/{MARK}?{MARK}=1"), {"X-Mark": MARK, "traceparent": PARENT}
        async with http.post(url, json={MARK: MARK}, headers=headers) as answer:
            assert answer.status == 500
            id = answer.headers["X-Request-Id"]
    (event,) = told.events
    assert event["fingerprint"] == ["answering a request", "ValueError of KeyError"]
    assert event["tags"]["request_id"] == id
    assert event["tags"]["trace"] == PARENT.split("-")[1]
    assert "fail_with_an_event" in event["extra"]["where"]
    assert MARK not in str(told.bodies)


async def test_an_event_holds_where_an_error_was_and_nothing_of_what_it_quotes() -> None:
    async with telling() as told:
        try:
            fail_with_an_event()
        except ValueError as error:
            logger.opt(exception=error).error(f"failed with {SECRET}")
            sentry_sdk.capture_exception(error)  # whoever calls it
        sentry_sdk.capture_message(f"with {SECRET}")
    ours, theirs, third = told.events
    for event in (ours, theirs):
        kinds = [(one["type"], one["value"]) for one in event["exception"]["values"]]
        assert kinds == [("KeyError", ""), ("ValueError", "")]
        frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
        assert frames[-1]["function"] == "fail_with_an_event"
        assert not any("vars" in frame for frame in frames)
    assert ours["logentry"]["formatted"] == "failed with ***"
    assert third["message"] == "with ***"
    assert MARK not in str(told.bodies).replace("{MARK}", "")


async def test_another_job_that_has_finally_failed_is_one_event_by_job_and_cause(
    world: World[MemoryWarehouse], locks: Locks
) -> None:
    async def fails(check: Check) -> Mapping[str, int]:
        raise Transient("S3: list: SlowDown")

    job = Job("janitor", Every(timedelta(0)), fails)
    options = SchedulerOptions(attempts=3, rest_seconds=60)
    jobs = Jobs([job], options, world.ledger, locks, History(world.ledger, "one"))
    jobs._tries._pause = at_once  # type: ignore[method-assign,assignment]
    await world.ledger.record_tick("janitor", datetime(2026, 3, 1, tzinfo=UTC))
    async with telling() as told:
        await jobs.tick()
        await jobs.settled()
        await asyncio.to_thread(flush_logs)
    (event,) = told.events
    assert event["fingerprint"] == ["janitor", "Transient"]


async def test_requests_and_loads_are_traced_and_profiled_when_they_are_sampled(
    world: World[MemoryWarehouse], locks: Locks
) -> None:
    async def handler(_: web.Request) -> web.Response:
        busy_for(1.0)  # a profile of less than a few samples is not sent
        return web.Response()

    app = web.Application(middlewares=[middleware(Door(1))])
    app.add_routes([web.get("/v1/{type}", handler)])
    await world.seal({MONDAY: ["a"]})
    async with telling(traces_sample_rate=1.0, profiles_sample_rate=1.0) as told:
        async with TestServer(app) as server, ClientSession() as http:
            url, headers = server.make_url(f"/v1/{MARK}"), {"traceparent": PARENT}
            async with http.get(url, headers=headers) as answer:
                assert answer.status == 200
        await loaded(loads_of(world, locks, "order_placed"))
    traced = {item["transaction"]: item for kind, item in told.items if kind == "transaction"}
    assert set(traced) == {"GET /v1/{type}", "RAW.ORDER_PLACED"}
    trace = traced["GET /v1/{type}"]["contexts"]["trace"]
    assert (trace["trace_id"], trace["parent_span_id"]) == tuple(PARENT.split("-")[1:3])
    assert traced["RAW.ORDER_PLACED"]["contexts"]["trace"]["op"] == "load"
    assert any(kind == "profile" for kind, _ in told.items)
    assert MARK not in str(told.bodies)


async def test_nothing_is_traced_unless_it_is_asked_for(
    world: World[MemoryWarehouse], locks: Locks
) -> None:
    await world.seal({MONDAY: ["a"]})
    async with telling() as told:
        await loaded(loads_of(world, locks, "order_placed"))
    assert told.items == []


def busy_for(seconds: float) -> Any:
    import time

    until, turns = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        turns += 1
    return turns
