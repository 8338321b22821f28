"""A short chaos run on each house, and proof that its verdict can fail."""

from pathlib import Path

import pytest

from tests.chaos.__main__ import HOUSES
from tests.chaos.report import text
from tests.chaos.run import run

SEED, SECONDS = 4, 40


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", HOUSES)
async def test_no_event_is_lost_or_doubled_while_everything_breaks(
    name: str, tmp_path: Path
) -> None:
    ledger, warehouse = HOUSES[name]
    outcome = await run(SEED, tmp_path, seconds=SECONDS, ledger=ledger, warehouse=warehouse)
    assert outcome.kills.total() >= 5, "the run killed too little to prove anything"
    assert outcome.injected.total() >= 5, "the run broke too little to prove anything"
    assert outcome.holds, text(outcome)
