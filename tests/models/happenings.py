"""What may happen to workers and their servers, as values: a crash is one of them.

`n` points at one of those that are there (workers, waiting calls, manifests), modulo their number.
`pace` is how far a worker comes after it: it may be left between any two of its steps, until
somebody lets it go on, or it is killed there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from hypothesis import strategies as st

from tests.models.parcels import DAYS, Copy
from tests.models.stage import Answer, Pace

WORKERS = ("ann", "ben", "eve")
PARTITIONS = range(2)
EVENTS = 60


Keep = str
"""Which of the two event types: the one that keeps the first copy, or the last."""


@dataclass(frozen=True, slots=True)
class Produced:
    sent: tuple[tuple[Keep, int, Copy], ...]


@dataclass(frozen=True, slots=True)
class SentAgain:
    """All that is staged, to the same partitions: nothing of it may be staged again."""

    keep: Keep


@dataclass(frozen=True, slots=True)
class Gap:
    """A transaction's marker, or compaction: offsets that hold no record."""

    keep: Keep
    partition: int
    width: int


@dataclass(frozen=True, slots=True)
class Retention:
    keep: Keep
    partition: int
    before: int


@dataclass(frozen=True, slots=True)
class Joins:
    """A worker is given partitions. Nobody else hears of it: who had them goes on as a zombie.

    Not `patient`: what it had open is not sealed in time before.
    """

    name: str
    given: frozenset[int]
    patient: bool
    pace: Pace


@dataclass(frozen=True, slots=True)
class Reads:
    """With `hold`, the list waits in the stream until the next one comes."""

    n: int
    keep: Keep
    partition: int
    most: int
    hold: bool


@dataclass(frozen=True, slots=True)
class ReadsAllAndSeals:
    n: int
    most: int
    pace: Pace


@dataclass(frozen=True, slots=True)
class Seals:
    n: int
    pace: Pace


@dataclass(frozen=True, slots=True)
class GoesOn:
    n: int
    pace: Pace


@dataclass(frozen=True, slots=True)
class CallEnds:
    n: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class Overtaken:
    """While it stands somewhere in its seal, another is given its partitions, reads and seals."""

    n: int
    most: int
    pace: Pace
    by: str


@dataclass(frozen=True, slots=True)
class SealsBehind:
    """While another that is to have its partitions has recovered and not asked where to go on, it
    seals once more; then all rows come once more."""

    n: int
    most: int
    by: str


@dataclass(frozen=True, slots=True)
class Leaves:
    n: int
    pace: Pace


@dataclass(frozen=True, slots=True)
class Killed:
    """With `again`, its supervisor starts it at once, and it is given the same partitions."""

    n: int
    disk_lost: bool
    again: bool


@dataclass(frozen=True, slots=True)
class CrashesInSeal:
    """It reads, seals as far as `pace` lets it, is killed there, and is started again."""

    n: int
    most: int
    pace: Pace
    disk_lost: bool


@dataclass(frozen=True, slots=True)
class ListLost:
    """Faust drops a fetched list, as it does now and then."""

    n: int
    keep: Keep
    partition: int


@dataclass(frozen=True, slots=True)
class ManifestRead:
    keep: Keep
    day: date


@dataclass(frozen=True, slots=True)
class LoadRecorded:
    """A load of a manifest that was read before, with the newest fence or one that is `late`."""

    n: int
    late: int


@dataclass(frozen=True, slots=True)
class TakenOver:
    """All workers die; a new one with an empty disk reads everything, and all rows once more."""


Happening = (
    Produced | SentAgain | Gap | Retention | Joins | Reads | ReadsAllAndSeals | Seals | GoesOn
    | CallEnds | Leaves | Killed | CrashesInSeal | Overtaken | SealsBehind | ListLost
    | ManifestRead | LoadRecorded | TakenOver
)  # fmt: skip


def paces(calls: Sequence[str], smooth: int = 1) -> st.SearchStrategy[Pace]:
    """One that is stopped or troubled at one of these calls, for so many smooth ones."""
    troubles = st.sampled_from([None, None, None, Answer.REFUSED, Answer.LOST])
    slow = st.sampled_from(["", *SLOW])
    rough = st.builds(Pace, st.sampled_from(calls), troubles, st.sampled_from([0, 0, 1, 2]), slow)
    return st.one_of(*[st.builds(Pace, slow=slow)] * smooth, rough)


SLOW = ("upload.finish", "changelog.append")
WHEN_JOINING = (
    "recovery", "kafka.topic_ids", "kafka.starts", "kafka.ends", "ledger.start_chains",
    "ledger.record_incident", "ledger.record",
)  # fmt: skip
WHEN_SEALING = ("upload.finish", "changelog.append", "ledger.record", "ledger.record")
_stopped = st.builds(
    Pace,
    st.sampled_from(WHEN_SEALING),
    st.none(),
    st.integers(0, 3),
    st.sampled_from(["", *SLOW]),
)
_some = st.integers(0, 5)
_keeps = st.sampled_from(["first", "last"])
_partitions = st.sampled_from(PARTITIONS)
_copies = st.builds(
    Copy,
    number=st.integers(0, EVENTS - 1),
    variant=st.integers(0, 1),
    shape=st.sampled_from(["good"] * 5 + ["tare", "broken", "wrong", "late", "empty"]),
)
_sent = st.lists(st.tuples(_keeps, _partitions, _copies), min_size=4, max_size=16).map(tuple)

_KINDS: Mapping[st.SearchStrategy[Happening], int] = {
    st.builds(Produced, _sent): 9,
    st.builds(
        Joins,
        st.sampled_from(WORKERS),
        st.frozensets(_partitions, min_size=1),
        st.sampled_from([True, True, True, False]),
        paces(WHEN_JOINING, 2),
    ): 5,
    st.builds(ReadsAllAndSeals, _some, st.integers(1, 4), paces(WHEN_SEALING)): 8,
    st.builds(Reads, _some, _keeps, _partitions, st.integers(1, 6), st.booleans()): 3,
    st.builds(Seals, _some, paces(WHEN_SEALING)): 3,
    st.builds(CallEnds, _some, st.sampled_from(Answer)): 4,
    st.builds(GoesOn, _some, paces(WHEN_SEALING)): 4,
    st.builds(Killed, _some, st.booleans(), st.booleans()): 2,
    st.builds(CrashesInSeal, _some, st.integers(1, 6), _stopped, st.booleans()): 5,
    st.builds(Overtaken, _some, st.integers(1, 4), _stopped, st.sampled_from(WORKERS)): 3,
    st.builds(SealsBehind, _some, st.integers(1, 4), st.sampled_from(WORKERS)): 2,
    st.builds(Leaves, _some, paces(WHEN_SEALING)): 1,
    st.builds(SentAgain, _keeps): 3,
    st.builds(Gap, _keeps, _partitions, st.integers(1, 3)): 1,
    st.builds(Retention, _keeps, _partitions, st.integers(1, 12)): 1,
    st.builds(ListLost, _some, _keeps, _partitions): 2,
    st.builds(ManifestRead, _keeps, st.sampled_from(DAYS)): 2,
    st.builds(LoadRecorded, _some, st.sampled_from([0, 0, 1])): 2,
    st.builds(TakenOver): 1,
}


def happenings() -> st.SearchStrategy[Any]:
    """Any of them, some more often than others."""
    weighted = [kind for kind, weight in _KINDS.items() for _ in range(weight)]
    return st.sampled_from(weighted).flatmap(lambda kind: kind)
