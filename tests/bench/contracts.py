"""What one event costs in each step, in microseconds: `python -m tests.bench.contracts`.

The best of several runs, on whatever machine this is; a bench, and no test.
"""

import json
import sys
import timeit
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from app.contracts.compile import compile_contract
from app.contracts.examples import EXAMPLE_PII_KEY
from app.contracts.load import load_contracts
from app.contracts.model import Contract
from app.core.judge import Accepted, judge

ROUNDS, REPEATS = 20_000, 5
TOPICS = Path(__file__).parents[2] / "topics"


def cost(step: Callable[[], object]) -> float:
    """Seconds per million, so microseconds per call."""
    return min(timeit.repeat(step, number=ROUNDS, repeat=REPEATS)) / ROUNDS * 1e6


def steps(contract: Contract) -> dict[str, float]:
    kind = compile_contract(contract, EXAMPLE_PII_KEY)
    raw = json.dumps(contract.examples[0].given).encode()
    now = datetime.now(UTC)
    received_at = now if kind.late is None else kind.occurred_at(kind.parse(raw))
    verdict = judge(kind, raw, received_at)
    assert isinstance(verdict, Accepted), verdict
    return {
        "bytes": len(raw),
        "parse": cost(lambda: kind.parse(raw)),
        "judge": cost(lambda: judge(kind, raw, received_at)),
        "key": cost(lambda: kind.dedupe_key(verdict.row)),
        "line": cost(lambda: kind.line(verdict.row, verdict.day)),
    }


def main() -> None:
    for contract in load_contracts(TOPICS).values():
        costs = "  ".join(f"{name} {value:6.2f}" for name, value in steps(contract).items())
        sys.stdout.write(f"{contract.event:24}{costs}\n")


if __name__ == "__main__":
    main()
