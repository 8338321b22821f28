"""`forebay pause`, `resume`, `runs` and `janitor`, as a user calls them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ulid import ULID

from app.core.job_run import JobOutcome, JobRun
from app.ledger.open import open_ledger
from app.ledger.options import LedgerOptions
from app.ledger.protocol import Ledger
from sinks.s3.options import S3Options
from tests.commands.test_cli import empty, forebay

SALE = ("--type", "order_placed")
NOW = datetime.now(UTC)


def with_ledger(folder: Path, work: Callable[[Ledger], Awaitable[Any]]) -> Any:
    async def do() -> Any:
        ledger = await open_ledger(LedgerOptions(url=empty(folder)["LEDGER__URL"]))
        try:
            return await work(ledger)
        finally:
            await ledger.close()

    return asyncio.run(do())


def answer(folder: Path, *words: str, code: int = 0, **variables: str) -> Any:
    done = forebay(*words, "--json", **empty(folder), **variables)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_a_pause_is_made_told_and_ended(tmp_path: Path) -> None:
    made = answer(tmp_path, "pause", *SALE, "--what", "load", "--why", "the table moves")
    assert [(p["event"], p["what"], p["by"], p["why"]) for p in made] == [
        ("order_placed", "load", "operator", "the table moves")
    ]
    both = answer(tmp_path, "pause", *SALE, "--why", "later said")
    assert [(p["what"], p["why"]) for p in both] == [
        ("consume", "later said"),
        ("load", "the table moves"),
    ]
    again = forebay("pause", *SALE, "--why", "once more", **empty(tmp_path))
    assert again.stdout.count("it was paused already") == 2
    ended = answer(tmp_path, "resume", *SALE)
    assert [p["what"] for p in ended] == ["consume", "load"]
    assert answer(tmp_path, "resume", *SALE, code=1) == []
    kept = answer(tmp_path, "runs", "--job", "pause")
    assert sorted((run["event"], run["why"]) for run in kept) == [
        ("order_placed", "consume paused by operator: later said"),
        ("order_placed", "load paused by operator: the table moves"),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--type", "order_placd", "--why", "x"], "did you mean order_placed?"),
        ([*SALE, "--why", " "], "--why is empty"),
    ],
)
def test_a_pause_that_would_pause_nothing_is_refused(
    words: list[str], said: str, tmp_path: Path
) -> None:
    done = forebay("pause", *words, **empty(tmp_path))
    assert done.returncode == 2
    assert said in done.stderr
    assert with_ledger(tmp_path, lambda ledger: ledger.pauses()) == []


def run(hours_ago: float, **more: Any) -> JobRun:
    at = NOW - timedelta(hours=hours_ago)
    given: dict[str, Any] = {
        "id": str(ULID.from_datetime(at)), "job": "load", "event": "order_placed",
        "started_at": at, "ended_at": at + timedelta(seconds=3), "outcome": JobOutcome.DONE,
        "tries": 1, "instance": "one", "did": {"days": 2, "rows": 1_000},
    }  # fmt: skip
    return JobRun(**{**given, **more})


@pytest.fixture
def runs(tmp_path: Path) -> list[JobRun]:
    """The last one first."""
    made = [
        run(1),
        run(2, event="page_opened", outcome=JobOutcome.FAILED, tries=3, did={},
            error="Transient", why="the warehouse [ETL] is suspended"),
        run(30, job="janitor", event="", did={"objects": 4}),
    ]  # fmt: skip

    async def keep(ledger: Ledger) -> None:
        for one in made:
            await ledger.record_job_run(one)

    with_ledger(tmp_path, keep)
    return made


def test_the_history_is_told_the_last_run_first_and_each_filter_holds(
    runs: list[JobRun], tmp_path: Path
) -> None:
    def ids(*words: str) -> list[str]:
        return [one["id"] for one in answer(tmp_path, "runs", *words)]

    last, failed, janitor = (one.id for one in runs)
    assert ids() == [last, failed, janitor]
    assert ids("--job", "janitor") == [janitor]
    assert ids("--type", "page_opened") == ids("--failed") == [failed]
    assert ids("--since", f"{NOW - timedelta(hours=5):%Y-%m-%dT%H:%M}") == [last, failed]
    assert ids("-n", "1") == [last]
    first = answer(tmp_path, "runs")[0]
    assert (first["seconds"], first["did"]) == (3.0, {"days": 2, "rows": 1_000})


def test_the_history_reads_well(runs: list[JobRun], tmp_path: Path) -> None:
    said = forebay("runs", **empty(tmp_path)).stdout
    assert "Transient: the warehouse [ETL] is suspended" in said
    assert "1,000 rows" in said
    assert "3 runs: 2 done, 1 failed." in said


def test_the_janitor_lists_first_and_is_in_the_history_when_it_went(
    s3: S3Options, unique: str, tmp_path: Path
) -> None:
    bucket = {
        "S3__ENDPOINT_URL": s3.endpoint_url, "S3__REGION": s3.region, "S3__BUCKET": s3.bucket,
        "S3__PREFIX": unique, "S3__ACCESS_KEY_ID": s3.access_key_id,
        "S3__SECRET_ACCESS_KEY": s3.secret_access_key.get_secret_value(),
    }  # fmt: skip

    async def keep(ledger: Ledger) -> None:
        await ledger.record_job_run(run(24 * 40))

    with_ledger(tmp_path, keep)
    listed = answer(tmp_path, "janitor", **bucket)
    assert listed["removed"] is False
    assert {kind: pile["count"] for kind, pile in listed["found"].items()} == {
        "objects": 0, "uploads": 0, "files": 0, "runs": 1, "seals": 0,
        "letters": 0,
    }  # fmt: skip
    assert len(answer(tmp_path, "runs")) == 1
    said = forebay("janitor", "--go", **empty(tmp_path), **bucket).stdout
    assert "runs in the history of jobs" in said
    assert "Removed." in said
    (recorded,) = answer(tmp_path, "runs")
    assert (recorded["job"], recorded["outcome"]) == ("janitor", "done")
    assert recorded["did"]["runs"] == 1
