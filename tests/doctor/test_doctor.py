"""`forebay doctor` on real servers: what is well, what is away, what is not as it is to be."""

import asyncio
import shlex
import subprocess
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
from app.doctor.stores import skew
from app.gateway.keys import hashed, new_key
from app.kafka import KafkaOptions
from sinks.s3.store import S3ObjectStore
from tests.faults.topics import admin
from tests.house.house import House, opened_house
from tests.house.servers import Servers


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
    keys = house.folder / "keys.json"
    limited = {"shop": {"keys": [hashed(new_key())], "events_per_second": 7}}
    keys.write_bytes(orjson.dumps({"sources": limited}))
    house.environment["GATEWAY__KEYS_FILE"] = str(keys)
    found = await examined(house, "--role", "gateway", code=0)
    assert {f["part"] for f in found} == {"kafka", "keys", "redis"}


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
        f"kafka-configs.sh --bootstrap-server {kafka.brokers} --alter --topic {kind.topic} "
        f"--add-config retention.ms={30 * 86_400_000}"
    )
    java, command = house.servers.kafka.command[:-2], "kafka.admin.ConfigCommand"
    done = await asyncio.to_thread(
        subprocess.run, [*java, command, *shlex.split(wrong["fix"])[1:]], capture_output=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not of("kafka", await examined(house, "--role", "worker", code=0), "wrong")


@pytest.mark.parametrize(
    ("seconds", "level"), [(0, Level.GOOD), (-30, Level.WEAK), (30, Level.WEAK), (900, Level.WRONG)]
)
def test_clocks_that_are_apart_are_told(seconds: float, level: Level) -> None:
    finding = skew("s3", datetime.now(UTC) + timedelta(seconds=seconds))
    assert finding.level is level
    assert "NTP" in finding.fix
