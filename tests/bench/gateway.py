"""What an event costs the gateway, in CPU time: `python -m tests.bench.gateway HOST:PORT`.

The gateway runs in this process, its clients in another. Wall-clock rates on a shared machine say
little; CPU time per event says what a core can do.
"""

import asyncio
import multiprocessing
import resource
import sys
import time

import aiohttp
import orjson

from app.kafka import KafkaOptions
from tests.gateway.orders import opened, order, order_type

SENDERS = 16
JSON = {"Content-Type": "application/json"}


async def send(url: str, requests: int, batch: int) -> None:
    body = orjson.dumps([order(str(n)) for n in range(batch)] if batch > 1 else order())
    left = iter(range(requests))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=SENDERS)) as http:

        async def sender() -> None:
            for _ in left:
                async with http.post(url, data=body, headers=JSON) as response:
                    assert response.status == 202, await response.text()

        await asyncio.gather(*(sender() for _ in range(SENDERS)))


def client(url: str, requests: int, batch: int) -> None:
    asyncio.run(send(url, requests, batch))


async def measured(url: str, requests: int, batch: int) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=client, args=(url, requests, batch)
    )
    wall, cpu = time.monotonic(), time.process_time()
    process.start()
    await asyncio.to_thread(process.join)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    events = requests * batch
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"batch {batch:4}: {cpu / events * 1e6:7.1f} µs CPU/event  "
        f"{events / wall:9.0f} events/s  peak {rss:.0f} MB\n"
    )


async def main(brokers: str) -> None:
    async with opened(KafkaOptions(brokers=brokers), order_type()) as gateway:
        url = f"{gateway.running.url}/v1/events/order_placed"
        for _ in range(2):
            await measured(url, 5_000, 1)
            await measured(url, 1_000, 100)
            await measured(url, 100, 1_000)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
