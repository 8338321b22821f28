"""One partition as this worker reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.core.judge import EventType
from app.core.seal import Range, partition_name
from app.worker.dedupe import OFFSET, Marks, key_prefix
from app.worker.overhang import Overhang


@dataclass(eq=False, slots=True)
class Lane:
    """From an assignment to the next. `next` is the offset after the last record taken,
    `sealed` the end of the partition's chain.

    `lost` are the offsets that retention removed before they were sealed.
    `log` names the topic's `incarnation` in the ledger and in the rows; empty: as the topic.
    `epoch` and `turn` tell a fetch list that continues this lane from any other (`FetchList`).
    """

    kind: EventType
    partition: int
    incarnation: str
    marks: Marks
    next: int
    lost: Sequence[Range] = ()
    log: str = ""
    sealed: int = field(init=False)
    epoch: int = 0
    turn: int = 0
    prefix: bytes = field(init=False)
    lineage: bytes = field(init=False)
    overhang: Overhang = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.log or self.kind.topic
        self.sealed = self.next
        self.prefix = key_prefix(self.kind.topic, self.kind.version, self.incarnation)
        self.lineage = f',"_topic":"{self.log}","_partition":{self.partition}'.encode()
        self.overhang = Overhang(self.marks, self.partition, self.prefix)

    def counts(self, mark: bytes, changes: Mapping[bytes, bytes]) -> bool:
        """Whether a row stands behind this mark: not so if an attempt marked the offset, and
        retention was faster than its seal, or the record can not be read any more.

        `changes` are not in the table yet.
        """
        if self.lost:
            (offset,) = OFFSET.unpack(mark)
            if any(gone.first <= offset < gone.next for gone in self.lost):
                return False
        return not self.overhang.is_void(mark, changes)

    @property
    def place(self) -> tuple[str, int]:
        """As Kafka names it."""
        return self.kind.topic, self.partition

    @property
    def tp(self) -> str:
        """As the ledger names it."""
        return partition_name(self.log, self.partition)
