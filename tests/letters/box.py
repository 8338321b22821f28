"""A ledger and a bucket with dead letters, written as a worker writes them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ulid import ULID

from app.contracts.compile import compile_contract
from app.contracts.load import Contracts
from app.contracts.model import Contract
from app.core.errors import Rejected
from app.core.headers import RECEIVED_AT
from app.core.judge import EventType
from app.core.seal import DayCounts, ObjectKind, Range, Seal, StoredObject
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import ChainStart, Ledger
from app.letters.letter import Letter, Name
from app.letters.stored import Wanted, stored_letters
from app.worker.records import Clock, dead_letter, weigh
from sinks.memory import MemoryObjectStore
from tests.contracts.topic_files import PARCEL, load

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = b"a key for the tests"


@dataclass(frozen=True)
class Sent:
    """A record as Kafka hands it out; without `received` it has no header, only a timestamp."""

    value: bytes | None
    received: datetime = NOON
    key: bytes | None = None
    more: tuple[tuple[str, bytes | None], ...] = ()
    offset: int = 0

    @property
    def timestamp(self) -> int:
        return int(self.received.timestamp() * 1000)

    @property
    def headers(self) -> tuple[tuple[str, bytes | None], ...]:
        return ((RECEIVED_AT, str(self.timestamp).encode()), *self.more)


@dataclass
class Box:
    ledger: Ledger
    objects: MemoryObjectStore
    contracts: Contracts
    contract: Contract
    kind: EventType
    ends: dict[str, int] = field(default_factory=dict)

    def tp(self, partition: int = 0) -> str:
        return f"{self.contract.topic}/{partition}"

    async def bury(self, *sent: Sent | bytes, partition: int = 0, skip: int = 0) -> list[Name]:
        """Seal these records, which must all be rejected, after `skip` others that landed."""
        tp = self.tp(partition)
        first = self.ends.setdefault(tp, 0)
        if first == 0:
            await self.ledger.start_chains([ChainStart(self.contract.event, tp, 0, "t1")])
        names: list[Name] = []
        lines: dict[date, list[bytes]] = {}
        days: dict[date, DayCounts] = {}
        reasons: dict[str, int] = {}
        for number, one in enumerate(sent):
            record = one if isinstance(one, Sent) else Sent(one)
            record = Sent(
                record.value, record.received, record.key, record.more, first + skip + number
            )
            received = Clock().received(record)
            verdict = weigh(self.kind, record, received.at)
            assert isinstance(verdict, Rejected), verdict
            line = dead_letter(self.kind, self.contract.topic, partition, record, received, verdict)
            lines.setdefault(received.at.date(), []).append(line)
            reasons[verdict.reason.value] = reasons.get(verdict.reason.value, 0) + 1
            names.append(Name(tp, record.offset))
        id = str(ULID())
        objects: list[StoredObject] = []
        for day, of_day in lines.items():
            days[day] = DayCounts(dead=len(of_day))
            objects.append(await self._stored(id, day, ObjectKind.DEAD, of_day))
        if skip:
            days[NOON.date()] = days.get(NOON.date(), DayCounts()) + DayCounts(staged=skip)
            objects.append(await self._stored(id, NOON.date(), ObjectKind.ROWS, [b"{}\n"] * skip))
        next = first + skip + len(sent)
        await self.ledger.record(
            Seal(
                id, self.contract.event, 1, "worker", NOON + timedelta(hours=1), "sha",
                (Range(tp, first, next, next - first),), tuple(objects), days, reasons,
            )
        )  # fmt: skip
        self.ends[tp] = next
        return names

    async def _stored(
        self, id: str, day: date, kind: ObjectKind, lines: Sequence[bytes]
    ) -> StoredObject:
        key = f"{kind}/{day}/{id}.ndjson.gz"
        writer = self.objects.writer(key)
        writer.append(b"".join(lines))
        done = await writer.finish()
        return StoredObject(day, kind, key, len(lines), done.bytes, done.sha256, done.etag)

    async def letters(self, wanted: Wanted | None = None) -> list[Letter]:
        found = stored_letters(self.ledger, self.objects, wanted or Wanted())
        return [letter async for letter in found]


@asynccontextmanager
async def opened_box(folder: Path, text: str | None = None) -> AsyncIterator[Box]:
    """An empty one, of the parcels of `topic_files`."""
    contracts = load(folder / "topics", text or PARCEL)
    (contract,) = contracts.values()
    ledger = await open_ledger(LedgerOptions(url=f"sqlite:///{folder}/ledger.db"))
    kind = compile_contract(contract, KEY)
    try:
        yield Box(ledger, MemoryObjectStore(), contracts, contract, kind)
    finally:
        await ledger.close()
