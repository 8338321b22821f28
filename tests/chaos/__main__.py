"""`make chaos MINUTES=5 SEED=1`: break everything at random, and audit."""

import asyncio
import logging
import shutil
import tempfile
import time
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Annotated

import typer

from tests.chaos.report import markdown, text
from tests.chaos.run import Outcome, run
from tests.chaos.world import World
from tests.house.house import LedgerKind, WarehouseKind

LINE_EVERY_SECONDS = 15.0
WHICH = "With SQLite and DuckDB, with MongoDB and the stand-in for Snowflake, or both in turn."
HOUSES: dict[str, tuple[LedgerKind, WarehouseKind]] = {
    "sqlite": ("sqlite", "duckdb"),
    "mongo": ("mongo", "snowflake"),
}


class Which(StrEnum):
    """Of the houses."""

    SQLITE = "sqlite"
    MONGO = "mongo"
    BOTH = "both"


class Lines:
    """A line of progress now and then."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, world: World) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LINE_EVERY_SECONDS
        ready = sum(kept.url is not None for kept in world.kept)
        typer.echo(
            f"{time.monotonic() - world.began:6.0f} s: {world.load.events:,} events acknowledged, "
            f"{world.kills} kills, {world.injected.total()} other faults; {ready} of "
            f"{len(world.kept)} roles ready; broken now: {', '.join(sorted(world.broken)) or '-'}"
        )


def main(
    minutes: Annotated[float, typer.Option(help="Of breaking, in each run; then peace.")] = 5,
    seed: Annotated[int, typer.Option(help="Decides the faults and their order.")] = 1,
    runs: Annotated[int, typer.Option(help="With each ledger; the seeds count up.")] = 1,
    kills: Annotated[int, typer.Option(help="Go on until so many roles were killed.")] = 0,
    rate: Annotated[float, typer.Option(help="Events per second and way.")] = 250,
    ledger: Annotated[Which, typer.Option(help=WHICH)] = Which.BOTH,
    report: Annotated[Path | None, typer.Option(help="Write a page about it here.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep logs and data in this folder.")] = None,
) -> None:
    """Break servers, networks and roles at random, heal them, and see that nothing is lost.

    Ends with 0 if every acknowledged event stands in the warehouse once, the audit balances, and
    every role leaves in order.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # our load's: it has much to say
    names = list(HOUSES) if ledger is Which.BOTH else [str(ledger)]
    folder = keep or Path(tempfile.mkdtemp(prefix="chaos-"))
    outcomes: list[Outcome] = []
    for chosen, name in product(range(seed, seed + runs), names):
        kind, warehouse = HOUSES[name]
        place = folder / f"{chosen}-{name}"
        typer.echo(f"== seed {chosen}, {kind}, {warehouse}; logs in {place}")
        outcome = asyncio.run(
            run(chosen, place, seconds=minutes * 60, kills=kills, ledger=kind,
                warehouse=warehouse, rate=rate, progress=Lines())
        )  # fmt: skip
        typer.echo(text(outcome))
        outcomes.append(outcome)
        if report is not None:  # after each, for the next may take long
            report.write_text(markdown(outcomes))
        if outcome.holds and keep is None:
            shutil.rmtree(place)
    raise typer.Exit(0 if all(outcome.holds for outcome in outcomes) else 1)


if __name__ == "__main__":
    typer.run(main)
