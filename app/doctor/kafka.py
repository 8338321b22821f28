"""Is Kafka there, may we use it, and will it keep what it acknowledges?"""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, NamedTuple

from app.doctor.authorized import Cluster, May, Topic, lacking, look
from app.doctor.finding import Finding, Level
from app.kafka import KafkaOptions, TopicSpec
from app.kafka_errors import kafka_errors, started

PART = "kafka"
REPLICAS, IN_SYNC = 3, 2
DAY_MS = 86_400_000
AT_ONCE = 100


class Wanted(NamedTuple):
    """A topic as it is to be, and what this role does with it."""

    spec: TopicSpec
    does: Collection[May]


async def look_at_kafka(
    options: KafkaOptions, wanted: Mapping[str, Wanted]
) -> AsyncIterator[Finding]:
    """Raises `Fatal` or `Transient` when Kafka can not be asked."""
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(**options.client())
    with kafka_errors("looking at the topics"):
        await started(admin, options)
        try:
            cluster = await look(admin)
            there = sorted(wanted.keys() & cluster.topics.keys())
            configs = await _configs(admin, there)
        finally:
            await admin.close()
    yield _cluster(options, cluster)
    missing = sorted(wanted.keys() - cluster.topics.keys())
    if missing:
        yield _missing(options, cluster, missing)
    if unseen := sorted(set(there) - configs.keys()):
        said = f"retention and replicas in sync of {len(unseen)} topics can not be seen"
        fix = f"kafka-acls --add … --operation DescribeConfigs, for {_some(unseen)}"
        yield Finding(PART, Level.WEAK, said, fix)
    for name in there:
        for finding in of_topic(name, cluster.topics[name], configs.get(name, {}), wanted[name]):
            yield finding
    if there:
        yield Finding(PART, Level.GOOD, f"{len(there)} topics of {len(wanted)} are there")


def _cluster(options: KafkaOptions, cluster: Cluster) -> Finding:
    said = f"reached at {options.brokers}: {cluster.brokers} brokers"
    if cluster.brokers < REPLICAS:
        fix = f"run at least {REPLICAS}: fewer can not keep an event through the loss of a disk"
        return Finding(PART, Level.WEAK, said, fix)
    return Finding(PART, Level.GOOD, said)


def _missing(options: KafkaOptions, cluster: Cluster, missing: list[str]) -> Finding:
    said = f"{len(missing)} topics are not there, or may not be seen: {_some(missing)}"
    if lacking(cluster.may, [May.CREATE]):
        said += "; we may not create any topic, or only some, which can not be seen from here"
        fix = (
            f"kafka-acls --add --allow-principal User:{options.username or '…'} --operation Create "
            "--operation Describe --resource-pattern-type prefixed --topic events."
        )
        return Finding(PART, Level.WEAK, said, fix)
    if options.replication_factor < REPLICAS:
        fix = f"KAFKA__REPLICATION_FACTOR={REPLICAS}, before a role creates them"
        return Finding(PART, Level.WEAK, said, fix)
    return Finding(PART, Level.GOOD, f"{said}; each role creates its own when it starts")


def of_topic(name: str, topic: Topic, config: Mapping[str, str], wanted: Wanted) -> list[Finding]:
    """What is wrong with a topic that is there; nothing if it is as it should be."""
    found = []
    if lacks := topic.lacks(wanted.does):
        words = ", ".join(may.name.lower() for may in lacks)
        allow = " ".join(f"--operation {may.name.title()}" for may in lacks)
        fix = f"kafka-acls --add --allow-principal User:… {allow} --topic {name}"
        found.append(Finding(PART, Level.WRONG, f"{name}: we may not {words}", fix))
    if topic.partitions != wanted.spec.partitions:
        said = f"{name} has {topic.partitions} partitions, and is to have {wanted.spec.partitions}"
        fix = "set kafka.size back, or raise the event's version, which makes a new topic"
        found.append(Finding(PART, Level.WRONG, said, fix))
    if topic.replicas < REPLICAS:
        said = f"{name} has {topic.replicas} replicas: what it acknowledged may be lost with a disk"
        fix = f"kafka-reassign-partitions, to {REPLICAS} replicas; new topics get them by "
        fix += f"KAFKA__REPLICATION_FACTOR={REPLICAS}"
        found.append(Finding(PART, Level.WEAK, said, fix))
    elif topic.in_sync < topic.replicas:
        said = f"{name}: only {topic.in_sync} of {topic.replicas} replicas are in sync"
        found.append(Finding(PART, Level.WEAK, said, "see to the brokers that are behind"))
    return found + _of_config(name, config, wanted.spec)


def _of_config(name: str, config: Mapping[str, str], spec: TopicSpec) -> list[Finding]:
    found = []
    if (least := _number(config, "min.insync.replicas")) is not None and least < IN_SYNC:
        said = f"{name}: min.insync.replicas is {least}: one broker alone may acknowledge"
        found.append(Finding(PART, Level.WEAK, said, _alter(name, "min.insync.replicas", IN_SYNC)))
    keeps, must = _number(config, "retention.ms"), _number(spec.config, "retention.ms")
    if keeps is not None and must is not None and 0 <= keeps < must:
        said = f"{name} keeps events for {keeps / DAY_MS:g} days, its file says {must / DAY_MS:g}"
        found.append(Finding(PART, Level.WRONG, said, _alter(name, "retention.ms", must)))
    if "compact" in config.get("cleanup.policy", ""):
        said = f"{name} is compacted: Kafka removes events that have a key in common"
        found.append(Finding(PART, Level.WRONG, said, _alter(name, "cleanup.policy", "delete")))
    return found


def _alter(name: str, key: str, value: object) -> str:
    return f"kafka-configs --alter --topic {name} --add-config {key}={value}"


def _number(config: Mapping[str, str], key: str) -> int | None:
    return int(config[key]) if config.get(key) else None


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


async def _configs(admin: Any, names: list[str]) -> dict[str, dict[str, str]]:
    """By topic. One whose configuration we may not see has none."""
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(names), AT_ONCE):
        asked = [
            ConfigResource(ConfigResourceType.TOPIC, n) for n in names[start : start + AT_ONCE]
        ]
        for answer in await admin.describe_configs(asked):
            for code, _, _, name, entries in answer.resources:
                if code == 0:
                    found[name] = {entry[0]: entry[1] or "" for entry in entries}
    return found
