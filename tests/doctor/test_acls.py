"""What our credentials may do in a Kafka that allows nobody anything, and the commands for more."""

import asyncio
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.protocol.admin import CreateAclsRequest

from app.doctor.authorized import May
from app.doctor.finding import Finding, Level
from app.doctor.kafka import Wanted, look_at_kafka
from app.kafka import KafkaOptions, TopicSpec, ensure_topics
from tests.conftest import run
from tests.faults.topics import admin
from tests.tls.certificates import certificates
from tests.tls.secured_kafka import SecuredKafka

ACLS = """
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""
"""Whoever comes without a password is the administrator; of others nobody may do anything."""

# Of Kafka's protocol.
OPERATIONS = {may.name.title(): int(may) for may in May} | {"DescribeConfigs": 10}
RESOURCES = {"topic": 2, "group": 3}
PATTERNS = {"literal": 3, "prefixed": 4}
ALLOW = 3

TOPIC, CHANGELOG, GROUP = "events.order.v1", "forebay-seen-2-changelog", "forebay"
WANTED = Wanted(TopicSpec(1), [May.READ, May.WRITE, May.DESCRIBE])
READS = {GROUP: [May.READ, May.DESCRIBE]}


class Strict(SecuredKafka):
    def properties(self, logs: Path) -> str:
        return super().properties(logs) + ACLS


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strict]:
    folder = tmp_path_factory.mktemp("strict")
    files = certificates(folder)
    made = Strict(folder / "kafka", log_file=folder / "kafka.log", files=files)
    run(made.start())
    run(ensure_topics(plain(made), {TOPIC: TopicSpec(1)}))
    yield made
    run(made.stop())


def plain(kafka: Strict) -> KafkaOptions:
    return KafkaOptions(brokers=f"127.0.0.1:{kafka.port}")


async def told(options: KafkaOptions, *topics: str) -> list[Finding]:
    wanted = dict.fromkeys(topics, WANTED)
    return [found async for found in look_at_kafka(options, wanted, READS)]


async def pasted(kafka: Strict, line: str) -> None:
    """Do what kafka-acls.sh would, as the administrator; what it does not know is an error."""
    command, *words = shlex.split(line)
    assert command == "kafka-acls.sh"
    parser = ArgumentParser(allow_abbrev=False)
    parser.add_argument("--bootstrap-server", required=True)
    parser.add_argument("--command-config", required=True)
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--allow-principal", required=True)
    parser.add_argument("--operation", action="append", required=True)
    parser.add_argument("--resource-pattern-type", default="literal")
    for resource in RESOURCES:
        parser.add_argument(f"--{resource}", action="append", default=[])
    said = parser.parse_args(words)
    pattern = PATTERNS[said.resource_pattern_type]
    async with admin(plain(kafka)) as client:
        for resource, kind in RESOURCES.items():
            for name in getattr(said, resource):
                for operation in map(OPERATIONS.__getitem__, said.operation):
                    asked = (kind, name, pattern, said.allow_principal, "*", operation, ALLOW)
                    answer = await client._send_request(CreateAclsRequest(*asked))
                    assert [code for code, _ in answer.creation_responses] == [0]


async def test_the_administrator_may_all_also_with_a_group_that_does_not_exist(
    kafka: Strict,
) -> None:
    found = await told(plain(kafka), TOPIC)
    assert not [one for one in found if one.level is Level.WRONG]
    assert "consumer group forebay: we may read, describe" in [one.said for one in found]


@pytest.mark.parametrize("way", ["password", "certificate"])
async def test_who_may_do_nothing_is_told_what_to_allow_and_may_do_it_then(
    kafka: Strict, way: str
) -> None:
    options = kafka.with_password() if way == "password" else kafka.with_certificate()
    found = await told(options, TOPIC, CHANGELOG)
    (group,) = [one for one in found if one.level is Level.WRONG]
    assert group.said == "consumer group forebay: we may not read, describe"
    (weak,) = [one for one in found if "may not be seen" in one.said]
    assert "we may not create" in weak.said
    assert weak.fix.endswith(f"--topic events. --topic {CHANGELOG}")
    for _ in range(40):  # what was allowed is known to the broker a moment later
        found = await told(options, TOPIC)
        fixes = [one.fix for one in found if "kafka-acls" in one.fix]
        if not fixes:
            break
        for fix in fixes:
            assert f"--bootstrap-server {options.brokers} " in fix
            await pasted(kafka, fix)
        await asyncio.sleep(0.25)
    assert not fixes
    assert not [one for one in found if one.level is Level.WRONG]
    assert "consumer group forebay: we may read, describe" in [one.said for one in found]
