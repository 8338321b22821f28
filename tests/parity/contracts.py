"""The contracts whose parity is proved: every shipped one, with everything, with each step."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.contracts.compile import compile_contract
from app.contracts.examples import EXAMPLE_PII_KEY
from app.contracts.load import load_contracts
from app.contracts.model import Contract
from app.contracts.sample import sample_events
from app.core.judge import EventType
from tests.contracts.carts import cart
from tests.contracts.everything import contract as everything
from tests.contracts.steps import every_step

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTRACTS: Mapping[str, Contract] = {
    **load_contracts(Path(__file__).parents[2] / "topics"),
    everything().event: everything(),
    "every_step": every_step(),
    cart().event: cart(),
}
KINDS: Mapping[str, EventType] = {
    event: compile_contract(contract, EXAMPLE_PII_KEY) for event, contract in CONTRACTS.items()
}


def samples(event: str, count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Random good events of a type, of the minute before noon."""
    minute = timedelta(minutes=1)
    return list(sample_events(CONTRACTS[event], count, seed, NOON - minute, minute))


def raw(event: Mapping[str, Any]) -> bytes:
    """As an app sends it."""
    return json.dumps(event, ensure_ascii=False).encode()
