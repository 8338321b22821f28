"""One partition as this worker reads it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.core.judge import EventType
from app.core.seal import Range, partition_name
from app.worker.dedupe import OFFSET, Marks, key_prefix


@dataclass(eq=False, slots=True)
class Lane:
    """From an assignment to the next. `next` is the offset after the last record taken,
    `sealed` the end of the partition's chain.

    `epoch` and `turn` tell a fetch list that continues this lane from any other (`FetchList`).
    `lost` are the offsets that retention removed before they were sealed.
    """

    kind: EventType
    partition: int
    topic_id: str
    marks: Marks
    next: int
    lost: Sequence[Range] = ()
    sealed: int = field(init=False)
    epoch: int = 0
    turn: int = 0
    prefix: bytes = field(init=False)
    lineage: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.sealed = self.next
        self.prefix = key_prefix(self.kind.topic, self.kind.version, self.topic_id)
        self.lineage = f',"_topic":"{self.kind.topic}","_partition":{self.partition}'.encode()

    def was_lost(self, mark: bytes) -> bool:
        """An attempt marked this offset, and retention was faster than its seal."""
        if not self.lost:
            return False
        (offset,) = OFFSET.unpack(mark)
        return any(gone.first <= offset < gone.next for gone in self.lost)

    @property
    def tp(self) -> str:
        return partition_name(self.kind.topic, self.partition)
