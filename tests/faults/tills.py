"""Apps that send every event once, again only if told, and write down what they were told."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import orjson
from aiokafka import AIOKafkaConsumer

from app.local.role import LocalRole
from tests.faults.steady import load_for
from tests.house.house import House, until
from tests.house.load import Load
from tests.house.sales import SHOPS, Sales

FIRST = 8_000_000
"""Far from the numbers of a `Load`, and the first of the first shop."""
BATCH = 10
PAUSE_SECONDS = 0.1


class Place(NamedTuple):
    partition: int
    offset: int | None


class Tills:
    """One app in each shop; it sends its sales in order, a batch at a time.

    * `sent`: how often each number was sent
    * `told`: where Kafka has it, as the answer `accepted` said
    * `answers`: how many had which HTTP status
    * `load`: the other senders
    """

    def __init__(self, kind: Sales, gateway: str, load: Load) -> None:
        self.kind, self.load = kind, load
        self.sent: Counter[int] = Counter()
        self.told: dict[int, Place] = {}
        self.answers: Counter[int] = Counter()
        self._url = f"{gateway}/v1/events/{kind.event}"
        self._stopping = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Leaving begins nothing more, and waits until all that was begun is accepted."""
        tasks = [asyncio.create_task(self._till(shop)) for shop in range(len(SHOPS))]
        try:
            yield
            self._stopping.set()
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def going_on(self) -> None:
        """Wait until more was accepted."""
        before = len(self.told)

        async def more() -> bool:
            return len(self.told) > before

        await until(more, "the gateway accepts events", every=0.02)

    async def _till(self, shop: int) -> None:
        number = FIRST + shop
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http:
            while not self._stopping.is_set():
                batch = [number + len(SHOPS) * nth for nth in range(BATCH)]
                number = batch[-1] + len(SHOPS)
                while batch:
                    batch = await self._send(http, batch)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _send(self, http: aiohttp.ClientSession, numbers: Sequence[int]) -> list[int]:
        """Send a batch once; those that must be sent again, after the time that was asked for."""
        async with http.post(self._url, json=self.kind.several(numbers)) as answer:
            body = orjson.loads(await answer.read())
        self.answers[answer.status] += 1
        if "results" not in body:
            assert answer.status in (429, 503), (answer.status, body)
            again = list(numbers)  # the gateway says that nothing of it was taken
        else:
            self.sent.update(numbers)
            again = self._note(numbers, body["results"])
        assert answer.status == 202 if not again else answer.status != 202, body
        if again:
            await asyncio.sleep(int(answer.headers["Retry-After"]))
        return again

    def _note(self, numbers: Sequence[int], results: Sequence[dict[str, Any]]) -> list[int]:
        again = []
        for number, result in zip(numbers, results, strict=True):
            if result["status"] == "accepted":
                self.told[number] = Place(result["partition"], result.get("offset"))
            else:
                assert result["status"] == "retry", result
                again.append(number)
        return again


async def stored(brokers: str, kind: Sales) -> dict[Place, dict[str, Any]]:
    """Every record of the type's topic that is JSON, in the order of each partition."""
    consumer = AIOKafkaConsumer(kind.topic, bootstrap_servers=brokers, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = sorted(consumer.assignment())
        found: dict[Place, dict[str, Any]] = {}
        for tp, end in (await consumer.end_offsets(partitions)).items():
            consumer.seek(tp, 0)
            while await consumer.position(tp) < end:
                for record in (await consumer.getmany(tp, timeout_ms=1000)).get(tp, []):
                    if record.value.endswith(b"}"):
                        found[Place(tp.partition, record.offset)] = orjson.loads(record.value)
        return found
    finally:
        await consumer.stop()


@asynccontextmanager
async def selling(house: House, gateway: LocalRole, *, rate: float = 200) -> AsyncIterator[Tills]:
    """Tills, beside a steady load of the house's only event type, through HTTP and not.

    At the end each answer is held against Kafka's log. What the tills sold is in `tills.load`.
    """
    (kind,) = house.sales
    load = load_for(house, rate=rate)
    tills = Tills(kind, gateway.url, load)
    load.start()
    try:
        async with tills.open():
            yield tills
    except BaseException as error:
        error.add_note(house.said())
        load.give_up()
        raise
    await load.stop()
    log = await stored(house.environment["KAFKA__BROKERS"], kind)
    broken = broken_promises(tills, log)
    assert not broken, broken[:10]
    load.acknowledged[kind.event].update(tills.told)


def broken_promises(tills: Tills, log: Mapping[Place, Mapping[str, Any]]) -> list[str]:
    """What the answers said and the log does not show, for each event that has such."""
    copies: Counter[int] = Counter()
    order: defaultdict[str, list[int]] = defaultdict(list)
    for event in log.values():
        number = event["number"]
        if number >= FIRST:
            if not copies[number]:
                order[event["shop"]].append(number)
            copies[number] += 1
    found = [
        f"{number} was accepted as {place}, and does not stand there"
        for number, place in tills.told.items()
        if place.offset is not None and log.get(place, {}).get("number") != number
    ]
    found += [f"{number} was accepted and is not there" for number in tills.told.keys() - copies]
    found += [
        f"{number} was sent {tills.sent[number]} times and is there {times} times"
        for number, times in copies.items()
        if times > tills.sent[number]
    ]
    found += [f"{shop} is out of order" for shop, n in order.items() if n != sorted(n)]
    return found
