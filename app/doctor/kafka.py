"""Is Kafka there, may we use it, and will it keep what it acknowledges?"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from app.doctor.authorized import UNKNOWN, Cluster, May, Topic, lacking, look, look_at_group
from app.doctor.commands import Commands, commands_for
from app.doctor.finding import Finding, Level, some
from app.kafka import KafkaOptions, TopicSpec
from app.kafka_errors import kafka_errors, started

PART = "kafka"
REPLICAS, IN_SYNC = 3, 2
DAY_MS = 86_400_000
AT_ONCE = 100
EVENTS = "events."
"""How the topic of each event type begins."""


class Wanted(NamedTuple):
    """A topic as it is to be, and what this role does with it."""

    spec: TopicSpec
    does: Collection[May]


async def look_at_kafka(
    options: KafkaOptions,
    wanted: Mapping[str, Wanted],
    groups: Mapping[str, Collection[May]] | None = None,
) -> AsyncIterator[Finding]:
    """`groups` are consumer groups, and what this role does with each.

    Raises `Fatal` or `Transient` when Kafka can not be asked.
    """
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(**options.client())
    with kafka_errors("looking at the topics"):
        await started(admin, options)
        try:
            cluster = await look(admin)
            there = sorted(wanted.keys() & cluster.topics.keys())
            configs = await _configs(admin, there)
            may = {group: await look_at_group(admin, group) for group in groups or {}}
        finally:
            await admin.close()
    commands = commands_for(options)
    yield _cluster(options, cluster, commands)
    for group, does in (groups or {}).items():
        yield of_group(group, may[group], does, commands)
    missing = sorted(wanted.keys() - cluster.topics.keys())
    if missing:
        yield _missing(options, cluster, missing, commands)
    if unseen := sorted(set(there) - configs.keys()):
        said = f"retention and replicas in sync of {len(unseen)} topics can not be seen"
        topics = [word for name in unseen for word in ("--topic", name)]
        yield Finding(PART, Level.WEAK, said, commands.allow(["DescribeConfigs"], *topics))
    for name in there:
        topic, config = cluster.topics[name], configs.get(name, {})
        for finding in of_topic(name, topic, config, wanted[name], cluster.brokers, commands):
            yield finding
    if there:
        yield Finding(PART, Level.GOOD, f"{len(there)} topics of {len(wanted)} are there")


def _cluster(options: KafkaOptions, cluster: Cluster, commands: Commands) -> Finding:
    brokers = len(cluster.brokers)
    said = f"reached at {options.brokers} as {commands.principal}: {brokers} brokers"
    if brokers < REPLICAS:
        fix = f"run at least {REPLICAS}: fewer can not keep an event through the loss of a disk"
        return Finding(PART, Level.WEAK, said, fix)
    return Finding(PART, Level.GOOD, said)


def of_group(group: str, bits: int, does: Collection[May], commands: Commands) -> Finding:
    """Whether we may do with a consumer group what we do with it."""
    if bits == UNKNOWN:
        said = f"not checked: what we may do with consumer group {group}, of which no broker tells"
        fix = (
            "see that __consumer_offsets can be made: offsets.topic.replication.factor must not be "
            "more than there are brokers"
        )
        return Finding(PART, Level.WEAK, said, fix)
    if lacks := lacking(bits, does):
        said = f"consumer group {group}: we may not {_words(lacks)}"
        return Finding(PART, Level.WRONG, said, commands.allow(_names(lacks), "--group", group))
    return Finding(PART, Level.GOOD, f"consumer group {group}: we may {_words(does)}")


def _missing(
    options: KafkaOptions, cluster: Cluster, missing: list[str], commands: Commands
) -> Finding:
    said = f"{len(missing)} topics are not there, or may not be seen: {some(missing)}"
    if lacking(cluster.may, [May.CREATE]):
        said += "; we may not create any topic, or only some, which can not be seen from here"
        begin = sorted({_beginning(name) for name in missing})
        topics = [word for name in begin for word in ("--topic", name)]
        pattern = ("--resource-pattern-type", "prefixed")
        fix = commands.allow(["Create", "Describe"], *pattern, *topics)
        return Finding(PART, Level.WEAK, said, fix)
    if options.replication_factor < REPLICAS:
        fix = f"KAFKA__REPLICATION_FACTOR={REPLICAS}, before a role creates them"
        return Finding(PART, Level.WEAK, said, fix)
    return Finding(PART, Level.GOOD, f"{said}; each role creates its own when it starts")


def _beginning(topic: str) -> str:
    """What is allowed in one go: the topics of all event types, or one other."""
    return EVENTS if topic.startswith(EVENTS) else topic


def of_topic(
    name: str,
    topic: Topic,
    config: Mapping[str, str],
    wanted: Wanted,
    brokers: Sequence[int],
    commands: Commands,
) -> list[Finding]:
    """What is wrong with a topic that is there; nothing if it is as it should be. `brokers` are the
    ids of all there are."""
    found = []
    if lacks := topic.lacks(wanted.does):
        fix = commands.allow(_names(lacks), "--topic", name)
        found.append(Finding(PART, Level.WRONG, f"{name}: we may not {_words(lacks)}", fix))
    if topic.partitions != wanted.spec.partitions:
        said = f"{name} has {topic.partitions} partitions, and is to have {wanted.spec.partitions}"
        fix = "set kafka.size back, or raise the event's version, which makes a new topic"
        found.append(Finding(PART, Level.WRONG, said, fix))
    if topic.replicas < REPLICAS:
        said = f"{name} has {topic.replicas} replicas: what it acknowledged may be lost with a disk"
        fix = _replicate(name, topic, brokers, commands)
        found.append(Finding(PART, Level.WEAK, said, fix))
    elif topic.in_sync < topic.replicas:
        said = f"{name}: only {topic.in_sync} of {topic.replicas} replicas are in sync"
        found.append(Finding(PART, Level.WEAK, said, "see to the brokers that are behind"))
    return found + _of_config(name, config, wanted.spec, commands)


def _replicate(name: str, topic: Topic, brokers: Sequence[int], commands: Commands) -> str:
    new = f"for new topics: KAFKA__REPLICATION_FACTOR={REPLICAS}"
    if len(brokers) < REPLICAS:
        return f"run at least {REPLICAS} brokers, and ask again; {new}"
    return f"{commands.replicate(name, spread(topic.placed, brokers))}  # {new}"


def spread(placed: Sequence[Sequence[int]], brokers: Sequence[int]) -> list[tuple[int, ...]]:
    """Brokers for `REPLICAS` of each partition: those that it has, its leader first, and of the
    others each in its turn."""
    found = []
    for number, has in enumerate(placed):
        others = [broker for broker in brokers if broker not in has]
        turn = number % len(others) if others else 0
        found.append((*has, *others[turn:], *others[:turn])[: max(REPLICAS, len(has))])
    return found


def _of_config(
    name: str, config: Mapping[str, str], spec: TopicSpec, commands: Commands
) -> list[Finding]:
    found = []
    if (least := _number(config, "min.insync.replicas")) is not None and least < IN_SYNC:
        said = f"{name}: min.insync.replicas is {least}: one broker alone may acknowledge"
        fix = commands.configure(name, "min.insync.replicas", IN_SYNC)
        found.append(Finding(PART, Level.WEAK, said, fix))
    keeps, must = _number(config, "retention.ms"), _number(spec.config, "retention.ms")
    if keeps is not None and must is not None and 0 <= keeps < must:
        said = f"{name} keeps events for {keeps / DAY_MS:g} days, its file says {must / DAY_MS:g}"
        fix = commands.configure(name, "retention.ms", must)
        found.append(Finding(PART, Level.WRONG, said, fix))
    if "compact" in config.get("cleanup.policy", ""):
        said = f"{name} is compacted: Kafka removes events that have a key in common"
        fix = commands.configure(name, "cleanup.policy", "delete")
        found.append(Finding(PART, Level.WRONG, said, fix))
    return found


def _names(may: Collection[May]) -> list[str]:
    return [one.name.title() for one in may]


def _words(may: Collection[May]) -> str:
    return ", ".join(one.name.lower() for one in may)


def _number(config: Mapping[str, str], key: str) -> int | None:
    return int(config[key]) if config.get(key) else None


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
