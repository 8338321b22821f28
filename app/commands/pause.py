"""`forebay pause` and `forebay resume`: a type stands still without a deploy."""

import asyncio
import dataclasses
import socket
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from ulid import ULID

from app.commands.context import DATA_DIR, DataDir, settings_here
from app.commands.output import AsJson, console, print_json
from app.core.errors import Fatal
from app.core.job_run import JobOutcome, JobRun
from app.core.pause import Activity, Pause, PausedBy
from app.ledger.protocol import Ledger


class What(StrEnum):
    """What `--what` takes."""

    CONSUME = "consume"
    LOAD = "load"
    BOTH = "both"

    @property
    def activities(self) -> Sequence[Activity]:
        return list(Activity) if self is What.BOTH else [Activity(self.value)]


Type = Annotated[str, typer.Option("--type", help="The event type.")]


def pause(
    event: Type,
    why: Annotated[str, typer.Option("--why", help="For whoever wonders tonight.")],
    what: Annotated[
        What, typer.Option("--what", help="Reading its topic, loading its table, or both.")
    ] = What.BOTH,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Have workers leave a type alone, or schedulers, or both, without a deploy.

    Within seconds all workers leave its topic alone (consume), all schedulers its table (load),
    until `forebay resume`: over restarts and deploys.

    What a worker holds of it is still sealed. The gateway goes on accepting its events, and Kafka
    keeps them for `kafka.retention_days`: what is not read within that time is lost.
    """
    if not why.strip():
        raise Fatal("--why is empty: say for whom and until when")
    now = datetime.now(UTC)

    async def keep(ledger: Ledger) -> list[Pause]:
        said = [Pause(event, one, why.strip(), PausedBy.OPERATOR, now) for one in what.activities]
        return [await ledger.pause(one) for one in said]

    kept = _in_ledger(event, data_dir, keep)
    if as_json:
        print_json([dataclasses.asdict(one) for one in kept])
        return
    for one in kept:
        already = "" if one.at == now else " (it was paused already)"
        console().print(f"{one}: {one.why}{already}", soft_wrap=True, markup=False)


def resume(
    event: Type,
    what: Annotated[What, typer.Option("--what", help="What to resume.")] = What.BOTH,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """End a pause: within seconds the type goes on where it stood.

    Whoever made it, an operator or the circuit breaker: `forebay runs --job pause` keeps it.
    Exit code 1: nothing of it was paused.
    """

    async def end(ledger: Ledger) -> list[Pause]:
        found = [await ledger.resume(event, one) for one in what.activities]
        ended = [one for one in found if one is not None]
        for one in ended:
            await ledger.record_job_run(_in_history(one))
        return ended

    ended = _in_ledger(event, data_dir, end, must_exist=False)
    if as_json:
        print_json([dataclasses.asdict(one) for one in ended])
    else:
        for one in ended:
            console().print(f"resumed: {one}: {one.why}", soft_wrap=True, markup=False)
        if not ended:
            console().print(f"{event}: nothing was paused.")
    raise typer.Exit(int(not ended))


def _in_history(ended: Pause) -> JobRun:
    """How long it stood still, and why: the ledger keeps no pause that is over."""
    return JobRun(
        id=str(ULID()),
        job="pause",
        event=ended.event,
        started_at=ended.at,
        ended_at=datetime.now(UTC),
        outcome=JobOutcome.DONE,
        tries=1,
        instance=f"resumed on {socket.gethostname()}",
        why=f"{ended.what} paused by {ended.by}: {ended.why}",
    )


def _in_ledger(
    event: str,
    data_dir: Any,
    work: Callable[[Ledger], Coroutine[Any, Any, list[Pause]]],
    *,
    must_exist: bool = True,
) -> list[Pause]:
    """`must_exist`: of a type without a topic file nothing can be paused, and it is misspelt."""
    from app.assemble import contracts_of, opened_ledger

    settings = settings_here(data_dir)
    if must_exist:
        contracts_of(settings).chosen([event])

    async def open_and_work() -> list[Pause]:
        async with opened_ledger(settings) as ledger:
            return await work(ledger)

    return asyncio.run(open_and_work())
