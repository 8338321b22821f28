"""Where the time goes: a flame graph of one of our roles under the bench's load, by py-spy.

`python -m tests.bench.profile gateway|worker`. The role is a child of py-spy, so that no rights
are needed besides our own; its start is in the picture as well. It is not stopped for each look:
on a busy machine it would hardly get on, for some torn stacks in the picture.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import psutil
import typer
from loguru import logger

from app.local.role import LocalRole
from tests.bench.events import names, resent
from tests.bench.fill import fill_topics
from tests.bench.gateway import BATCH, TYPES
from tests.bench.ground import Ground, opened_ground
from tests.bench.load import Job, sent
from tests.bench.worker import Course, until_sealed, with_ledger

FOLDER = Path(".forebay")
SPY = ("py-spy", "record", "--rate", "100", "--nonblocking", "--function", "--output")


def main(
    role: Annotated[Literal["gateway", "worker"], typer.Argument(help="Whom to look at.")],
    requests: Annotated[int, typer.Option(help="To the gateway, of 100 events each.")] = 3_000,
    events: Annotated[int, typer.Option(help="For the worker, on 4 partitions.")] = 400_000,
) -> None:
    """Write .forebay/profile-ROLE.svg: a flame graph of the role under the bench's load."""
    logger.disable("app")
    FOLDER.mkdir(exist_ok=True)
    picture = FOLDER.absolute() / f"profile-{role}.svg"
    with tempfile.TemporaryDirectory(prefix="profile-") as folder:
        asyncio.run(_profile(Path(folder), role, picture, requests, events))
    typer.echo(f"written: {picture}")


async def _profile(folder: Path, role: str, picture: Path, requests: int, events: int) -> None:
    async with opened_ground(folder) as ground:
        if role == "gateway":
            await gateway(ground, picture, requests)
        else:
            await worker(ground, picture, events)


async def gateway(ground: Ground, picture: Path, requests: int) -> None:
    """Watch a gateway that gets batches of 100."""
    events = names(TYPES, "seen")
    spied = spied_on(ground.role("gateway", "seen", await ground.topics("seen", events)), picture)
    try:
        await spied.start()
        await sent(Job(spied.url, tuple(events), requests, BATCH))
        await end(spied)
    finally:
        spied.kill()


async def worker(ground: Ground, picture: Path, count: int) -> None:
    """Watch a worker that reads two topics to their end."""
    events = names(2, "seen")
    topics = await ground.topics("seen", events)
    await fill_topics(ground, events, resent(count))
    spied = spied_on(ground.role("worker", "seen", topics, SEAL__MAX_AGE_SECONDS="10"), picture)
    try:
        await spied.start()
        async with with_ledger(spied) as ledger:
            await until_sealed(ground, Course(tuple(events), count, 0), spied, ledger)
        await end(spied)
    finally:
        spied.kill()


def spied_on(role: LocalRole, picture: Path) -> LocalRole:
    """The same role, below py-spy."""
    role.command = [*SPY, str(picture), "--", *role.command]
    return role


async def end(spied: LocalRole) -> None:
    """End the role alone; py-spy then draws what it saw."""
    for child in psutil.Process(spied.pid).children():
        child.terminate()
    async with asyncio.timeout(60):
        await spied.wait()


if __name__ == "__main__":
    typer.run(main)
