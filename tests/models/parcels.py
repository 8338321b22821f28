"""Two event types from topic files, and copies of their events: good ones, changed ones, bad ones.

Event n happened on day n % 3 of March 2026. A deploy may bring a stricter contract, which takes
neither what is slow nor what is heavy, and leaves out what is light as well as a tare.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal
from uuid import UUID

import orjson

from app.contracts.compile import compile_contract
from app.contracts.model import Contract
from app.contracts.table import Table
from app.core.errors import Reason
from app.core.headers import RECEIVED_AT
from app.core.judge import EventType
from tests.contracts.topic_files import changed, load
from tests.models.log import LogRecord

DAYS = [date(2026, 3, n) for n in (1, 2, 3)]
FIRST = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECEIVED = datetime(2026, 3, 3, 18, tzinfo=UTC)

Shape = Literal[
    "good", "slow", "heavy", "light", "tare", "broken", "wrong", "late", "early", "empty"
]
BAD: Mapping[Shape, Reason] = {
    "broken": Reason.NOT_JSON,
    "empty": Reason.NOT_JSON,
    "wrong": Reason.SCHEMA,
    "late": Reason.TOO_LATE,
    "early": Reason.TOO_EARLY,
}
STRICTLY_BAD: Mapping[Shape, Reason] = {
    **BAD,
    "slow": Reason.TOO_LATE,
    "heavy": Reason.SCHEMA,
}
FILTERED: frozenset[Shape] = frozenset({"tare"})
STRICTLY_FILTERED: frozenset[Shape] = frozenset({"tare", "light"})
TARE = "  - {do: drop_event, if: {field: weight_grams, is: 1}, why: a tare is no parcel}"
LENIENT = (
    ("  - {do: trim, field: parcel_id}", f"  - {{do: trim, field: parcel_id}}\n{TARE}"),
    ("late_days: 3", "late_days: 30"),
    ("remember_days: 3", "remember_days: 30"),
    ("retention_days: 7", "retention_days: 30"),
)
STRICTER = (
    ("late_days: 30", "late_days: 5"),
    ("maximum: 100000", "maximum: 500"),
    ("is: 1}", "in: [1, 2]}"),
)
WAITED: Mapping[str, timedelta] = {
    "slow": timedelta(days=10),
    "late": timedelta(days=60),
    "early": timedelta(days=-30),
}
WEIGHTS: Mapping[str, int] = {"wrong": 0, "tare": 1, "light": 2, "heavy": 1000}


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of event `number`, received `minutes` after the first could be.

    Copies with another `variant` say something else; `shape` says what is wrong with it.
    """

    number: int
    variant: int = 0
    shape: Shape = "good"
    minutes: int = 0

    @property
    def day(self) -> date:
        return DAYS[self.number % len(DAYS)]

    @property
    def is_good(self) -> bool:
        """To the lenient contract."""
        return self.shape not in BAD and self.shape not in FILTERED

    @property
    def row_key(self) -> str:
        return str(UUID(int=self.number))

    @property
    def weight(self) -> int:
        return WEIGHTS.get(self.shape, 100 + self.variant)

    @property
    def received_at(self) -> datetime:
        return RECEIVED + timedelta(minutes=self.minutes) + WAITED.get(self.shape, timedelta())

    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]:
        milliseconds = int(self.received_at.timestamp() * 1000)
        return ((RECEIVED_AT, str(milliseconds).encode()),)

    @property
    def value(self) -> bytes | None:
        if self.shape == "broken":
            return b"{"
        if self.shape == "empty":
            return None
        return orjson.dumps(
            {
                "scan_id": self.row_key,
                "scanned_at": (FIRST + timedelta(days=self.number % len(DAYS))).isoformat(),
                "parcel_id": "P1",
                "weight_grams": self.weight,
            }
        )

    def record(self, offset: int) -> LogRecord:
        return LogRecord(offset, 0, None, self.value, self.headers)


def contract(folder: Path, *changes: tuple[str, str]) -> Contract:
    lenient = changed(*LENIENT)
    return load(folder, changed(*changes, text=lenient))["parcel_scanned"]


def kinds_of(folder: Path, *stricter: tuple[str, str]) -> dict[str, EventType]:
    """By which copy stands; `named` gives them names of an example's own."""
    first = compile_contract(contract(folder, *stricter))
    last = compile_contract(contract(folder, ("keep: first", "keep: last"), *stricter))
    return {"first": first, "last": last}


def named(kind: EventType, name: str) -> EventType:
    """The same type under another name, so that examples share a ledger and nothing in it."""
    return replace(kind, name=name, topic=f"events.{name}.v1")


def table_named(table: Table, name: str) -> Table:
    return replace(table, event=name, name=f"RAW.{name.upper()}")
