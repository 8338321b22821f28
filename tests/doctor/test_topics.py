"""What the doctor says of a topic as a broker describes it."""

import pytest

from app.doctor.authorized import UNKNOWN, May, Topic
from app.doctor.finding import Level
from app.doctor.kafka import DAY_MS, Wanted, of_topic
from app.kafka import TopicSpec

NAME = "events.order_placed.v1"
EVERYTHING = sum(1 << may for may in May)
GOOD = Topic(partitions=6, replicas=3, in_sync=3, may=EVERYTHING)
CONFIG = {"min.insync.replicas": "2", "retention.ms": str(7 * DAY_MS), "cleanup.policy": "delete"}
WANTED = Wanted(TopicSpec(6, {"retention.ms": str(7 * DAY_MS)}), [May.READ, May.WRITE])


def test_a_topic_as_it_is_to_be_is_no_finding() -> None:
    assert of_topic(NAME, GOOD, CONFIG, WANTED) == []


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
    (finding,) = of_topic(NAME, topic, CONFIG | config, WANTED)
    assert finding.level is level
    assert NAME in finding.said
    assert said in finding.said
    assert fix in finding.fix


def test_what_is_kept_for_ever_or_not_told_is_no_fault() -> None:
    for config in ({"retention.ms": "-1"}, {"retention.ms": ""}, {"min.insync.replicas": ""}):
        assert of_topic(NAME, GOOD._replace(may=UNKNOWN), CONFIG | config, WANTED) == []
