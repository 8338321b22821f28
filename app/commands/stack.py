"""`forebay up` and `forebay down`: the local stack and the three roles."""

import asyncio

import typer

from app.commands.context import DATA_DIR, DataDir
from app.commands.output import console
from app.local import up as local
from app.logs import set_up_logs


def up(data_dir: DataDir = DATA_DIR) -> None:
    """Start Kafka, S3, Redis and the three roles on this machine, and keep them running.

    Needs neither Docker nor Java. Ctrl-C stops everything; the data stays in the data directory
    for the next time.
    """
    set_up_logs("INFO", "text")
    asyncio.run(local.up(data_dir))


def down(data_dir: DataDir = DATA_DIR) -> None:
    """Stop what `forebay up` started in another terminal. The data stays.

    Exit code 1: a role did not stop cleanly. What it had begun is done again at the next start.
    """
    found = local.down(data_dir)
    console().print("Stopped." if found.ran else f"Nothing is running in {data_dir}.")
    for role, how in found.broke.items():
        console().print(
            f"{role} did not stop cleanly ({how}): see {data_dir / 'log' / role}.log. Nothing is "
            "lost: what it had begun is done again at the next start."
        )
    if found.broke:
        raise typer.Exit(1)
