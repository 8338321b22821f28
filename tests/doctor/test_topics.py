"""What the doctor says of a topic as a broker describes it."""

import shlex

import orjson
import pytest

from app.doctor.authorized import NOTHING, UNKNOWN, May, Topic
from app.doctor.commands import commands_for
from app.doctor.finding import Finding, Level
from app.doctor.kafka import DAY_MS, Wanted, of_group, of_topic, spread
from app.kafka import KafkaOptions, TopicSpec

NAME = "events.order_placed.v1"
EVERYTHING = sum(1 << may for may in May)
HERE = commands_for(
    KafkaOptions(brokers="a:1, b:2", security_protocol="SASL_SSL", username="for bay")
)
PASTED = "--bootstrap-server a:1,b:2 --command-config admin.properties"
GOOD = Topic(partitions=6, replicas=3, in_sync=3, may=EVERYTHING)
CONFIG = {"min.insync.replicas": "2", "retention.ms": str(7 * DAY_MS), "cleanup.policy": "delete"}
WANTED = Wanted(TopicSpec(6, {"retention.ms": str(7 * DAY_MS)}), [May.READ, May.WRITE])


def found(topic: Topic, config: dict[str, str], brokers: tuple[int, ...] = (1,)) -> list[Finding]:
    return of_topic(NAME, topic, CONFIG | config, WANTED, brokers, HERE)


def test_a_topic_as_it_is_to_be_is_no_finding() -> None:
    assert found(GOOD, {}) == []


@pytest.mark.parametrize(
    ("topic", "config", "level", "said", "fix"),
    [
        (GOOD._replace(may=1 << May.READ), {}, Level.WRONG, "may not write", "--operation Write"),
        (GOOD._replace(partitions=3), {}, Level.WRONG, "3 partitions", "kafka.size"),
        (GOOD._replace(replicas=1, in_sync=1), {}, Level.WEAK, "1 replicas", "FACTOR=3"),
        (GOOD._replace(in_sync=2), {}, Level.WEAK, "only 2 of 3", "brokers"),
        (GOOD, {"min.insync.replicas": "1"}, Level.WEAK, "one broker", "min.insync.replicas=2"),
        (GOOD, {"retention.ms": str(DAY_MS)}, Level.WRONG, "1 days", f"retention.ms={7 * DAY_MS}"),
        (GOOD, {"cleanup.policy": "compact"}, Level.WRONG, "compacted", "cleanup.policy=delete"),
    ],
)
def test_each_fault_is_one_finding_with_its_fix(
    topic: Topic, config: dict[str, str], level: Level, said: str, fix: str
) -> None:
    (finding,) = found(topic, config)
    assert finding.level is level
    assert NAME in finding.said
    assert said in finding.said
    assert fix in finding.fix


def test_what_is_kept_for_ever_or_not_told_is_no_fault() -> None:
    for config in ({"retention.ms": "-1"}, {"retention.ms": ""}, {"min.insync.replicas": ""}):
        assert found(GOOD._replace(may=UNKNOWN), config) == []


def test_commands_say_where_and_for_whom() -> None:
    (rights,) = found(GOOD._replace(may=1 << May.READ), {})
    assert rights.fix == (
        f"kafka-acls.sh {PASTED} --add --allow-principal 'User:for bay' --operation Write "
        f"--topic {NAME}"
    )
    (retention,) = found(GOOD, {"retention.ms": "1"})
    assert retention.fix.startswith(f"kafka-configs.sh {PASTED} --alter --topic {NAME} ")
    plain = commands_for(KafkaOptions(brokers="a:1"))
    assert plain.where == ("--bootstrap-server", "a:1")
    assert plain.principal == "User:ANONYMOUS"


def test_replicas_that_are_too_few_come_with_brokers_for_more() -> None:
    topic = GOOD._replace(partitions=6, replicas=1, in_sync=1, placed=((4,), (2, 3), (4, 3, 2, 1)))
    (finding,) = found(topic, {}, (1, 2, 3, 4))
    command, moved = finding.fix.split(" && ")
    assert f"kafka-reassign-partitions.sh {PASTED} --execute" in moved
    plan = orjson.loads(shlex.split(command)[1])
    placed = [partition["replicas"] for partition in plan["partitions"]]
    assert placed == [[4, 1, 2], [2, 3, 4], [4, 3, 2, 1]]
    assert {partition["topic"] for partition in plan["partitions"]} == {NAME}


def test_new_replicas_are_spread_over_the_brokers() -> None:
    placed = spread([(1,)] * 6, (1, 2, 3, 4))
    assert all(len(set(of)) == 3 and of[0] == 1 for of in placed)
    new = [broker for of in placed for broker in of[1:]]
    assert {new.count(broker) for broker in (2, 3, 4)} == {4}


def test_a_group_that_may_not_be_read_or_is_not_known_is_told() -> None:
    group = of_group("forebay", NOTHING, [May.READ, May.DESCRIBE], HERE)
    assert group.level is Level.WRONG
    assert group.fix == (
        f"kafka-acls.sh {PASTED} --add --allow-principal 'User:for bay' "
        "--operation Read --operation Describe --group forebay"
    )
    unknown = of_group("forebay", UNKNOWN, [May.READ], HERE)
    assert (unknown.level, "not checked" in unknown.said) == (Level.WEAK, True)
