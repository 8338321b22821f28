"""`forebay runs`: the history of loads and other jobs."""

import asyncio
import dataclasses
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

import typer

from app.commands.context import DATA_DIR, DataDir, settings_here
from app.commands.output import AsJson, console, listing, print_json
from app.core.job_run import JobOutcome, JobRun
from app.settings import Settings

SHOWN_REASONS = 30


def runs(
    job: Annotated[str | None, typer.Option("--job", help="One job: load, janitor, …")] = None,
    event: Annotated[str | None, typer.Option("--type", help="One event type.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that failed.")] = False,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
            help="Begun then (UTC) or later.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("-n", min=1, help="So many at most.")] = 50,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """List what the scheduler did: loads and other jobs, how long they took, how they ended.

    The last run comes first. Kept for `JANITOR__KEEP_RUNS_DAYS`. A run that was killed is not in
    it: nothing of it stands, and the next one did its work.
    """
    moment = since.replace(tzinfo=UTC) if since else None
    outcome = JobOutcome.FAILED if failed else None
    found = asyncio.run(
        _runs(settings_here(data_dir), limit, job=job, event=event, outcome=outcome, since=moment)
    )
    if as_json:
        print_json([as_json_of(run) for run in found])
        return
    _show(found)


async def _runs(settings: Settings, limit: int, **which: Any) -> list[JobRun]:
    from app.assemble import opened_ledger

    found: list[JobRun] = []
    async with opened_ledger(settings) as ledger:
        async for run in ledger.job_runs(**which):
            found.append(run)
            if len(found) == limit:
                break
    return found


def _show(found: list[JobRun]) -> None:
    table = listing("began (UTC)", "job", "type", "outcome", "took", "tries", "did", names=4)
    for run in found:
        did = ", ".join(f"{count:,} {what}" for what, count in run.did.items())
        table.add_row(
            f"{run.started_at:%Y-%m-%d %H:%M:%S}",
            run.job,
            run.event or "–",
            str(run.outcome),
            f"{run.took.total_seconds():.1f} s",
            f"{run.tries}",
            did or "–",
        )
    console().print(table)
    for run in islice((run for run in found if run.why), SHOWN_REASONS):
        error = f"{run.error}: " if run.error else ""
        console().print(
            f"{run.id} {run.job} {run.event} on {run.instance}: {error}{run.why}",
            soft_wrap=True,
            markup=False,
        )
    counts = Counter(str(run.outcome) for run in found)
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(counts.items()))
    console().print(f"{len(found):,} runs: {told}." if found else "No runs.")


def as_json_of(run: JobRun) -> dict[str, Any]:
    """For machines: all that is kept; spans in seconds."""
    return {**dataclasses.asdict(run), "seconds": run.took.total_seconds()}
