"""What must hold at the end, seen from outside: the numbers that stand in the warehouse."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import duckdb
import snowflake.connector

from tests.house.house import House
from tests.house.load import Load
from tests.house.sales import Sales

SHOWN = 5


@dataclass
class Verdict:
    """`lost` were acknowledged and do not stand in the warehouse, `doubled` stand there twice,
    `strange` were never sent; up to five numbers of each, by event type.

    `expected` are the rows that the events `acknowledged` make: one each, but for baskets.
    """

    acknowledged: int = 0
    expected: int = 0
    rows: int = 0
    lost: int = 0
    doubled: int = 0
    strange: int = 0
    residual: int = 0
    report: dict[str, Any] = field(default_factory=dict)
    examples: dict[str, list[int]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        wrong = self.lost or self.doubled or self.strange or self.residual
        return not wrong and bool(self.report.get("balanced"))

    def __str__(self) -> str:
        counts = (
            f"{self.acknowledged} events acknowledged, {self.rows} rows: lost {self.lost}, doubled "
            f"{self.doubled}, strange {self.strange}, residual {self.residual}"
        )
        findings = [finding["text"] for finding in self.report.get("findings", [])]
        return ", ".join([counts, *(str(what) for what in (self.examples, findings) if what)])


async def judged(house: House, load: Load, *audit: str) -> Verdict:
    """Compare the warehouse with what was acknowledged, and audit; all must be settled.

    An event that was sent and never acknowledged is not in `load.acknowledged`: `Load.stop`
    leaves none.
    """
    verdict = Verdict(report=await house.audit(*audit))
    verdict.residual = verdict.report["totals"]["residual"]
    for kind in load.kinds:
        expected = kind.standing(load.acknowledged[kind.event])
        stands = Counter(await asyncio.to_thread(numbers_in, house, kind))
        lost, strange = expected - stands.keys(), stands.keys() - expected
        doubled = {number for number, times in stands.items() if times > 1}
        verdict.acknowledged += len(load.acknowledged[kind.event])
        verdict.expected += len(expected)
        verdict.rows += stands.total()
        verdict.lost += len(lost)
        verdict.doubled += len(doubled)
        verdict.strange += len(strange)
        for what, numbers in (("lost", lost), ("doubled", doubled), ("strange", strange)):
            if numbers:
                verdict.examples[f"{kind.event} {what}"] = sorted(numbers)[:SHOWN]
    return verdict


def numbers_in(house: House, kind: Sales) -> list[int]:
    """Every number that stands in the type's table, in no order."""
    query = f"SELECT number FROM {kind.table}"
    if house.warehouse == "duckdb":
        with duckdb.connect(house.environment["DUCKDB__PATH"], read_only=True) as database:
            return [number for (number,) in database.execute(query).fetchall()]
    options = house.servers.snowflake.options
    with snowflake.connector.connect(
        account=options.account,
        user=options.user,
        private_key_file=str(options.private_key_file),
        host=options.host,
        port=options.port,
        protocol=options.protocol,
        warehouse=options.warehouse,
        database=house.environment["SNOWFLAKE__DATABASE"],
    ) as connection:
        return [int(number) for (number,) in connection.cursor().execute(query).fetchall()]
