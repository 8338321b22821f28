"""Kafka in memory: partitions with gaps, retention and incarnations; and the ways a worker has
to it, each call at a door of the stage."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import KafkaConnectionError

from app.core.errors import Transient
from app.kafka import KafkaOptions
from app.worker.changelog import Changelog
from tests.models.stage import Stage

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class LogRecord:
    """What aiokafka gives for a record."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(slots=True)
class Partition:
    """`records` are all that ever were, whatever retention removed; `start` is where it is now."""

    records: list[LogRecord] = field(default_factory=list)
    start: int = 0
    end: int = 0


class Log:
    """All partitions of all topics; one is there as soon as it is asked for."""

    def __init__(self) -> None:
        self._partitions: dict[Place, Partition] = {}

    def __getitem__(self, place: Place) -> Partition:
        return self._partitions.setdefault(place, Partition())

    def append(
        self,
        place: Place,
        value: bytes | None,
        *,
        timestamp: int = 0,
        key: bytes | None = None,
        headers: tuple[tuple[str, bytes | None], ...] = (),
    ) -> int:
        partition = self[place]
        offset = partition.end
        partition.records.append(LogRecord(offset, timestamp, key, value, headers))
        partition.end += 1
        return offset

    def skip(self, place: Place, offsets: int) -> None:
        """As a transaction's marker or compaction does."""
        self[place].end += offsets

    def remove_before(self, place: Place, offset: int) -> None:
        """Retention."""
        partition = self[place]
        partition.start = max(partition.start, min(offset, partition.end))

    def fetch(self, place: Place, position: int, most: int) -> list[LogRecord]:
        partition = self[place]
        first = max(position, partition.start)
        return [record for record in partition.records if record.offset >= first][:most]


class MemoryExtent:
    """Answers as `Extent` does. A topic's id is its name: none is ever created again."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def starts(self, places: Collection[Place]) -> Mapping[Place, int]:
        return {place: self._log[place].start for place in places}

    async def ends(self, places: Collection[Place]) -> Mapping[Place, int]:
        return {place: self._log[place].end for place in places}

    async def topic_ids(self, topics: Collection[str]) -> Mapping[str, str]:
        return {topic: f"id-of-{topic}" for topic in topics}


@dataclass(frozen=True, slots=True)
class _Acknowledged:
    offset: int


class _Producer:
    def __init__(self, log: Log, stage: Stage) -> None:
        self._log, self._stage = log, stage

    async def send_and_wait(
        self, topic: str, value: bytes, *, key: bytes, partition: int
    ) -> _Acknowledged:
        async def append() -> _Acknowledged:
            return _Acknowledged(self._log.append((topic, partition), value, key=key))

        try:
            return await self._stage.through("changelog.append", append)
        except Transient as error:
            raise KafkaConnectionError(str(error)) from error


class MemoryChangelog(Changelog):
    """The product's changelog, on a producer into memory."""

    def __init__(self, log: Log, stage: Stage) -> None:
        super().__init__(KafkaOptions())
        self._producer: Any = _Producer(log, stage)


def messages_after(log: Log, place: Place, position: int | None) -> Sequence[LogRecord]:
    """What a table at `position` has to recover from its changelog."""
    first = -1 if position is None else position
    return [record for record in log[place].records if record.offset > first]
