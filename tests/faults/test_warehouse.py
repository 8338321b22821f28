"""The warehouse is cut off, fails, dies; loaders die, and come in twos: days stay whole."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from app.core.errors import Transient
from app.core.kill_points import POINTS
from sinks.duckdb.errors import meaning
from sinks.duckdb.options import DuckDBOptions
from sinks.protocol import Warehouse
from tests.faults import loader
from tests.faults.loading import Loading
from tests.house.proxy import Action, Answer, Cut, LoseAnswer, Proxy, http
from tests.scheduler.waiting import errors, heard
from tests.scheduler.world import MONDAY, TUESDAY
from tests.sinks.s3_network import ALWAYS
from tests.sinks.snowflake_stand_in import SnowflakeStandIn
from tests.sinks.warehouse_ground import Strikes

STATEMENT = http("POST", "/queries/v1/query-request")
IN_THE_WAREHOUSE = ("staged", "deleted", "inserted", "before_commit", "after_commit")
OUTCOMES = {
    "after_commit": "recorded",
    "before_record": "recorded",
    "after_record": "nothing_to_do",
}
"""What the next run has to do after a kill; where nothing is said, all of it."""

OLD, NEW = ["a", "b", "c"], ["a", "b", "c", "d"]
only_snowflake = pytest.mark.parametrize("place", ["snowflake"], indirect=True)


async def old_days(loading: Loading) -> None:
    """Two days as they were loaded before the fault; of one there is more to load."""
    await loading.seal({MONDAY: ["a", "b"], TUESDAY: ["c"]})
    await loading.load()
    await loading.seal({MONDAY: ["d"]})


@pytest.fixture
def lines() -> Iterator[list[str]]:
    with heard() as found:
        yield found


@pytest.mark.parametrize(
    ("place", "point"),
    [("duckdb", point) for point in POINTS["scheduler"]]
    + [("snowflake", point) for point in IN_THE_WAREHOUSE],
    indirect=["place"],
)
async def test_a_loader_killed_at_any_point_leaves_a_whole_day_and_the_next_makes_it_right(
    loading: Loading, tmp_path: Path, point: str
) -> None:
    await old_days(loading)
    await loading.killed_at(point)
    assert await loading.ids() == (NEW if point in OUTCOMES else OLD)
    report = await loading.load_in_the_end()
    assert report.outcome == OUTCOMES.get(point, "committed")
    assert await loading.ids() == NEW
    await loading.assert_agreed()
    await loading.seal({MONDAY: ["e"]})
    await loading.load()
    assert not leftovers(tmp_path)


def leftovers(folder: Path) -> set[str]:
    """What killed loads have left beside the warehouse's file, but for locks and folders."""
    loads = folder / "warehouse.duckdb.loads"
    return {path.name for path in loads.rglob("*") if path.is_file() and path.name != "lock"}


@dataclass
class Far:
    """A scheduler's adapter that reaches Snowflake through `network` only; DuckDB has none."""

    warehouse: Warehouse
    strikes: Strikes
    network: Proxy

    def strike_at(self, point: str, times: int, action: Action | Exception) -> None:
        """From `point` on, `times` times, the next statement meets this."""
        left = times

        async def strike() -> None:
            nonlocal left
            left -= 1
            if left < 0:
                return
            if isinstance(action, Exception):
                raise action
            self.network.rule(STATEMENT, action)

        self.strikes.at[point] = strike


@pytest.fixture
async def far(loading: Loading) -> AsyncIterator[Far]:
    strikes, options = Strikes(), loading.place.warehouse
    if isinstance(options, DuckDBOptions):
        yield Far(loading.another(strikes), strikes, Proxy(0))
        return
    assert options.port is not None
    async with Proxy(options.port).running() as network:
        there = {"port": network.port, "network_timeout_seconds": 2, "login_timeout_seconds": 5}
        place = loader.Place(
            loading.place.ledger_url,
            loading.place.objects,
            options.model_copy(update=there),
        )
        yield Far(loading.another(strikes, place), strikes, network)
        network.heal()


def disturbed(far: Far, action: Action) -> None:
    """COMMIT meets this whenever it is sent, until the connection is given up."""

    async def disturb() -> None:
        far.network.rule(STATEMENT, action, ALWAYS)

    async def mend() -> None:
        far.network.heal()

    far.strikes.at = {"before_commit": disturb, "commit_unanswered": mend}


@only_snowflake
async def test_a_commit_lost_before_it_arrived_has_changed_nothing_and_the_load_is_made_again(
    loading: Loading, far: Far
) -> None:
    await old_days(loading)
    disturbed(far, Cut())
    with pytest.raises(Transient):
        await loading.load(far.warehouse)
    assert far.strikes.seen[-1] == "commit_unanswered"
    assert await loading.ids() == OLD
    far.strikes.at.clear()
    scheduler = loading.loads(far.warehouse)
    await scheduler.tick()
    await scheduler.settled()
    assert await loading.ids() == NEW
    await loading.assert_agreed()


@only_snowflake
async def test_a_commit_whose_answer_was_lost_is_found_in_load_control_and_not_made_again(
    loading: Loading, far: Far
) -> None:
    await old_days(loading)
    disturbed(far, LoseAnswer())
    report = await loading.load(far.warehouse)
    assert report.outcome == "committed"
    assert far.strikes.seen[-1] == "commit_unanswered"
    assert far.strikes.seen.count("staged") == 1
    assert await loading.fences_taken() == 2
    assert await loading.ids() == NEW
    await loading.assert_agreed()


def error_of(loading: Loading, point: str) -> Action | Exception:
    """A statement's error that may pass, as the warehouse words it."""
    if loading.kind == "duckdb":
        error = duckdb.IOException("IO Error: Could not write: No space left on device")
        return error if point != "staged" else meaning(error, "stage")  # no statement runs there
    body = (
        '{"data": {"errorCode": "000603", "sqlState": "XX000", "queryId": "01", '
        '"internalError": false}, "code": "000603", "success": false, '
        '"message": "SQL execution internal error", "headers": null}'
    )
    return Answer(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )


@pytest.mark.parametrize("point", ["staged", "deleted", "inserted"])
async def test_a_statement_that_fails_is_undone_and_tried_again_and_in_the_end_is_one_error(
    loading: Loading, far: Far, lines: list[str], point: str
) -> None:
    await old_days(loading)
    scheduler = loading.loads(far.warehouse, attempts=2)
    far.strike_at(point, 2, error_of(loading, point))
    await scheduler.tick()
    await scheduler.settled()
    assert [line.split()[0] for line in lines] == ["WARNING", "ERROR"], lines
    assert await loading.ids() == OLD
    assert await loading.dirty() == [MONDAY]

    far.strike_at(point, 1, error_of(loading, point))
    while await loading.dirty():
        await scheduler.tick()
        await scheduler.settled()
    assert len(errors(lines)) == 1, lines
    assert await loading.ids() == NEW
    await loading.assert_agreed()


@only_snowflake
@pytest.mark.parametrize("point", ["inserted", "before_commit"])
async def test_a_server_killed_in_a_transaction_has_the_old_days_and_is_loaded_when_it_is_back(
    loading: Loading, far: Far, stand_in: SnowflakeStandIn, lines: list[str], point: str
) -> None:
    await old_days(loading)
    back: list[list[object]] = []

    async def die() -> None:
        del far.strikes.at[point]
        stand_in.process.kill()
        if point == "inserted":
            await live()

    async def live() -> None:
        await stand_in.start()
        back.append(await loading.ids())

    far.strikes.at = {point: die, "commit_unanswered": live}
    scheduler = loading.loads(far.warehouse)
    await scheduler.tick()
    await scheduler.settled()
    assert back == [OLD]
    assert await loading.ids() == NEW
    assert errors(lines) == []
    await loading.assert_agreed()


async def test_two_schedulers_at_once_and_no_lock_end_as_if_there_was_one(
    loading: Loading, lines: list[str]
) -> None:
    schedulers = [loading.loads(loading.another()) for _ in range(2)]
    ids = [f"{number:02}" for number in range(8)]
    for number, id in enumerate(ids):
        await loading.seal({MONDAY: [id], TUESDAY: [id]})
        for scheduler in schedulers:
            await scheduler.tick()
        if number % 3 == 2:
            await schedulers[number % 2].settled()
    while await loading.dirty():
        for scheduler in schedulers:
            await scheduler.tick()
        for scheduler in schedulers:
            await scheduler.settled()
    for day in (MONDAY, TUESDAY):
        assert await loading.ids(day=day) == ids
    assert errors(lines) == []
    await loading.assert_agreed()


@pytest.mark.parametrize("place", ["duckdb"], indirect=True)
async def test_two_loaders_in_processes_of_their_own_end_as_if_there_was_one(
    loading: Loading,
) -> None:
    ids: list[str] = []
    for number in range(3):
        ids.append(f"{number:02}")
        await loading.seal({MONDAY: [ids[-1]]})
        await asyncio.gather(
            *(loader.exit_code_of(loader.load, loading.place, loading.table) for _ in range(2))
        )
        assert await loading.ids() == ids
        await loading.assert_agreed()
