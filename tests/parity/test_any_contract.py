"""Rows of contracts that nobody wrote stand in both warehouses as the contract writes them."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings

from app.contracts.compile import compile_contract
from app.contracts.examples import EXAMPLE_PII_KEY
from app.contracts.model import Contract
from app.contracts.sample import sample_events
from tests.contracts.any_contract import contracts
from tests.sinks.warehouse_ground import Ground, landed

from .contracts import NOON
from .test_rows import rows_of, stand

MINUTE = timedelta(minutes=1)


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow,
                           HealthCheck.data_too_large],
)  # fmt: skip
@given(contract=contracts())
async def test_lists_objects_and_lifted_values_stand_as_their_contract_writes_them(
    ground: Ground, contract: Contract
) -> None:
    kind = compile_contract(contract, EXAMPLE_PII_KEY)
    events = sample_events(contract, 12, 1, NOON - MINUTE, MINUTE)
    rows = [row for offset, event in enumerate(events) for row in rows_of(kind, event, offset)]
    rows.sort(key=lambda row: row["scan_id"])
    assert await stand(ground, contract, rows) == landed(contract.table, rows)
