"""The deep look: read each object and compare every row with what its seal says."""

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import groupby, starmap
from operator import itemgetter

import msgspec

from app.audit.objects import Named
from app.audit.report import FindingKind, Findings
from app.audit.scratch import Scratch
from app.audit.standing import StandingRows
from app.core.seal import ObjectKind, partition_name
from sinks.protocol import ObjectLost, ObjectStore
from sinks.unpacked import Damaged, stored_lines

RANGES = "SELECT tp, first, next FROM ranges WHERE seal = ?"
BY_DAY = """
SELECT key, event, day, kind, rows, bytes, sha256, etag, seal FROM objects
ORDER BY event, day, kind, key
"""


class Row(msgspec.Struct):
    """What the audit reads of a row: where it came from, and its day."""

    topic: str = msgspec.field(name="_topic")
    partition: int = msgspec.field(name="_partition")
    offset: int = msgspec.field(name="_offset")
    day: str


class DeadLetter(msgspec.Struct):
    """The same of a dead letter, whose day is the UTC day on which it was received."""

    topic: str
    partition: int
    offset: int
    received_at: str

    @property
    def day(self) -> str:
        return self.received_at[:10]


DECODERS: Mapping[str, msgspec.json.Decoder[Row] | msgspec.json.Decoder[DeadLetter]] = {
    ObjectKind.ROWS: msgspec.json.Decoder(Row),
    ObjectKind.DEAD: msgspec.json.Decoder(DeadLetter),
}


@dataclass
class _Reading:
    """One object while it is read; `ranges` are those of its seal, by partition."""

    named: Named
    ranges: Mapping[str, tuple[int, int]]
    standing: StandingRows | None = None
    rows: int = 0
    sha: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def take(self, raw: bytes) -> None:
        self.rows += 1
        try:
            line = DECODERS[self.named.kind].decode(raw)
        except msgspec.MsgspecError as error:
            raise Damaged(f"row {self.rows} is not one that a worker writes: {error}") from error
        tp = partition_name(line.topic, line.partition)
        first, next_ = self.ranges.get(tp, (0, 0))
        if not first <= line.offset < next_:
            raise Damaged(f"row {self.rows} is offset {line.offset} of {tp}, outside of its seal")
        if line.day != self.named.day:
            raise Damaged(f"row {self.rows} is of day {line.day}")
        if self.standing is not None:
            self.standing.take(line.topic, line.partition, tp, line.offset, raw)


async def read_objects(
    store: ObjectStore,
    scratch: Scratch,
    standing: StandingRows,
    findings: Findings,
    progress: Callable[[int], None],
) -> int:
    """Download every object once, streaming; return how many were read.

    The rows are handed on to `standing`, which compares them day by day with the warehouse.
    """
    count = 0
    for (event, day, kind), rows in groupby(scratch.rows(BY_DAY), key=itemgetter(1, 2, 3)):
        if kind == ObjectKind.ROWS:
            standing.begin(event, date.fromisoformat(day))
        of_day: list[Named] = []
        for named in starmap(Named, rows):
            wanted = kind == ObjectKind.ROWS and standing.wants(named.seal, named.key)
            if not await _read_one(store, scratch, named, standing if wanted else None, findings):
                standing.spoil(named.seal, named.key)
            of_day += [named] if wanted else []
            count += 1
            progress(count)
        if kind == ObjectKind.ROWS:
            await standing.end(partial(_read_again, store, scratch, of_day, standing, findings))
    return count


async def _read_one(
    store: ObjectStore,
    scratch: Scratch,
    named: Named,
    standing: StandingRows | None,
    findings: Findings,
) -> bool:
    """Whether it is what its seal says."""
    try:
        await _read(store, _Reading(named, _ranges(scratch, named), standing))
    except ObjectLost:
        return False  # the listing has said so
    except Damaged as damage:
        findings.add(
            named.finding(
                FindingKind.OBJECT_CONTENT,
                f"{damage}; bring the object back as it was. Its day can not be loaded until then.",
            )
        )
        return False
    return True


async def _read_again(
    store: ObjectStore,
    scratch: Scratch,
    of_day: Sequence[Named],
    standing: StandingRows,
    findings: Findings,
) -> None:
    for named in of_day:
        await _read_one(store, scratch, named, standing, findings)


def _ranges(scratch: Scratch, named: Named) -> Mapping[str, tuple[int, int]]:
    return {tp: (first, next_) for tp, first, next_ in scratch.rows(RANGES, named.seal)}


async def _read(store: ObjectStore, reading: _Reading) -> None:
    async for lines in stored_lines(_hashed(store.read(reading.named.key), reading)):
        for line in lines:
            reading.take(line)
    if reading.sha.hexdigest() != reading.named.sha256:
        raise Damaged(f"its sha256 is {reading.sha.hexdigest()}, not {reading.named.sha256}")
    if reading.rows != reading.named.rows:
        raise Damaged(f"it holds {reading.rows} rows")


async def _hashed(chunks: AsyncIterator[bytes], reading: _Reading) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        reading.sha.update(chunk)
        yield chunk
