"""Whatever a contract says and whatever was sent: a verdict, and a line that is what it says."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.contracts.check import problems_in
from app.contracts.compile import compile_contract
from app.contracts.examples import EXAMPLE_PII_KEY
from app.contracts.model import Contract
from app.contracts.openapi import event_schema
from app.contracts.sample import sample_events
from app.core.errors import Rejected
from app.core.judge import judge
from tests.parity.mutations import VALUES, mutated

from .any_contract import contracts
from .everything import sent

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LINEAGE = ("_topic", "_partition", "_offset", "_received_at")
MANY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def good_event(contract: Contract, seed: int) -> dict[str, Any]:
    (event,) = sample_events(contract, 1, seed, NOON - MINUTE, MINUTE)
    return event


@MANY
@given(contracts(), st.integers(0, 9))
def test_an_event_that_the_contract_describes_lands(contract: Contract, seed: int) -> None:
    assert problems_in(Path("parcel_scanned.yaml"), contract) == []
    event = good_event(contract, seed)
    jsonschema.Draft202012Validator(event_schema(contract)).validate(event)
    kind = compile_contract(contract, EXAMPLE_PII_KEY)
    verdict = judge(kind, sent(event), NOON)
    assert not isinstance(verdict, Rejected)
    line = json.loads(kind.line(verdict.row, verdict.day))
    assert list(line) == [
        column.name for column in contract.table.columns if column.name not in LINEAGE
    ]
    missing = [
        c.name for c in contract.table.columns if not c.nullable and line.get(c.name, 1) is None
    ]
    assert missing == []
    if kind.warnings is not None:
        assert {warned.kind for warned in kind.warnings(sent(event))} <= {"deprecated"}


@MANY
@given(st.data(), contracts())
def test_whatever_is_sent_gets_the_same_verdict_each_time_and_what_lands_fits_the_schema(
    data: st.DataObject, contract: Contract
) -> None:
    kind = compile_contract(contract, EXAMPLE_PII_KEY)
    event = good_event(contract, 1)
    raw = data.draw(mutated(event) | inside(event))
    first, second = judge(kind, raw, NOON), judge(kind, raw, NOON)
    assert first == second
    if isinstance(first, Rejected):
        assert not first.message.startswith("could not be processed")
        return
    jsonschema.Draft202012Validator(event_schema(contract)).validate(json.loads(raw))
    line = kind.line(first.row, first.day)
    assert json.loads(line, parse_constant=lambda word: 1 / 0)
    assert b"\\u0000" not in line.replace(rb"\\", b"")
    assert len(kind.dedupe_key(first.row)) == 16
    if kind.warnings is not None:
        kind.warnings(raw)


def inside(event: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """The event with one value anywhere in it replaced."""
    ways = st.sampled_from(list(ways_in(event)))
    return st.builds(
        lambda way, new: sent(replaced(event, way, new)), ways, st.sampled_from(VALUES)
    )


def ways_in(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for step, held in inner:
        yield (*above, step)
        if isinstance(held, dict | list):
            yield from ways_in(held, (*above, step))


def replaced(value: Any, way: tuple[Any, ...], new: Any) -> Any:
    if not way:
        return new
    changed = value.copy()
    changed[way[0]] = replaced(value[way[0]], way[1:], new)
    return changed
