"""Random histories of loads: schedulers that run at once, crash anywhere, and come too late."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from sinks.duckdb.options import DuckDBOptions
from sinks.duckdb.warehouse import DuckDBWarehouse
from sinks.memory import MemoryObjectStore, MemoryWarehouse
from tests.models.effort import try_machine
from tests.models.loads import POINTS, Begins, ComesToRest, GoesOn, Happening, Sealed
from tests.models.schedulers import schedulers
from tests.models.stage import SMOOTH, Pace, Stage
from tests.scheduler.world import MONDAY, TUESDAY


def in_memory(
    folder: Path,
    objects: MemoryObjectStore,
    *,
    at: Callable[[str], None] = lambda point: None,
    beside: MemoryWarehouse | None = None,
    stage: Stage | None = None,
) -> MemoryWarehouse:
    """Others may come between its steps."""

    async def awaited(point: str) -> None:
        at(point)
        if stage is not None:
            await stage.door(point)

    return MemoryWarehouse(objects, at=awaited, beside=beside)


def in_duckdb(
    folder: Path,
    objects: MemoryObjectStore,
    *,
    at: Callable[[str], None] = lambda point: None,
    beside: DuckDBWarehouse | None = None,
    stage: Stage | None = None,
) -> DuckDBWarehouse:
    return DuckDBWarehouse(DuckDBOptions(path=folder / "warehouse.duckdb"), objects, at=at)


WAREHOUSES = {"memory": staticmethod(in_memory), "duckdb": staticmethod(in_duckdb)}


@pytest.mark.parametrize(
    ("warehouse", "examples", "steps"), [("memory", 100, 40), ("duckdb", 4, 20)]
)
def test_whatever_schedulers_do_a_table_is_whole_and_in_the_end_right(
    warehouse: str, examples: int, steps: int, fast_dir: Path
) -> None:
    with schedulers(WAREHOUSES[warehouse], fast_dir) as (machine, stage):
        try_machine(machine, examples, steps)
    for what in ("gives way Fenced", "warehouse.replace LOST"):
        assert stage.happened[what] or examples < 20


MORE = Sealed(((MONDAY, (1, 2)), (TUESDAY, (3,))), dead=0)
LESS = Sealed(((MONDAY, (4,)),), dead=1)
HISTORIES: Mapping[str, Sequence[Happening]] = {
    **{
        f"the connection breaks at {point}": [
            MORE,
            Begins("first", frozenset(), 3, "", SMOOTH),
            LESS,
            Begins("first", frozenset(), 3, point, SMOOTH),
            Begins("first", frozenset({MONDAY}), 3, point, Pace("warehouse.replace", None, 1)),
            ComesToRest(),
        ]
        for point in POINTS
    },
    "an older manifest comes with a higher fence": [
        MORE,
        Begins("second", frozenset(), 3, "", Pace(before="warehouse.prepare")),
        Begins("first", frozenset(), 3, "", Pace(before="warehouse.replace")),
        LESS,
        GoesOn("second", SMOOTH),
        GoesOn("first", SMOOTH),
        ComesToRest(),
    ],
}


@pytest.mark.parametrize("warehouse", WAREHOUSES)
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES.keys())
def test_known_histories_come_to_the_right_end(
    history: Sequence[Happening], warehouse: str, fast_dir: Path
) -> None:
    with schedulers(WAREHOUSES[warehouse], fast_dir) as (machine, _):
        told = machine()
        told.begin()
        try:
            for what in history:
                told.happens(what)
                told.nobody_fails_of_what_may_not_happen()
                told.a_reader_sees_whole_days_and_none_goes_back()
        finally:
            told.teardown()
