"""The row that stands in a warehouse equals what the contract's own model writes of the event."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.contracts.model import Contract
from app.contracts.table import RUN
from app.core.judge import Accepted, EventType, judge
from sinks.protocol import DayManifest
from tests.contracts.everything import events
from tests.sinks.warehouse_ground import Ground, Row, landed

from .contracts import CONTRACTS, KINDS, NOON, raw, samples

AWKWARD_TEXTS = [
    "", " ", "null", "NULL", "\\N", "\\", "\\n", "a\nb", "a\r\nb", "a\tb", "'", '"', "''", '""',
    "it's", '"quoted"', "{}", "[]", "a,b", "a|b", "ß", "Ä\u0308", "\u2028", "\U0001f41f",
    "\u00a0", "\x01", "\x7f", "\ufeff", "x" * 16_000, "$1", "%s", ":1", "?", "--", "/* */", "TRUE",
    "1e5", "2026-03-01", "\u202e",
]  # fmt: skip
EVENT = "parcel_scanned"


def rows_of(kind: EventType, sent: Mapping[str, Any], offset: int) -> list[Row]:
    """The lines that a worker writes of an event, read back."""
    verdict = judge(kind, raw(sent), NOON)
    assert isinstance(verdict, Accepted), verdict
    lineage = {"_topic": kind.topic, "_partition": 0, "_offset": offset,
               "_received_at": "2026-03-01T12:00:00.000Z"}  # fmt: skip
    if kind.runs:
        lineage[RUN.name] = f"{verdict.day}.01JNJ8QC3W5V8K4Y0J6M2T9R1A"
    return [json.loads(kind.line(row, verdict.day)) | lineage for row in verdict.rows]


async def stand(ground: Ground, contract: Contract, rows: Sequence[Row]) -> Sequence[Row]:
    """Load the rows into a new table, and read it."""
    table = replace(contract.table, name=ground.table().name)
    by_day: dict[str, list[Row]] = {}
    for row in rows:
        by_day.setdefault(row["day"], []).append(row)
    manifests = []
    for day, its in by_day.items():
        stored = await ground.store(its, date.fromisoformat(day))
        manifests.append(DayManifest(date.fromisoformat(day), (stored.key,), (stored,)))
    warehouse = ground.warehouse()
    await warehouse.prepare(table)
    await warehouse.replace(table, manifests, run=ground.run(), fence=ground.runs)
    return [dict(row) for row in await warehouse.fetch(table)]


async def same(ground: Ground, event: str, many: Sequence[Mapping[str, Any]]) -> None:
    """Events with different keys stand as the model writes them, and nothing else does."""
    contract = CONTRACTS[event]
    rows = [row for offset, sent in enumerate(many) for row in rows_of(KINDS[event], sent, offset)]
    of_event = itemgetter(*contract.table.event_key)
    stands = {of_event(row): row["_offset"] for row in rows}
    unique = [row for row in rows if row["_offset"] == stands[of_event(row)]]
    expected = landed(contract.table, unique)
    assert await stand(ground, contract, unique) == expected


@pytest.mark.parametrize("event", sorted(CONTRACTS))
async def test_random_events_of_each_type_stand_as_their_model_writes_them(
    ground: Ground, event: str
) -> None:
    await same(ground, event, samples(event, 40))


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow,
                           HealthCheck.data_too_large],
)  # fmt: skip
@given(many=st.lists(events, min_size=20, max_size=40))
async def test_each_value_of_each_type_stands_as_its_model_writes_it(
    ground: Ground, many: list[dict[str, Any]]
) -> None:
    await same(ground, EVENT, [one | _times_of_noon() for one in many])


async def test_awkward_texts_stand_as_they_were_sent(ground: Ground) -> None:
    (good,) = samples(EVENT, 1)
    many = [
        good
        | {
            "scan_id": f"6f1c1c5e-3a57-4d0a-9a5e-{number:012d}",
            "text": text,
            "maybe_text": text,
            "tree": {text: [text]},
            "basket": [{"name": text, "price": "1", "dotted.name": text, "days": []}],
        }
        for number, text in enumerate(AWKWARD_TEXTS)
    ]
    await same(ground, EVENT, many)


async def test_numbers_at_their_limits_stand_exactly(ground: Ground) -> None:
    (good,) = samples(EVENT, 1)
    wholes = [0, -1, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 10**38 - 1, 1 - 10**38]
    reals = [0.0, -0.0, 0.1, 5e-324, 1.7976931348623157e308, -1e-7, 1e22, 123456789.12345679]
    moneys = ["0", "-0", "0.000000001", "9" * 29 + ".999999999", "-" + "9" * 29 + ".999999999"]
    many = [
        good
        | {
            "scan_id": f"6f1c1c5e-3a57-4d0a-9a5e-{number:012d}",
            "whole": wholes[number],
            "real": reals[number % len(reals)],
            "money": moneys[number % len(moneys)],
            "sizes": wholes[number:],
            "tree": [wholes[number], reals[number % len(reals)]],
        }
        for number in range(len(wholes))
    ]
    await same(ground, EVENT, many)


async def test_microseconds_and_offsets_stand_exactly(ground: Ground) -> None:
    (good,) = samples(EVENT, 1)
    moments = [
        "2026-03-01T11:59:59.999999Z", "2026-03-01T11:59:59.000001Z", "2026-03-01T13:59:59+02:00",
        "2026-03-01T11:59Z", "2026-03-01 11:59:59.1Z", "1600-01-01T00:00:00Z",
        "9998-12-31T23:59:59.999999-14:00", "2026-03-29T02:30:00+01:00",
    ]  # fmt: skip
    many = [
        good | {"scan_id": f"6f1c1c5e-3a57-4d0a-9a5e-{number:012d}", "at": text, "maybe_at": text}
        for number, text in enumerate(moments)
    ]
    await same(ground, EVENT, many)


def _times_of_noon() -> dict[str, str]:
    return {"scanned_at": "2026-03-01T11:59:00Z"}
