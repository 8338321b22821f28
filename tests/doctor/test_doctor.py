"""`forebay doctor` on real servers: what is well, what is away, what is not as it is to be."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from typer.testing import CliRunner, Result

from app.cli import command_line
from app.doctor.finding import Level
from app.doctor.kafka import Wanted, look_at_kafka
from app.doctor.stores import skew
from app.kafka import KafkaOptions, TopicSpec, ensure_topics
from sinks.s3.store import S3ObjectStore
from tests.faults.topics import admin
from tests.house.house import House, opened_house
from tests.house.servers import Servers
from tests.tls.certificates import certificates
from tests.tls.secured_kafka import SecuredKafka

ACLS = """
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""
"""Whoever comes without a password is the administrator; of others nobody may do anything."""


@pytest.fixture
async def house(servers: Servers, unique: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened_house(unique, tmp_path, servers) as made:
        yield made


async def examined(house: House, *words: str, code: int) -> list[dict[str, Any]]:
    def call() -> Result:
        return CliRunner().invoke(
            command_line("doctor"), ["doctor", *words, "--json"], env=house.environment
        )

    done = await asyncio.to_thread(call)
    assert done.exit_code == code, done.output
    found: list[dict[str, Any]] = orjson.loads(done.stdout)
    return found


def of(part: str, found: list[dict[str, Any]], level: str) -> list[str]:
    return [f["said"] for f in found if (f["part"], f["level"]) == (part, level)]


async def test_a_machine_of_one_s_own_is_weak_and_not_wrong_and_nothing_stays_behind(
    house: House,
) -> None:
    found = await examined(house, code=0)
    assert {f["part"] for f in found} == {"kafka", "s3", "ledger", "redis", "warehouse"}
    assert of("s3", found, "good")
    assert of("redis", found, "good")
    assert all(f["fix"] for f in found if f["level"] == "weak")
    assert any("1 brokers" in said for said in of("kafka", found, "weak"))
    objects = S3ObjectStore(house.servers.s3_options.model_copy(update={"prefix": house.name}))
    assert [stat async for stat in objects.list("")] == []
    assert [upload async for upload in objects.uploads()] == []
    await objects.close()


async def test_each_role_asks_only_for_what_it_needs(house: House) -> None:
    gateway = {f["part"] for f in await examined(house, "--role", "gateway", code=0)}
    worker = {f["part"] for f in await examined(house, "--role", "worker", code=0)}
    assert (gateway, worker) == ({"kafka"}, {"kafka", "s3", "ledger"})


async def test_a_server_that_is_away_is_named_and_the_others_are_looked_at(house: House) -> None:
    house.networks.redis.take_down()
    house.environment["S3__SECRET_ACCESS_KEY"] = "not-the-one"
    found = await examined(house, code=1)
    assert of("redis", found, "wrong")
    assert any("S3__" in said for said in of("s3", found, "wrong"))
    assert of("kafka", found, "weak")
    assert "not-the-one" not in str(found)


async def test_a_topic_that_keeps_too_little_comes_with_the_command_that_mends_it(
    house: House,
) -> None:
    (kind,) = house.sales
    role = house.role("worker")
    await role.start()
    await role.stop()
    kafka = KafkaOptions(brokers=house.environment["KAFKA__BROKERS"])
    assert not of("kafka", await examined(house, "--role", "worker", code=0), "wrong")
    async with admin(kafka) as client:
        small = ConfigResource(ConfigResourceType.TOPIC, kind.topic, {"retention.ms": "86400000"})
        await client.alter_configs([small])
    found = await examined(house, "--role", "worker", code=1)
    (wrong,) = [f for f in found if f["level"] == "wrong"]
    assert "keeps events for 1 days, its file says 30" in wrong["said"]
    assert wrong["fix"] == (
        f"kafka-configs --alter --topic {kind.topic} --add-config retention.ms={30 * 86_400_000}"
    )


async def test_who_may_do_nothing_in_kafka_is_told_what_to_allow(tmp_path: Path) -> None:
    class Strict(SecuredKafka):
        def properties(self, logs: Path) -> str:
            return super().properties(logs) + ACLS

    files = certificates(tmp_path)
    kafka = Strict(tmp_path / "kafka", log_file=tmp_path / "kafka.log", files=files)
    await kafka.start()
    try:
        name, spec = "events.order.v1", TopicSpec(1)
        plain = KafkaOptions(brokers=f"127.0.0.1:{kafka.port}")
        await ensure_topics(plain, {name: spec})
        wanted = {name: Wanted(spec, [])}
        allowed = [found async for found in look_at_kafka(plain, wanted)]
        assert not [found for found in allowed if found.level is Level.WRONG]
        told = [found async for found in look_at_kafka(kafka.with_password(), wanted)]
        (weak,) = [found for found in told if "may not be seen" in found.said]
        assert "we may not create" in weak.said
        assert "--allow-principal User:forebay --operation Create" in weak.fix
    finally:
        await kafka.stop()


@pytest.mark.parametrize(
    ("seconds", "level"), [(0, Level.GOOD), (-30, Level.WEAK), (30, Level.WEAK), (900, Level.WRONG)]
)
def test_clocks_that_are_apart_are_told(seconds: float, level: Level) -> None:
    finding = skew("s3", datetime.now(UTC) + timedelta(seconds=seconds))
    assert finding.level is level
    assert "NTP" in finding.fix
