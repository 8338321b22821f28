"""The form in which the worker's consumer hands out records. Checked on aiokafka 0.14.0.

aiokafka copies each record it has read into one of eleven fields, which takes longer than all the
reading and unpacking before it, and of which a worker looks at five. The record as it was read has
these, too (`app.worker.records.Record`): so of sources it is handed out itself.
"""

from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher

CHANGELOG_SUFFIX = "-changelog"


class SourceRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """What was fetched of one partition; overridden is what makes of a record what is handed out.

    Changelogs are read by Faust, which needs all eleven fields.
    """

    def _consumer_record(self, tp: TopicPartition, record: Any) -> Any:
        if self._value_deserializer is not as_read or tp.topic.endswith(CHANGELOG_SUFFIX):
            return super()._consumer_record(tp, record)
        return record


def as_read(value: Any) -> Any:
    """A deserializer that changes nothing, by which the consumers are known that want this."""
    return value


def hand_out_as_read(consumer: Any) -> None:
    """Have this consumer, which has not started yet, hand out a source's records as it read them.

    The class is changed for all consumers of the process; to others it does what it did.
    """
    consumer._value_deserializer = as_read
    fetcher.PartitionRecords = SourceRecords
