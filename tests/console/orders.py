"""Orders that are judged, sealed and loaded for real: rows and dead letters of one type."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from ulid import ULID

from app.contracts.compile import compile_contract
from app.contracts.model import Contract
from app.core.errors import Rejected
from app.core.headers import RECEIVED_AT
from app.core.seal import DayCounts, ObjectKind, Range, Seal, StoredObject
from app.ledger.protocol import ChainStart, Ledger
from app.scheduler.replace import replace_days
from app.worker.records import Clock, Good, dead_letter, weigh
from sinks.protocol import ObjectStore, Warehouse

KEY = b"a key of the tests, long enough for all hashes"
SECRET = "Frieda.Musterfrau@example.com"
"""Somebody's address, that no page may show."""


@dataclass
class Record:
    """As Kafka hands it out."""

    offset: int
    value: bytes
    at: datetime
    key: bytes | None = None

    @property
    def timestamp(self) -> int:
        return int(self.at.timestamp() * 1000)

    @property
    def headers(self) -> tuple[tuple[str, bytes | None], ...]:
        return ((RECEIVED_AT, str(self.timestamp).encode()),)


def order(number: int, **changes: Any) -> dict[str, Any]:
    """Order `number`, of now."""
    return {
        "event_id": str(UUID(int=number)),
        "occurred_at": datetime.now(UTC).isoformat(),
        "order_id": f"A-{number}",
        "receipt_email": SECRET,
        "country": "nl",
        "currency": "EUR",
        "total_cents": 1250,
        "gift": False,
        "lines": [{"sku": "tea", "quantity": 2}],
    } | changes


class Orders:
    """Seals them as a worker does, at the end of a chain."""

    def __init__(
        self, contract: Contract, ledger: Ledger, objects: ObjectStore, warehouse: Warehouse
    ) -> None:
        self.contract, self.ledger, self.objects = contract, ledger, objects
        self.warehouse = warehouse
        self.kind = compile_contract(contract, KEY)
        self.tp = f"{contract.topic}/0"
        self.next = 0

    async def seal(self, events: Sequence[dict[str, Any]]) -> list[str]:
        """Seal these; their places."""
        first, now = self.next, datetime.now(UTC)
        if first == 0:
            await self.ledger.start_chains([ChainStart(self.contract.event, self.tp, 0, "t1")])
        rows: dict[date, list[bytes]] = {}
        dead: dict[date, list[bytes]] = {}
        reasons: dict[str, int] = {}
        for offset, event in enumerate(events, first):
            record = Record(offset, orjson.dumps(event), now)
            received = Clock().received(record)
            verdict = weigh(self.kind, record, received.at)
            if isinstance(verdict, Rejected):
                line = dead_letter(self.kind, self.contract.topic, 0, record, received, verdict)
                dead.setdefault(received.at.date(), []).append(line)
                reasons[verdict.reason.value] = reasons.get(verdict.reason.value, 0) + 1
                continue
            assert isinstance(verdict, Good)
            (text,) = verdict.lines
            rows.setdefault(verdict.day, []).append(
                b'%b,"_topic":"%b","_partition":0,"_offset":%d,"_received_at":"%b"}\n'
                % (text[:-1], self.contract.topic.encode(), offset, received.text.encode())
            )
        id = str(ULID.from_datetime(now - timedelta(seconds=30)))
        stored = [await self._store(id, day, ObjectKind.ROWS, its) for day, its in rows.items()]
        stored += [await self._store(id, day, ObjectKind.DEAD, its) for day, its in dead.items()]
        days = {
            day: DayCounts(staged=len(rows.get(day, ())), dead=len(dead.get(day, ())))
            for day in {*rows, *dead}
        }
        self.next = first + len(events)
        ranges = (Range(self.tp, first, self.next, len(events)),)
        await self.ledger.record(
            Seal(id, self.contract.event, 1, "worker-0", now, "c0ffee", ranges, tuple(stored),
                 days, reasons)
        )  # fmt: skip
        return [f"{self.tp}@{offset}" for offset in range(first, self.next)]

    async def load(self) -> None:
        """Replace the days that wait."""
        await replace_days(self.ledger, self.warehouse, self.contract.table, max_days=31)

    async def _store(
        self, id: str, day: date, kind: ObjectKind, lines: Sequence[bytes]
    ) -> StoredObject:
        key = f"{kind}/{self.contract.event}/{day}/{id}.ndjson.gz"
        writer = self.objects.writer(key)
        writer.append(b"".join(lines))
        done = await writer.finish()
        return StoredObject(day, kind, key, len(lines), done.bytes, done.sha256, done.etag)
