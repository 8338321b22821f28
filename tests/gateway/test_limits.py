"""How much a source may send: counted in a real Redis, or alone. Nothing here needs Kafka."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from limits import RateLimitItemPerHour
from redis.asyncio import Redis

from app.gateway.keys import hashed, new_key
from app.gateway.limits import BLOCKS, Counts
from app.kafka import KafkaOptions
from app.redis_options import RedisOptions
from tests.gateway.orders import Answer, Client, opened, order, order_type, until
from tests.gateway.test_keys import bearer, write
from tests.gateway.test_overload import connections, request

PATH = "/v1/validate/order_placed"
SHOP, OTHER = new_key(), new_key()


@asynccontextmanager
async def limited(
    kafka: KafkaOptions, folder: Path, redis_url: str, shop: dict[str, float], **options: Any
) -> AsyncIterator[Client]:
    """`shop` has the limits of SHOP; OTHER has those of the options."""
    sources = {
        f"shop-{uuid4().hex[:8]}": {"keys": [hashed(SHOP)], "types": ["*"]} | shop,
        f"other-{uuid4().hex[:8]}": {"keys": [hashed(OTHER)], "types": ["*"]},
    }
    async with opened(
        kafka,
        order_type(),
        ready=False,
        apps={"order_placed": "shop"},
        redis_url=redis_url,
        keys_file=str(write(folder / "keys.yaml", sources)),
        max_batch_events=1_000,
        **options,
    ) as client:
        yield client


async def send(client: Client, key: str, events: int = 1) -> Answer:
    return await client.post(PATH, [order()] * events, **bearer(key))


def says_later(answer: Answer, least: int, most: int) -> None:
    assert (answer.status, answer.json["error"]) == (429, "rate_limited")
    assert least <= int(answer.headers["Retry-After"]) <= most


async def test_a_source_that_has_used_up_its_events_is_told_when_to_come_again(
    nowhere: KafkaOptions, tmp_path: Path, redis_url: str
) -> None:
    async with limited(nowhere, tmp_path, redis_url, {"events_per_second": 1}) as client:
        assert (await send(client, SHOP, 500)).status == 200  # paid for afterwards
        says_later(await send(client, SHOP), 300, 500)
        assert "1 events a second" in (await send(client, SHOP)).json["message"]
        assert b'limited_total{limit="events"}' in (await client.get("/metrics")).body


async def test_what_one_source_sends_is_not_taken_from_another(
    nowhere: KafkaOptions, tmp_path: Path, redis_url: str
) -> None:
    async with limited(nowhere, tmp_path, redis_url, {"events_per_second": 1}) as client:
        assert (await send(client, SHOP, 500)).status == 200
        for _ in range(20):
            assert (await send(client, OTHER, 500)).status == 200
            assert (await send(client, SHOP)).status == 429


async def test_bytes_count_as_events_do(
    nowhere: KafkaOptions, tmp_path: Path, redis_url: str
) -> None:
    async with limited(nowhere, tmp_path, redis_url, {"bytes_per_second": 100}) as client:
        size = len((await send(client, SHOP, 500)).body)
        assert size > 0
        says_later(await send(client, SHOP), 300, 1_500)


async def test_the_settings_limit_sources_for_which_the_file_says_nothing(
    nowhere: KafkaOptions, tmp_path: Path, redis_url: str
) -> None:
    own = {"events_per_second": 10_000}
    async with limited(nowhere, tmp_path, redis_url, own, events_per_second=1) as client:
        assert (await send(client, OTHER, 500)).status == 200
        says_later(await send(client, OTHER), 300, 500)
        assert [(await send(client, SHOP, 500)).status for _ in range(3)] == [200] * 3


async def test_a_source_comes_back_when_its_time_is_up(
    nowhere: KafkaOptions, tmp_path: Path, redis_url: str
) -> None:
    async with limited(nowhere, tmp_path, redis_url, {"events_per_second": 100}) as client:

        async def is_in() -> bool:
            return (await send(client, SHOP)).status == 200

        assert (await send(client, SHOP, 300)).status == 200
        assert not await is_in()
        await until(is_in)


async def test_below_its_limit_a_source_is_never_refused_and_redis_hardly_asked(
    nowhere: KafkaOptions, tmp_path: Path, redis_url: str
) -> None:
    async with limited(nowhere, tmp_path, redis_url, {"events_per_second": 1_000_000}) as client:
        before = await _scripts_run(redis_url)
        for _ in range(200):
            assert (await send(client, SHOP)).status == 200
        assert await _scripts_run(redis_url) - before < 20


async def _scripts_run(redis_url: str) -> int:
    async with Redis.from_url(redis_url) as redis:
        stats = await redis.info("commandstats")
        return int(stats.get("cmdstat_evalsha", {}).get("calls", 0))


async def test_the_gateways_of_one_redis_share_what_a_source_may_send(redis_url: str) -> None:
    counts = [Counts(RedisOptions(url=redis_url)) for _ in range(3)]
    for one in counts:  # a window that does not end meanwhile
        one._each_second = RateLimitItemPerHour(BLOCKS, namespace="forebay")
    source = uuid4().hex
    taken = [await one.block(source, "events") for one in counts for _ in range(BLOCKS)]
    assert sum(taken) == BLOCKS


async def test_over_its_limit_a_source_is_refused_before_http_is_parsed_and_stays_connected(
    nowhere: KafkaOptions, tmp_path: Path, redis_url: str
) -> None:
    async with (
        limited(nowhere, tmp_path, redis_url, {"events_per_second": 1}) as client,
        connections(client, 1) as (raw,),
    ):
        assert (await send(client, SHOP, 500)).status == 200
        await send(client, SHOP)
        for _ in range(3):
            raw.writer.write(request("A", PATH, Authorization=f"Bearer {SHOP}"))
            status, headers, body = await raw.answer()
            assert (status, body["error"]) == (429, "rate_limited")
            assert int(headers["retry-after"]) > 300


@pytest.mark.parametrize("url", ["redis://127.0.0.1:{port}/0", "", "nonsense"])
async def test_without_redis_each_gateway_counts_alone_and_nothing_fails(
    nowhere: KafkaOptions, tmp_path: Path, url: str
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        away = url.format(port=free.getsockname()[1])
        shop = {"events_per_second": 1, "bytes_per_second": 1_000_000}
        async with limited(nowhere, tmp_path, away, shop) as client:
            assert (await send(client, OTHER, 500)).status == 200
            assert (await send(client, SHOP, 500)).status == 200
            says_later(await send(client, SHOP), 300, 500)
            metrics = (await client.get("/metrics")).body.decode()
            if url.startswith("redis:"):
                assert "forebay_gateway_limits_alone_total 0.0" not in metrics


async def test_a_redis_that_does_not_answer_holds_no_request_up_for_long(
    nowhere: KafkaOptions, tmp_path: Path
) -> None:
    silent = await asyncio.start_server(_read_for_ever, "127.0.0.1", 0)
    url = f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}/0"
    async with (
        silent,
        limited(nowhere, tmp_path, url, {"events_per_second": 10}) as client,
        asyncio.timeout(20),
    ):
        assert (await send(client, SHOP, 5)).status == 200
        answers = await asyncio.gather(*(send(client, SHOP) for _ in range(10)))
        assert {answer.status for answer in answers} <= {200, 429}


async def _read_for_ever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.read(1_000):
            pass
    finally:
        writer.close()
