"""A ledger as a busy day leaves it: seals of every half hour of all types, loads, dead letters.

Counts are made up and always the same; times end now. Everything is written by the ledger's own
functions, many seals in one transaction, for a file that is synced for each takes minutes.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from random import Random

from ulid import ULID

from app.core.job_run import JobOutcome, JobRun
from app.core.seal import DayCounts, ObjectKind, Range, Seal, StoredObject
from app.ledger import sqlite_entries as entries_of
from app.ledger.protocol import ChainStart, DayLoad
from app.ledger.sqlite import SQLiteLedger

BATCH = 2_000
RUN_TYPES, RUNS = 6, 24
"""Types with a history of jobs, and runs of each in a day."""
REASONS = ("schema", "too_late", "not_json", "transform")


async def fill(
    ledger: SQLiteLedger,
    tables: Mapping[str, str],
    *,
    days: int = 2,
    per_day: int = 48,
    now: datetime | None = None,
) -> None:
    """Seal and load `tables`, by event. Of every seventh type the newest day waits for a load, of
    every ninth some events were rejected."""
    now = now or datetime.now(UTC)
    await ledger.start_chains([ChainStart(event, _tp(event), 0, "t1") for event in tables])
    batch: list[Seal] = []
    loads: list[DayLoad] = []
    for number, (event, table) in enumerate(tables.items()):
        seals = list(_seals(event, number, days, per_day, now))
        batch += seals
        loads += _loads(event, table, number, seals)
        if len(batch) >= BATCH:
            await _record(ledger, batch)
            batch = []
    await _record(ledger, batch)
    for at in range(0, len(loads), BATCH):
        await ledger.record_load(loads[at : at + BATCH])
    for event in list(tables)[:RUN_TYPES]:
        for run in _job_runs(event, now):
            await ledger.record_job_run(run)


async def _record(ledger: SQLiteLedger, seals: list[Seal]) -> None:
    def append(db):  # type: ignore[no-untyped-def]
        for seal in seals:
            entries_of.append_seal(db, seal)

    await ledger._file.write(append)


def _seals(event: str, number: int, days: int, per_day: int, now: datetime) -> Iterator[Seal]:
    random = Random(f"{event} {number}")
    volume = 10 ** random.uniform(0.5, 4.5)
    offset = 0
    every = timedelta(days=1) / per_day
    for back in range(days * per_day, 0, -1):
        sealed = now - back * every + timedelta(seconds=random.uniform(0, 20))
        swing = 1 + 0.7 * math.sin((sealed.hour + sealed.minute / 60 - 6) / 24 * 2 * math.pi)
        staged = int(volume * swing * random.uniform(0.7, 1.3)) + 1
        duplicates = int(staged * random.choice((0, 0.002, 0.02)))
        dead = int(staged * 0.01) + 1 if number % 9 == 4 and random.random() < 0.4 else 0
        filtered = staged // 5 if number % 11 == 3 else 0
        counts = DayCounts(staged, duplicates, dead, filtered)
        opened = sealed - timedelta(seconds=random.uniform(20, 65))
        yield seal_of(event, sealed.date(), counts, offset, opened, sealed,
                      random.choice(REASONS))  # fmt: skip
        offset += counts.received


def seal_of(
    event: str,
    day: date,
    counts: DayCounts,
    first: int,
    opened: datetime,
    sealed: datetime,
    reason: str = "schema",
) -> Seal:
    """A seal of one day whose objects are nowhere."""
    id = str(ULID.from_datetime(opened))
    next = first + counts.received
    return Seal(
        id=id,
        event=event,
        version=1,
        worker="worker-0",
        sealed_at=sealed,
        config_sha="c0ffee",
        ranges=(Range(_tp(event), first, next, counts.received),),
        objects=tuple(
            StoredObject(day, kind, f"{event}/dt={day}/{id}.{kind}.gz", rows, rows * 90, "5ha", "e")
            for kind, rows in ((ObjectKind.ROWS, counts.rows), (ObjectKind.DEAD, counts.dead))
            if rows
        ),
        days={day: counts},
        dead_by_reason={reason: counts.dead} if counts.dead else {},
    )


def _loads(event: str, table: str, number: int, seals: list[Seal]) -> Iterator[DayLoad]:
    by_day: dict[date, list[Seal]] = {}
    for seal in seals:
        by_day.setdefault(next(iter(seal.days)), []).append(seal)
    for fence, (day, its) in enumerate(sorted(by_day.items()), 1):
        if number % 7 == 2 and day == max(by_day):
            its = its[: len(its) * 3 // 4]
        if its:
            staged = sum(seal.total("rows") for seal in its)
            loaded_at = its[-1].sealed_at + timedelta(seconds=40 + number % 30)
            run = str(ULID.from_datetime(loaded_at - timedelta(seconds=2 + number % 9)))
            ids = tuple(seal.id for seal in its)
            yield DayLoad(event, table, day, run, fence, ids, staged, staged - staged // 500,
                          loaded_at)  # fmt: skip


def _job_runs(event: str, now: datetime) -> Iterator[JobRun]:
    """One an hour; the fifth is tried again, the ninth fails."""
    for number in range(RUNS):
        began = now - timedelta(minutes=60 * (RUNS - number) - 7)
        failed = number == 8
        yield JobRun(
            id=str(ULID.from_datetime(began)),
            job="load",
            event=event,
            started_at=began,
            ended_at=began + timedelta(seconds=4 + number),
            outcome=JobOutcome.FAILED if failed else JobOutcome.DONE,
            tries=3 if failed else 2 if number == 4 else 1,
            instance="scheduler-0",
            did={} if failed else {"days": 1, "rows": 1_000 + number, "collapsed": 2},
            error="Transient" if failed else "",
            why="the warehouse is suspended" if failed else "",
        )


def _tp(event: str) -> str:
    return f"events.{event}.v1/0"
