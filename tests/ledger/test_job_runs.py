"""The history of jobs, what is done of their schedules, and the objects that seals name."""

import sqlite3
from datetime import timedelta
from typing import Any

from app.core.job_run import JobOutcome, JobRun
from app.core.seal import DayCounts
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Ledger
from app.ledger.sqlite_schema import VERSION
from tests.ledger.examples import EVENT, MONDAY, NOON, TP, TUESDAY, new_id, seal, span, start


def run(minute: int = 0, **more: Any) -> JobRun:
    began = NOON + timedelta(minutes=minute)
    given: dict[str, Any] = {
        "id": new_id(began),
        "job": "load",
        "event": EVENT,
        "started_at": began,
        "ended_at": began + timedelta(seconds=2.5),
        "outcome": JobOutcome.DONE,
        "tries": 1,
        "instance": "scheduler-1",
        "did": {"days": 2, "rows": 10**12},
    }
    return JobRun(**{**given, **more})


async def all_of(ledger: Ledger, **which: Any) -> list[JobRun]:
    return [found async for found in ledger.job_runs(**which)]


async def test_a_run_is_read_back_as_it_was_recorded_by_every_reader(
    ledger: Ledger, other: Ledger
) -> None:
    assert await all_of(other) == []
    failed = run(
        1,
        event="",
        job="janitor",
        outcome=JobOutcome.FAILED,
        tries=3,
        did={},
        error="Transient",
        why="S3: list: SlowDown",
        tick=NOON,
    )
    for one in (run(0), failed):
        await ledger.record_job_run(one)
        await other.record_job_run(one)  # the answer was lost: it is recorded again
    assert [found.job for found in await all_of(other)] == ["janitor", "load"]
    assert (await all_of(other))[0] == failed
    assert failed.took == timedelta(seconds=2.5)


async def test_runs_are_walked_newest_first_page_by_page_and_each_filter_holds(
    ledger: Ledger,
) -> None:
    runs = [
        run(
            n,
            event=EVENT if n % 2 else "page_seen",
            job="load" if n % 3 else "janitor",
            outcome=JobOutcome.DONE if n % 5 else JobOutcome.FAILED,
        )
        for n in range(450)
    ]
    for one in runs:
        await ledger.record_job_run(one)
    runs.reverse()
    assert await all_of(ledger) == runs
    assert await all_of(ledger, event=EVENT) == [one for one in runs if one.event == EVENT]
    assert await all_of(ledger, job="janitor", outcome=JobOutcome.FAILED) == [
        one for one in runs if one.job == "janitor" and one.outcome is JobOutcome.FAILED
    ]
    since, before = NOON + timedelta(minutes=10), NOON + timedelta(minutes=20)
    assert await all_of(ledger, since=since, before=before) == [
        one for one in runs if since <= one.started_at < before
    ]
    assert await all_of(ledger, event="nobody") == []


async def test_runs_before_a_moment_are_forgotten_and_counted(
    ledger: Ledger, other: Ledger
) -> None:
    assert await ledger.forget_job_runs(NOON) == 0
    for minute in range(5):
        await ledger.record_job_run(run(minute))
    assert await ledger.forget_job_runs(NOON + timedelta(minutes=3)) == 3
    assert [one.started_at for one in await all_of(other)] == [
        NOON + timedelta(minutes=minute) for minute in (4, 3)
    ]


async def test_what_was_said_last_of_a_jobs_schedule_stays(ledger: Ledger, other: Ledger) -> None:
    assert await other.ticks() == {}
    await ledger.record_tick("janitor", NOON + timedelta(days=900))  # by a clock that was wrong
    await other.record_tick("janitor", NOON)
    await other.record_tick("load:order_placed", NOON + timedelta(microseconds=1))
    assert await ledger.ticks() == {
        "janitor": NOON,
        "load:order_placed": NOON + timedelta(microseconds=1),
    }


async def test_the_objects_that_seals_name_are_found_by_the_seals_ids(
    ledger: Ledger, other: Ledger
) -> None:
    await ledger.start_chains([start(TP)])
    one = seal(span(0, 5), days={MONDAY: DayCounts(staged=3, dead=2)})
    two = seal(span(5, 9), days={TUESDAY: DayCounts(staged=4)})
    empty = seal(span(9, 10), days={TUESDAY: DayCounts(duplicates=1)})
    for each in (one, two, empty):
        await ledger.record(each)
    assert set(await other.named([one.id, empty.id, new_id()])) == {o.key for o in one.objects}
    everything = set(await other.named([one.id, two.id]))
    assert everything == {stored.key for each in (one, two) for stored in each.objects}
    assert len(everything) == 3
    assert set(await other.named([])) == set()


async def test_no_digest_and_no_partition_sees_runs_and_ticks(ledger: Ledger) -> None:
    await ledger.start_chains([start(TP)])
    before = await ledger.digests()
    await ledger.record_job_run(run())
    await ledger.record_tick("janitor", NOON)
    assert await ledger.digests() == before
    assert await ledger.partitions() == {EVENT: [TP]}


async def test_a_file_of_an_older_version_takes_runs(sqlite_options: LedgerOptions) -> None:
    ledger = await open_ledger(sqlite_options)
    await ledger.record_job_run(run())
    assert len(await all_of(ledger)) == 1
    await ledger.close()
    with sqlite3.connect(sqlite_options.url.removeprefix("sqlite:///")) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)  # no new format for it
    db.close()
