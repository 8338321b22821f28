"""The lock, on a real Redis."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from app.core.errors import Fatal, Transient
from app.local.redis import LocalRedis
from app.scheduler.lock import LeaseLost, Locks
from tests.scheduler.waiting import until

NAME = "test:load:RAW.ORDER_PLACED"


@pytest.fixture
async def locks(redis: LocalRedis) -> AsyncIterator[Locks]:
    locks = Locks(redis.url, 30)
    yield locks
    await locks.close()


@pytest.fixture
async def client(redis: LocalRedis) -> AsyncIterator["Redis"]:
    async with Redis.from_url(redis.url) as client:
        yield client


async def test_a_lock_is_held_by_one_and_free_afterwards(redis: LocalRedis, locks: Locks) -> None:
    others = Locks(redis.url, 30)
    async with locks.held(NAME) as mine:
        assert mine is not None
        async with others.held(NAME) as theirs, others.held(NAME + "_2") as another:
            assert theirs is None
            assert another is not None
        mine.check()
    async with others.held(NAME) as theirs:
        assert theirs is not None
    await others.close()


async def test_a_lock_outlives_its_lease_while_it_is_held(
    redis: LocalRedis, client: "Redis"
) -> None:
    locks = Locks(redis.url, 1.0)
    async with locks.held(NAME) as lease:
        assert lease is not None
        for _ in range(3):
            await client.pexpire(NAME, 500)

            async def renewed() -> bool:
                return await client.pttl(NAME) > 500

            await until(renewed)
        lease.check()
    await locks.close()


async def test_a_dead_holders_lock_runs_out(client: "Redis", locks: Locks) -> None:
    await client.set(NAME, "somebody who was killed", px=300)

    async def taken() -> bool:
        async with locks.held(NAME) as lease:
            return lease is not None

    await until(taken)


async def test_a_redis_that_lost_its_memory_is_noticed_and_the_new_owner_left_alone(
    redis: LocalRedis, client: "Redis"
) -> None:
    locks = Locks(redis.url, 0.6)
    async with locks.held(NAME) as lease:
        assert lease is not None
        await client.flushall()
        await client.set(NAME, "the new owner")
        await until(lambda: bool(lease.lost))
        with pytest.raises(LeaseLost, match=NAME):
            lease.check()
    assert await client.get(NAME) == b"the new owner"
    await locks.close()


async def test_a_redis_that_stays_away_for_a_lease_has_lost_the_lock(redis: LocalRedis) -> None:
    locks = Locks(redis.url, 0.6)
    async with locks.held(NAME) as lease:
        assert lease is not None
        redis.kill()
        await until(lambda: bool(lease.lost))
    await locks.close()


async def test_an_unreachable_redis_is_transient(redis: LocalRedis, locks: Locks) -> None:
    redis.kill()
    with pytest.raises(Transient):
        await locks.ping()
    with pytest.raises(Transient):
        async with locks.held(NAME):
            pass
    await redis.start()
    await locks.ping()


async def test_a_refusal_and_a_wrong_url_name_the_variable(redis: LocalRedis) -> None:
    for url in ("", "not a url"):
        with pytest.raises(Fatal, match="REDIS__URL"):
            Locks(url, 30)
    refused = Locks(redis.url.replace("redis://", "redis://nobody:wrong@"), 30)
    with pytest.raises(Fatal, match="REDIS__URL"):
        await refused.ping()
    await refused.close()
