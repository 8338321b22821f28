"""The one transaction in which days change: fence, DELETE, INSERT, LOAD_CONTROL, checks, COMMIT."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

import duckdb

from app.contracts.table import Table
from app.core.errors import ForebayError, Transient
from sinks.duckdb import sql
from sinks.duckdb.control import read_control, take_fence, write_control
from sinks.duckdb.errors import translated
from sinks.duckdb.fingerprints import write_prints
from sinks.manifest import check_expected, check_inserted, check_replaced, loaded_days
from sinks.protocol import DayManifest, LoadedDay


@dataclass(frozen=True, slots=True)
class Load:
    """What one run is to make of a table, and the points at which a test may strike."""

    table: Table
    days: Sequence[DayManifest]
    run: str
    fence: int
    at: Callable[[str], None]


def swap(
    connection: duckdb.DuckDBPyConnection, load: Load, staged: Mapping[date, int]
) -> dict[date, LoadedDay]:
    """Replace the days by the staged rows. Any error before COMMIT leaves all days as they were."""
    let_former_rows_in(connection, load.table)
    with translated(f"replace days of {load.table.name}"):
        connection.execute("BEGIN")
        try:
            loaded = _change(connection, load, staged)
            load.at("before_commit")
        except BaseException:
            with suppress(duckdb.Error):  # an error of DuckDB's may have ended the transaction
                connection.execute("ROLLBACK")
            raise
    try:
        connection.execute("COMMIT")
        load.at("after_commit")
    except Exception as error:
        return _learn(connection, load, error)
    return loaded


def let_former_rows_in(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Let go of a NOT NULL that holds for rows of this contract, and not for those of a former one
    that are loaded with them."""
    required = table.newly_required
    if not required:
        return
    with translated(f"look for what rows of {table.name} lack"):
        lacking = connection.execute(sql.count_lacking(table)).fetchone() or ()
        for column, rows in zip(required, lacking, strict=True):
            if rows:
                connection.execute(sql.let_be_empty(table, column))


def _change(
    connection: duckdb.DuckDBPyConnection, load: Load, staged: Mapping[date, int]
) -> dict[date, LoadedDay]:
    table, target = load.table, sql.target(load.table)
    take_fence(connection, table, run=load.run, fence=load.fence)
    days = [manifest.day for manifest in load.days]
    check_replaced(table.name, load.days, read_control(connection, table, days))
    connection.execute(f"DELETE FROM {target} WHERE day IN (SELECT unnest(?))", [days])
    load.at("deleted")
    inserted = {day: _count(connection.execute(sql.insert(table), [day])) for day in days}
    load.at("inserted")
    check_expected(table.name, load.days, inserted)
    loaded = loaded_days(load.days, load.run, load.fence, staged, inserted)
    write_control(connection, table, loaded.values())
    write_prints(connection, table, days, load.run)
    for day in days:
        standing = _count(connection.execute(f"SELECT count(*) FROM {target} WHERE day = ?", [day]))
        check_inserted(
            table.name,
            day,
            staged=staged.get(day, 0),
            inserted=inserted[day],
            standing=standing,
        )
    return loaded


def _learn(
    connection: duckdb.DuckDBPyConnection, load: Load, error: Exception
) -> dict[date, LoadedDay]:
    """Find out whether an unanswered COMMIT happened: LOAD_CONTROL names its run, or does not."""
    with suppress(duckdb.Error):
        connection.execute("ROLLBACK")
    with translated(f"look up run {load.run} of {load.table.name}"):
        found = read_control(connection, load.table, [m.day for m in load.days])
    if len(found) == len(load.days) and all(day.run == load.run for day in found.values()):
        return found
    if isinstance(error, ForebayError):
        raise error
    raise Transient(f"DuckDB: {load.table.name}: run {load.run} was not committed: {error}")


def _count(result: duckdb.DuckDBPyConnection) -> int:
    row = result.fetchone()
    assert row is not None
    return int(row[0])
