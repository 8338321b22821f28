"""The arithmetic of a day: no residual without a finding."""

from contextlib import closing
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from app.audit.days import DayFacts, balance_days
from app.audit.report import Findings
from app.audit.scratch import Scratch
from app.core.seal import DayCounts
from app.ledger.protocol import DayLoad, DayTotals
from sinks.protocol import LoadedDay
from tests.audit.world import DAY1, NOON, ORDER, table_of

NUMBER = st.integers(0, 3)
LOAD = st.none() | st.tuples(NUMBER, NUMBER)


def facts_of(
    staged: int,
    unloaded: int,
    load: tuple[int, int] | None,
    control: tuple[int, int] | None,
    standing: int,
) -> DayFacts:
    totals = {DAY1: DayTotals(DAY1, DayCounts(staged), unloaded, 1, 1)}
    loads: dict[date, DayLoad] = {}
    controls: dict[date, LoadedDay] = {}
    if load is not None:
        loads[DAY1] = DayLoad(ORDER, "RAW.X", DAY1, "run-1", 1, ("s",), *load, NOON)
    if control is not None:
        controls[DAY1] = LoadedDay(DAY1, "run-1", 1, ("s",), *control, NOON)
    counts = {DAY1: standing} if standing else {}
    return DayFacts(ORDER, table_of(ORDER), totals, loads, counts, controls, True)


@given(staged=NUMBER, unloaded=NUMBER, load=LOAD, control=LOAD, standing=NUMBER)
def test_a_day_has_no_finding_only_if_every_staged_row_is_accounted_for(
    staged: int,
    unloaded: int,
    load: tuple[int, int] | None,
    control: tuple[int, int] | None,
    standing: int,
) -> None:
    findings = Findings()
    with closing(Scratch()) as scratch:
        facts = facts_of(staged, unloaded, load, control, standing)
        (balance,) = balance_days(facts, scratch, findings)
    adds_up = staged - unloaded == (load[0] if load else 0) and standing == (load[1] if load else 0)
    assert bool(findings.kept) == (not adds_up or load != control)
    if balance.residual:
        assert findings.kept
