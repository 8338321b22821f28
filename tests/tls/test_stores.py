"""Redis and the ledger through TLS, with certificates of both sides."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from app.core.errors import Fatal, Transient
from app.gateway.background import Background
from app.gateway.limits import BLOCKS, Counts, Limits
from app.gateway.options import GatewayOptions
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.redis_options import RedisOptions
from app.scheduler.lock import Locks
from tests.house.servers import Servers
from tests.tls.certificates import KEY_PASSWORD, Certificates


def redis(files: Certificates, port: int, **changes: Any) -> RedisOptions:
    """Right ones, but for the changes."""
    right = {
        "url": f"rediss://127.0.0.1:{port}/0",
        "ca_file": str(files.ca),
        "cert_file": str(files.client),
        "key_file": str(files.client_key),
        "key_password": KEY_PASSWORD,
    }
    return RedisOptions.model_validate(right | changes)


def ledger(files: Certificates, port: int, **changes: Any) -> LedgerOptions:
    """Right ones, but for the changes."""
    right = {
        "url": f"mongodb://127.0.0.1:{port}/?directConnection=true",
        "ca_file": str(files.ca),
        "cert_file": str(files.client_pair),
        "database": f"test_{uuid4().hex[:12]}",
        "timeout_seconds": 4,
    }
    return LedgerOptions.model_validate(right | changes)


async def locked(options: RedisOptions) -> bool:
    locks = Locks(options.url, 30, options.client())
    try:
        await locks.ping()
        async with locks.held(uuid4().hex) as lease:
            return lease is not None
    finally:
        await locks.close()


async def test_schedulers_lock_and_gateways_count_in_a_redis_behind_tls(
    files: Certificates, redis_port: int
) -> None:
    options = redis(files, redis_port)
    assert await locked(options)
    counts, source = Counts(options), uuid4().hex
    assert [await counts.block(source, "bytes") for _ in range(BLOCKS)] == [True] * BLOCKS
    assert counts._alone_until == 0


async def test_a_redis_that_is_not_ours_is_not_spoken_to(
    files: Certificates, other_files: Certificates, redis_port: int
) -> None:
    stranger = str(other_files.client_pair)
    for changes, setting in (
        ({"ca_file": str(other_files.ca)}, "REDIS__CA_FILE"),
        ({"ca_file": ""}, "REDIS__CA_FILE"),
        ({"url": f"rediss://localhost:{redis_port}/0"}, "REDIS__URL"),
        ({"cert_file": "", "key_file": ""}, "REDIS__CERT_FILE"),
        ({"cert_file": stranger, "key_file": stranger}, "REDIS__CERT_FILE"),
    ):
        with pytest.raises(Transient, match=setting):
            await locked(redis(files, redis_port, **changes))


async def test_a_ledger_opens_behind_tls(
    files: Certificates, mongo_port: int, servers: Servers
) -> None:
    options = ledger(files, mongo_port, timeout_seconds=20)
    opened = await open_ledger(options)
    assert await opened.cursors({"events.none.v1/0"}) == {}
    await opened.close()
    with MongoClient[dict[str, object]](servers.mongo.url) as client:
        assert options.database in client.list_database_names()
        client.drop_database(options.database)


async def test_a_mongodb_that_is_not_ours_is_not_spoken_to(
    files: Certificates, other_files: Certificates, mongo_port: int
) -> None:
    async def refused(setting: str, **changes: str) -> None:
        with pytest.raises(Transient, match=setting):
            await open_ledger(ledger(files, mongo_port, **changes))

    # The driver tries until its time is up, whatever the answer.
    await asyncio.gather(
        refused("LEDGER__CA_FILE", ca_file=str(other_files.ca)),
        refused("LEDGER__URL", url=f"mongodb://localhost:{mongo_port}/?directConnection=true"),
        refused("LEDGER__CERT_FILE", cert_file=""),
        refused("LEDGER__CERT_FILE", cert_file=str(other_files.client_pair)),
    )


async def test_a_wrong_password_for_mongodb_is_told_with_its_setting_and_never_shown(
    files: Certificates, mongo_port: int
) -> None:
    options = ledger(files, mongo_port, username="u", password="xanthippe", timeout_seconds=20)
    with pytest.raises(Fatal, match="LEDGER__PASSWORD") as raised:
        await open_ledger(options)
    assert "xanthippe" not in str(raised.value)


async def test_files_that_can_not_be_used_are_told_before_anything_is_sent(
    files: Certificates,
) -> None:
    for options, setting in (
        (redis(files, 1, ca_file="/nowhere.pem"), "REDIS__CA_FILE"),
        (redis(files, 1, key_password="wrong"), "REDIS__KEY_PASSWORD"),
        (redis(files, 1, url="redis://127.0.0.1:1/0"), "REDIS__URL"),
    ):
        with pytest.raises(Fatal, match=setting):
            Limits(GatewayOptions(), options, Background())
        with pytest.raises(Fatal, match=setting):
            options.client()
    for changed, setting in (
        ({"ca_file": "/nowhere.pem"}, "LEDGER__CA_FILE"),
        ({"cert_file": str(files.client_key)}, "LEDGER__CERT_FILE"),
    ):
        with pytest.raises(Fatal, match=setting):
            await open_ledger(ledger(files, 1, **changed))
