"""Run the examples of the topic files: each must land, or be rejected, as it says."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import SchemaValidator, core_schema

from app.contracts.compile import compile_contract
from app.contracts.model import Contract, Example
from app.contracts.problems import Problem
from app.core.errors import Rejected, RejectedError
from app.core.judge import Accepted, EventType, Filtered, judge
from app.core.values import TIMESTAMP_PATTERN, instant

FILTERED = "filtered"
EXAMPLE_PII_KEY = b"only for examples"  # so that `topics check` needs no secret
_timestamp = SchemaValidator(core_schema.str_schema(pattern=TIMESTAMP_PATTERN)).validate_python


def run_examples(contracts: Mapping[str, Contract]) -> list[str]:
    """Judge every example. Returns a line for each that turns out otherwise; none is good."""
    problems: list[str] = []
    for contract in contracts.values():
        kind = compile_contract(contract, EXAMPLE_PII_KEY)
        for example in contract.examples:
            problem = run_example(contract, kind, example)
            if problem is not None:
                problems.append(f"{contract.event}: example «{example.name}»: {problem}")
    return problems


def problems_in_examples(path: Path, contract: Contract) -> list[Problem]:
    """Judge the examples of one file."""
    kind = compile_contract(contract, EXAMPLE_PII_KEY)
    told = [(i, e.name, run_example(contract, kind, e)) for i, e in enumerate(contract.examples)]
    return [Problem(path, f"examples.{i}", f"«{name}»: {what}") for i, name, what in told if what]


def run_example(contract: Contract, kind: EventType, example: Example) -> str | None:
    """Judge one example; None when it turns out as it says."""
    raw = json.dumps(example.given).encode()
    try:
        received_at = _received_at(kind, raw, example)
    except ValueError:
        return f"received_at «{example.received_at}» is no timestamp with a UTC offset"
    match judge(kind, raw, received_at):
        case Rejected() as verdict:
            return _compare_rejection(example, verdict)
        case Filtered() as verdict:
            return None if example.filtered else f"should {_due(example)}; it is {FILTERED}"
        case Accepted() as verdict if example.lands:
            rows = [json.loads(kind.line(row, verdict.day)) for row in verdict.rows]
            return _compare_rows(contract, example, rows)
        case Accepted():
            return f"lands; it should {_due(example)}"


def _due(example: Example) -> str:
    """What becomes of it, as it says."""
    return "be rejected" if example.rejected else f"be {FILTERED}" if example.filtered else "land"


def _received_at(kind: EventType, raw: bytes, example: Example) -> datetime:
    if example.received_at is not None:
        try:
            return instant(_timestamp(example.received_at))
        except ValidationError as error:
            raise ValueError(example.received_at) from error
    return happened(kind, raw)


def happened(kind: EventType, raw: bytes) -> datetime:
    """When an event happened, to judge it as received at that moment."""
    try:
        return kind.occurred_at(kind.parse(raw))
    except RejectedError:
        return datetime.fromisoformat("2000-01-01T00:00:00Z")  # rejected whenever it came


def _compare_rejection(example: Example, verdict: Rejected) -> str | None:
    told = f"{verdict.reason}, field {verdict.field}: {verdict.message}"
    expected = example.rejected
    if expected is None:
        return f"should {_due(example)}; it is rejected: {told}"
    if expected.reason != verdict.reason or expected.field not in (None, verdict.field):
        return f"should be rejected: {expected.reason}, field {expected.field}; it is: {told}"
    return None


def _compare_rows(
    contract: Contract, example: Example, landed: Sequence[Mapping[str, Any]]
) -> str | None:
    if example.row is not None:
        return _compare_row(contract, example.row, landed[0])
    expected = example.rows or ()
    if len(expected) != len(landed):
        return f"should become {len(expected)} rows; it becomes {len(landed)}"
    found = [_compare_row(contract, *pair) for pair in zip(expected, landed, strict=True)]
    return "; ".join(f"row {n}: {what}" for n, what in enumerate(found) if what) or None


def _compare_row(
    contract: Contract, expected: Mapping[str, Any], landed: Mapping[str, Any]
) -> str | None:
    types = {column.name: column.type for column in contract.table.columns}
    differing = [
        f"{name} should be {json.dumps(value)}, it is {json.dumps(landed[name])}"
        for name, value in expected.items()
        if not _same(types[name], value, landed[name])
    ]
    return "; ".join(differing) or None


def _same(kind: str, expected: Any, landed: Any) -> bool:
    if kind == "timestamp" and isinstance(expected, str) and landed is not None:
        try:
            return instant(_timestamp(expected)) == instant(landed)
        except ValueError:
            return False
    # True equals 1 in Python, and nowhere else.
    return json.dumps(expected, sort_keys=True) == json.dumps(landed, sort_keys=True) or (
        kind in ("number", "json", "list", "object")
        and expected == landed
        and type(expected) is not bool
    )
