"""What a contract wants of its Kafka topic."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it is to be. `config` has Kafka's names, such as `retention.ms`; it counts when
    the topic is created."""

    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)
