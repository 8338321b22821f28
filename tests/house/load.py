"""Apps that send through HTTP and straight to Kafka, resend, and never give an event up."""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import aiohttp
import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.house.sales import Sales

PAUSE_SECONDS = 0.3
BAD = b"{broken"


class Load:
    """Sends numbered events of some types, each until it is acknowledged, some of them again.

    Args:
        kinds: the event types, which get the same numbers.
        gateway: the gateways' URLs now; one is chosen for each request.
        brokers: for direct production.
        rate: events per second and way, over all types, as far as the servers let.
        again: the share of acknowledged batches that is sent once more.
        bad: the share of batches that bring an event which must become a dead letter.
        patience_seconds: how long an app waits for a gateway's answer before it asks another.
    """

    def __init__(
        self,
        kinds: Sequence[Sales],
        gateway: Callable[[], Sequence[str]],
        brokers: str,
        *,
        seed: int = 1,
        rate: float = 400,
        batch: int = 40,
        again: float = 0.1,
        bad: float = 0.02,
        patience_seconds: float = 20,
    ) -> None:
        self.kinds = kinds
        self.acknowledged: dict[str, set[int]] = {kind.event: set() for kind in kinds}
        self.sent = self.resent = self.bad = 0
        self._gateway, self._brokers = gateway, brokers
        self._batch, self._again, self._bad = batch, again, bad
        self._pause = batch / rate
        self._patience = aiohttp.ClientTimeout(total=patience_seconds)
        self._random = random.Random(seed)
        self._next = 0
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def events(self) -> int:
        """How many different events were acknowledged."""
        return sum(map(len, self.acknowledged.values()))

    def start(self, *, http: bool = True, direct: bool = True) -> None:
        self._stopping.clear()
        ways = [self._through_http] * http + [self._straight_to_kafka] * direct
        self._tasks = [asyncio.create_task(way()) for way in ways]

    async def stop(self) -> None:
        """Begin nothing more; returns when all that was begun is acknowledged."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)

    def give_up(self) -> None:
        """End at once, for a test that has failed; what was begun is not waited for."""
        for task in self._tasks:
            task.cancel()

    async def send(self, count: int, *, http: bool = True, direct: bool = True) -> None:
        """Send at least so many events more, and return when they are acknowledged."""
        self.start(http=http, direct=direct)
        await self.goes_on(count)
        await self.stop()

    async def send_again(self) -> int:
        """Send every acknowledged event once more, by turns on the one way and the other; returns
        how many, when all are acknowledged."""
        count = 0
        producer = None
        async with aiohttp.ClientSession(timeout=self._patience) as http:
            for kind in self.kinds:
                numbers = sorted(self.acknowledged[kind.event])
                for start in range(0, len(numbers), self._batch):
                    batch = numbers[start : start + self._batch]
                    count += len(batch)
                    if start // self._batch % 2:
                        producer = await self._produce(producer, kind, batch, 1)
                        continue
                    bodies = [orjson.dumps(event) for event in kind.several(batch)]
                    await self._post_until_accepted(http, kind, bodies)
        if producer is not None:
            await _stopped(producer)
        self.resent += count
        return count

    async def goes_on(self, count: int) -> None:
        """Wait until so many events more are acknowledged, or the apps have failed."""
        target = self.events + count
        while self.events < target and not all(task.done() for task in self._tasks):
            await asyncio.wait(self._tasks, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)

    def _take(self) -> tuple[Sales, range]:
        kind = self._random.choice(self.kinds)
        numbers = range(self._next, self._next + self._batch)
        self._next += self._batch
        return kind, numbers

    async def _through_http(self) -> None:
        async with aiohttp.ClientSession(timeout=self._patience) as http:
            while not self._stopping.is_set():
                kind, numbers = self._take()
                bodies = [orjson.dumps(event) for event in kind.several(numbers)]
                await self._post_until_accepted(http, kind, bodies)
                self._acknowledge(kind, numbers)
                if self._random.random() < self._again:
                    self.resent += len(bodies)
                    await self._post_until_accepted(http, kind, bodies)
                await self._rest()

    async def _post_until_accepted(
        self, http: aiohttp.ClientSession, kind: Sales, bodies: Sequence[bytes]
    ) -> None:
        extra = [orjson.dumps({"number": -1})] if self._random.random() < self._bad else []
        waiting = list(bodies)
        while waiting:
            results = await self._post(http, kind, [*waiting, *extra])
            if results is None:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            self.bad += sum(result.get("kept", False) for result in results[len(waiting) :])
            extra = []
            refused = [r for r in results[: len(waiting)] if r["status"] == "rejected"]
            assert not refused, refused
            waiting = [
                body
                for body, result in zip(waiting, results, strict=False)
                if result["status"] != "accepted"
            ]

    async def _post(
        self, http: aiohttp.ClientSession, kind: Sales, bodies: Sequence[bytes]
    ) -> list[dict[str, Any]] | None:
        """The answers, or None if it is to be tried again."""
        urls = self._gateway()
        if not urls:
            return None
        url = f"{self._random.choice(urls)}/v1/events/{kind.event}"
        headers = {"Content-Type": "application/json"}
        body = b"[" + b",".join(bodies) + b"]"
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with http.post(url, data=body, headers=headers) as answer:
                if answer.status in (202, 207, 422):
                    results: list[dict[str, Any]] = (await answer.json())["results"]
                    return results
                assert answer.status in (429, 503), await answer.text()
        return None

    async def _straight_to_kafka(self) -> None:
        producer: AIOKafkaProducer | None = None
        try:
            while not self._stopping.is_set():
                kind, numbers = self._take()
                times = 2 if self._random.random() < self._again else 1
                self.resent += (times - 1) * len(numbers)
                producer = await self._produce(producer, kind, numbers, times)
                self._acknowledge(kind, numbers)
                await self._rest()
        finally:
            if producer is not None:
                await _stopped(producer)

    async def _produce(
        self, producer: AIOKafkaProducer | None, kind: Sales, numbers: Sequence[int], times: int
    ) -> AIOKafkaProducer:
        """Produce the batch `times` times; a producer that fails is replaced, and all is sent
        again, since nobody can say what arrived. Returns the one to use next."""
        while times:
            try:
                producer = producer or await self._producer()
                async with asyncio.timeout(20):
                    answers = [
                        await producer.send(
                            kind.topic, orjson.dumps(event), key=event["shop"].encode()
                        )
                        for event in kind.several(numbers)
                    ]
                    if self._random.random() < self._bad:
                        answers.append(await producer.send(kind.topic, BAD))
                        self.bad += 1
                    await asyncio.gather(*answers)
                times -= 1
            except (KafkaError, OSError, TimeoutError, AssertionError):
                if producer is not None:
                    await _stopped(producer)
                producer = None
                await asyncio.sleep(PAUSE_SECONDS)
        assert producer is not None
        return producer

    async def _producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._brokers,
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=10_000,
        )
        try:
            async with asyncio.timeout(20):
                await producer.start()
        except BaseException:
            await _stopped(producer)
            raise
        return producer

    def _acknowledge(self, kind: Sales, numbers: Sequence[int]) -> None:
        self.acknowledged[kind.event].update(numbers)
        self.sent += len(numbers)

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause):
                await self._stopping.wait()


async def _stopped(producer: AIOKafkaProducer) -> None:
    """Its own flush waits for Kafka for ever."""
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(3):
            await producer.stop()
            return
    with suppress(Exception):
        await producer.client.close()
        producer._sender.sender_task.cancel()
