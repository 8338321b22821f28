"""One partition as this worker reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.core.judge import EventType
from app.core.seal import Range, partition_name
from app.worker.dedupe import Marks, key_prefix
from app.worker.entries import OFFSET
from app.worker.overhang import Overhang


@dataclass(eq=False, slots=True)
class Lane:
    """From an assignment to the next. `next` is the offset after the last record taken,
    `sealed` the end of the partition's chain.

    `first` is where that chain begins, and `lost` are the offsets of it that retention removed
    before they were sealed.
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
    first: int = 0
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
        self.overhang = Overhang(self.marks, self.partition, self.prefix, self.next)

    def counts(self, mark: bytes, key: bytes, *notes: Mapping[bytes, bytes | None]) -> bool:
        """Whether a row stands behind this mark of `key`: not so if another ledger, now lost, had
        it, or if an attempt marked the offset, and retention was faster than its seal, or that
        record is not there any more, or is rejected now.

        `notes` are those that are not in the table yet, and then the table's (`Overhang.notes`).
        """
        (offset,) = OFFSET.unpack(mark)
        if offset < self.first or any(gone.first <= offset < gone.next for gone in self.lost):
            return False
        return not self.overhang.is_void(mark, key, *notes)

    @property
    def place(self) -> tuple[str, int]:
        """As Kafka names it."""
        return self.kind.topic, self.partition

    @property
    def tp(self) -> str:
        """As the ledger names it."""
        return partition_name(self.log, self.partition)
