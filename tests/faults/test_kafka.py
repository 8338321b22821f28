"""The broker goes away, is slow, refuses; connections break while a worker reads and writes."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import aiohttp
import orjson
import psutil
import pytest
from aiokafka.errors import (
    IllegalGenerationError,
    NotCoordinatorForGroupError,
    NotEnoughReplicasAfterAppendError,
    NotLeaderForPartitionError,
    OffsetOutOfRangeError,
    RebalanceInProgressError,
    UnknownMemberIdError,
    UnknownTopicOrPartitionError,
)

from app.local.role import LocalRole
from tests.faults.steady import all_is_well, steady_load
from tests.faults.tills import selling
from tests.faults.watching import log_of, metric, waited_for
from tests.house.house import House, until
from tests.house.kafka_network import (
    Api,
    Refuse,
    Spoil,
    asks,
    commit_error,
    fetch_error,
    group_error,
    produce_error,
)
from tests.house.proxy import Action, Cut, LoseAnswer

pytestmark = pytest.mark.timeout(400)

AWAY_SECONDS = 30
SLOW_SECONDS = (0.3, 1.0)
MOST_BYTES = 200 << 20
FLOOD_REQUESTS, FLOOD_EVENTS = 60, 2_000
MOST_IN_FLIGHT = 2 << 20


async def test_half_a_minute_without_the_broker_is_waited_for_by_every_role(house: House) -> None:
    """Nobody ends, nobody lies, memory stays; and what needs no Kafka goes on all the while."""
    gateway = house.role(
        "gateway",
        GATEWAY__RETRY_AFTER_SECONDS="1",
        # Full before its CPU time is: judging the flood takes a busy machine that long, too.
        GATEWAY__MAX_IN_FLIGHT_BYTES=str(MOST_IN_FLIGHT),
    )
    worker, scheduler = house.role("worker"), house.role("scheduler")
    await asyncio.gather(gateway.start(), worker.start())
    async with _peaks(gateway, worker) as peaks, selling(house, gateway) as tills:
        await until(lambda: _dirty_days(house), "the worker seals")
        resent = sorted(tills.load.acknowledged[tills.kind.event])
        await house.servers.kafka.stop()
        back = asyncio.create_task(asyncio.sleep(AWAY_SECONDS))
        refused = await _flooded(house, gateway, resent)
        await scheduler.start()
        await until(lambda: _clean(house), "the scheduler loads what was sealed")
        await back
        assert await waited_for(gateway)
        assert 503 in tills.answers
        await house.servers.kafka.start()
        await tills.going_on()
    assert refused.keys() <= {429, 503}, refused
    assert 429 in refused, refused
    assert max(peaks.values()) < MOST_BYTES, peaks
    await all_is_well(house, tills.load)
    assert gateway.running
    assert worker.running
    assert log_of(worker).count("health on") == 1


async def _dirty_days(house: House) -> bool:
    return bool(await house.forebay("days", "--dirty"))


async def _clean(house: House) -> bool:
    return not await _dirty_days(house)


@asynccontextmanager
async def _peaks(*roles: LocalRole) -> AsyncIterator[Counter[str]]:
    """The most resident bytes of each role, by its name, until left."""
    peaks: Counter[str] = Counter()

    async def look() -> None:
        while True:
            for role in roles:
                if role.pid is not None:
                    now = psutil.Process(role.pid).memory_info().rss
                    peaks[role.name] = max(peaks[role.name], now)
            await asyncio.sleep(0.1)

    looking = asyncio.create_task(look())
    try:
        yield peaks
    finally:
        looking.cancel()


async def _flooded(house: House, gateway: LocalRole, numbers: Sequence[int]) -> Counter[int]:
    """Send more than the gateway may hold, all at once and all of it resent: its answers."""
    (kind,) = house.sales
    chosen = random.Random(4).choices(numbers, k=FLOOD_EVENTS)
    body = orjson.dumps(kind.several(chosen))
    headers = {"Content-Type": "application/json"}

    async def send(http: aiohttp.ClientSession) -> int:
        url = f"{gateway.url}/v1/events/{kind.event}"
        async with http.post(url, data=body, headers=headers) as answer:
            assert int(answer.headers["Retry-After"]) >= 1
            return answer.status

    connector = aiohttp.TCPConnector(limit=FLOOD_REQUESTS)
    async with aiohttp.ClientSession(connector=connector) as http:
        return Counter(await asyncio.gather(*(send(http) for _ in range(FLOOD_REQUESTS))))


async def test_a_slow_broker_costs_time_and_nothing_else(house: House) -> None:
    """Two workers, one of which leaves meanwhile: the other takes over, once and for all."""
    gateway = house.role("gateway", GATEWAY__RETRY_AFTER_SECONDS="1")
    staying, leaving = house.role("worker", 1), house.role("worker", 2)
    await asyncio.gather(gateway.start(), staying.start(), leaving.start())
    await until(lambda: _reads(staying, 1), "two workers share the partitions")
    before = _assignments(staying)
    async with selling(house, gateway) as tills, _slow(house):
        await tills.going_on()
        await leaving.stop()
        assert leaving.exit_code == 0, leaving.last_lines()
        await until(lambda: _reads(staying, 2), "the worker that stays reads all")
        await _seals(staying)
        await tills.going_on()
    await house.role("scheduler").start()
    await all_is_well(house, tills.load)
    assert staying.running
    assert _assignments(staying) <= before + 3, "no storm of rebalances"


async def _reads(worker: LocalRole, partitions: int) -> bool:
    return await metric(worker, "forebay_worker_partitions") == partitions


def _assignments(worker: LocalRole) -> int:
    return log_of(worker).count(" partitions {")


@asynccontextmanager
async def _slow(house: House) -> AsyncIterator[None]:
    """Each request and each answer takes its time, until left."""
    chance = random.Random(4)

    async def vary() -> None:
        while True:
            house.networks.kafka.delay_seconds = chance.uniform(*SLOW_SECONDS)
            await asyncio.sleep(0.2)

    varying = asyncio.create_task(vary())
    try:
        yield
    finally:
        varying.cancel()
        house.networks.kafka.heal()


async def test_whatever_breaks_between_a_worker_and_kafka_each_event_is_staged_once(
    house: House,
) -> None:
    worker = house.role("worker")
    await asyncio.gather(*(role.start() for role in (house.role("gateway"), worker)))
    async with steady_load(house):
        await _befall(
            house,
            {
                Api.FETCH: [
                    Cut(),
                    LoseAnswer(),
                    LoseAnswer(after_bytes=200),
                    Spoil(fetch_error(NotLeaderForPartitionError)),
                    Spoil(fetch_error(UnknownTopicOrPartitionError)),
                ],
                Api.PRODUCE: [
                    Cut(),
                    LoseAnswer(),
                    Refuse(NotLeaderForPartitionError),
                    Spoil(produce_error(NotEnoughReplicasAfterAppendError)),
                ],
                Api.OFFSET_COMMIT: [LoseAnswer(), Spoil(commit_error(RebalanceInProgressError))],
                Api.HEARTBEAT: [LoseAnswer(), Spoil(group_error(NotCoordinatorForGroupError))],
            },
        )
        await house.networks.kafka.cut_again_and_again(8)
        await _befall(
            house,
            {
                Api.HEARTBEAT: [Spoil(group_error(RebalanceInProgressError))],
                Api.JOIN_GROUP: [LoseAnswer()],
                Api.SYNC_GROUP: [LoseAnswer(), Cut()],
                Api.FIND_COORDINATOR: [LoseAnswer(), Cut()],
            },
        )
        for forgotten in UnknownMemberIdError, IllegalGenerationError:
            await _befall(house, {Api.HEARTBEAT: [Spoil(group_error(forgotten))]})
        await _seals(worker)
        assert log_of(worker).count("health on") == 1
        assert worker.running
        await house.role("scheduler").start()


async def test_a_log_that_goes_back_is_read_on_from_where_the_ledger_is(house: House) -> None:
    """As after an election of a replica that was behind: Kafka does not know the offset."""
    worker = house.role("worker")
    await asyncio.gather(*(role.start() for role in (house.role("gateway"), worker)))
    async with steady_load(house):
        await _seals(worker)
        await _befall(house, {Api.FETCH: [Spoil(fetch_error(OffsetOutOfRangeError))]})
        await until(lambda: _has_said(worker, "Kafka went back to 0"), "the worker notices")
        await _seals(worker)
        assert worker.running
        await house.role("scheduler").start()


async def _has_said(role: LocalRole, what: str) -> bool:
    return what in log_of(role)


async def _befall(house: House, faults: Mapping[Api, Sequence[Action]]) -> None:
    """Let each of these happen to one of the worker's requests, and wait until all have."""
    (kind,) = house.sales
    names = {Api.FETCH: kind.topic, Api.PRODUCE: "-changelog"}
    rules = [
        house.networks.kafka.rule(asks(api, names.get(api, house.name)), action)
        for api, actions in faults.items()
        for action in actions
    ]

    async def all_happened() -> bool:
        return not any(rule.left for rule in rules)

    await until(all_happened, f"all of {faults} happened")


async def _seals(worker: LocalRole) -> None:
    """Wait until the worker has sealed what it did not read before now."""
    sealed = await metric(worker, "forebay_worker_seals_total")

    async def more() -> bool:
        return await metric(worker, "forebay_worker_seals_total") >= sealed + 2

    await until(more, "the worker seals")
