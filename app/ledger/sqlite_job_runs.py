"""Runs of jobs and ticks of schedules in SQLite. Functions of a connection.

Files that were made before there were these tables get them with the first run.
"""

import json
from datetime import datetime
from sqlite3 import Connection, Row
from typing import Any

from app.core.job_run import JobOutcome, JobRun
from app.ledger.document import time_text

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS job_runs (
        id TEXT PRIMARY KEY,
        job TEXT NOT NULL,
        event TEXT NOT NULL,                  -- empty: of no type
        started_at TEXT NOT NULL,
        ended_at TEXT NOT NULL,
        outcome TEXT NOT NULL,
        tries INTEGER NOT NULL,
        instance TEXT NOT NULL,
        did TEXT NOT NULL,                    -- a JSON object of counts
        error TEXT NOT NULL,
        why TEXT NOT NULL,
        tick TEXT                             -- NULL: of no schedule
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS job_runs_by_job ON job_runs (job, id)",
    "CREATE INDEX IF NOT EXISTS job_runs_by_event ON job_runs (event, id)",
    "CREATE INDEX IF NOT EXISTS job_runs_by_outcome ON job_runs (outcome, id)",
    "CREATE TABLE IF NOT EXISTS ticks (job TEXT PRIMARY KEY, tick TEXT NOT NULL) WITHOUT ROWID",
)
CONDITIONS = {
    "job": "job = :job",
    "event": "event = :event",
    "outcome": "outcome = :outcome",
    "since": "started_at >= :since",
    "before": "started_at < :before",
    "beyond": "id < :beyond",
}


def append(db: Connection, run: JobRun) -> None:
    _prepare(db)
    db.execute(
        "INSERT OR IGNORE INTO job_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (run.id, run.job, run.event, time_text(run.started_at), time_text(run.ended_at),
         run.outcome.value, run.tries, run.instance, json.dumps(dict(run.did)), run.error, run.why,
         None if run.tick is None else time_text(run.tick)),
    )  # fmt: skip


def page(db: Connection, wanted: dict[str, Any], limit: int) -> list[JobRun]:
    """The last ones by id that fit; `wanted` by the names of `CONDITIONS`, None: whatever."""
    if not _is_there(db, "job_runs"):
        return []
    given = {name: value for name, value in wanted.items() if value is not None}
    where = " AND ".join(CONDITIONS[name] for name in given) or "TRUE"
    rows = db.execute(
        f"SELECT * FROM job_runs WHERE {where} ORDER BY id DESC LIMIT :limit",
        given | {"limit": limit},
    )
    return [_run(row) for row in rows]


def forget(db: Connection, before: datetime) -> int:
    if not _is_there(db, "job_runs"):
        return 0
    done = db.execute("DELETE FROM job_runs WHERE started_at < ?", (time_text(before),))
    return done.rowcount


def keep_tick(db: Connection, job: str, tick: datetime) -> None:
    _prepare(db)
    db.execute("INSERT OR REPLACE INTO ticks VALUES (?, ?)", (job, time_text(tick)))


def find_ticks(db: Connection) -> dict[str, datetime]:
    if not _is_there(db, "ticks"):
        return {}
    rows = db.execute("SELECT * FROM ticks")
    return {row["job"]: datetime.fromisoformat(row["tick"]) for row in rows}


def _prepare(db: Connection) -> None:
    for statement in SCHEMA:
        db.execute(statement)


def _is_there(db: Connection, table: str) -> bool:
    found = db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,))
    return found.fetchone() is not None


def _run(row: Row) -> JobRun:
    return JobRun(
        id=row["id"],
        job=row["job"],
        event=row["event"],
        started_at=datetime.fromisoformat(row["started_at"]),
        ended_at=datetime.fromisoformat(row["ended_at"]),
        outcome=JobOutcome(row["outcome"]),
        tries=row["tries"],
        instance=row["instance"],
        did=json.loads(row["did"]),
        error=row["error"],
        why=row["why"],
        tick=None if row["tick"] is None else datetime.fromisoformat(row["tick"]),
    )
