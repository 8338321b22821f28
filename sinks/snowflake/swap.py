"""The load: COPY to a staging table, then the one transaction in which days change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

from app.contracts.table import Table
from app.core.errors import Fatal
from app.core.seal import StoredObject
from sinks.manifest import (
    batches,
    check_expected,
    check_inserted,
    check_keys,
    check_replaced,
    check_staged,
    loaded_days,
)
from sinks.protocol import DayManifest, LoadedDay
from sinks.snowflake import sql
from sinks.snowflake.control import make_fence, read_control, take_fence, write_control
from sinks.snowflake.fingerprints import write_prints
from sinks.snowflake.options import SnowflakeOptions
from sinks.snowflake.schema import stage_name


@dataclass(frozen=True, slots=True)
class Load:
    """What one run is to make of a table, and the points at which a test may strike.

    `prefix` is what Snowflake's file names have before the object's key.
    """

    options: SnowflakeOptions
    table: Table
    days: Sequence[DayManifest]
    objects: Sequence[StoredObject]
    run: str
    fence: int
    prefix: str
    at: Callable[[str], None]
    go_on: Callable[[], None]


def stage(cursor: Any, load: Load) -> tuple[str, dict[date, int]]:
    """COPY all objects; return the staging table and the rows by day. Locks nothing."""
    staging = sql.quoted(f"FOREBAY_{uuid4().hex}")
    cursor.execute(sql.create_staging(load.table, staging))
    for batch in batches(load.objects):
        load.go_on()
        keys = [stored.key for stored in batch]
        answer = cursor.execute(sql.copy(load.table, staging, stage_name(load.options), keys))
        outcomes = answer.fetchall()
        if len(outcomes) != len(keys) or any(row[1] != "LOADED" for row in outcomes):
            raise Fatal(f"Snowflake: COPY of {len(keys)} objects answered {outcomes[:3]}")
    rows = cursor.execute(
        f'SELECT "_FILE", "DAY", COUNT(*) FROM {staging} GROUP BY 1, 2'
    ).fetchall()
    counts = {(file.removeprefix(load.prefix), day): int(count) for file, day, count in rows}
    keyless = cursor.execute(sql.count_keyless(load.table, staging)).fetchall()
    by_day = check_staged(load.objects, counts)
    check_keys(load.table, {file.removeprefix(load.prefix): int(n) for file, n in keyless})
    return staging, by_day


def change(
    cursor: Any, load: Load, staging: str, staged: Mapping[date, int]
) -> dict[date, LoadedDay]:
    """All between BEGIN and COMMIT; DML only, because DDL would commit."""
    table, target = load.table, sql.target(load.table)
    take_fence(cursor, load.options, table, run=load.run, fence=load.fence)
    control = read_control(cursor, load.options, table, [manifest.day for manifest in load.days])
    check_replaced(table.name, load.days, control)
    days = sql.dates(manifest.day for manifest in load.days)
    cursor.execute(f'DELETE FROM {target} WHERE "DAY" IN ({days})')
    load.at("deleted")
    cursor.execute(sql.insert(table, staging))
    inserted = cursor.rowcount
    load.at("inserted")
    standing = {
        day: int(count)
        for day, count in cursor.execute(
            f'SELECT "DAY", COUNT(*) FROM {target} WHERE "DAY" IN ({days}) GROUP BY 1'
        ).fetchall()
    }
    if sum(standing.values()) != inserted:
        raise Fatal(f"{table.name}: {inserted} rows inserted, {standing} standing: rolled back")
    for manifest in load.days:
        rows = standing.get(manifest.day, 0)
        of_day = staged.get(manifest.day, 0)
        check_inserted(table.name, manifest.day, staged=of_day, inserted=rows, standing=rows)
    check_expected(table.name, load.days, standing)
    loaded = loaded_days(load.days, load.run, load.fence, staged, standing)
    write_control(cursor, load.options, table, loaded.values())
    write_prints(cursor, load.options, table, list(loaded), load.run)
    return loaded


def prepare_target(cursor: Any, load: Load, staging: str) -> None:
    """The last thing before BEGIN: the fence, and room for rows of a former contract.

    A NOT NULL that holds for rows of this contract may not hold for those of a former one that are
    loaded with them.
    """
    required = load.table.newly_required
    if required:
        lacking = cursor.execute(sql.count_lacking(load.table, staging)).fetchall()[0]
        for column, rows in zip(required, lacking, strict=True):
            if rows:
                cursor.execute(sql.let_be_empty(load.table, column))
    make_fence(cursor, load.options, load.table)
    load.at("staged")
    load.go_on()
