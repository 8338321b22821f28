"""What commands share: settings that find the running local stack, and how results are printed."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from app.assemble import contracts_of, opened_ledger, opened_objects, opened_warehouse
from app.contracts.load import Contracts
from app.ledger.protocol import Ledger
from app.local.up import local_environment
from app.logs import set_up_logs
from app.settings import Settings, read_settings
from sinks.protocol import ObjectStore, Warehouse

DATA_DIR = Path(".forebay")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
DataDir = Annotated[
    Path, typer.Option("--data-dir", help="Where the local stack keeps its data.", metavar="DIR")
]


def settings_here(data_dir: Path = DATA_DIR) -> Settings:
    """Read the settings; what the environment leaves open is taken from a running local stack."""
    for name, value in (local_environment(data_dir) or {}).items():
        os.environ.setdefault(name, value)
    settings = read_settings()
    set_up_logs("WARNING", "text")
    return settings


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a command may look at."""

    settings: Settings
    contracts: Contracts
    ledger: Ledger
    objects: ObjectStore
    warehouse: Warehouse


@asynccontextmanager
async def opened_parts(settings: Settings) -> AsyncIterator[Parts]:
    """Open ledger, bucket and warehouse for the length of a command."""
    contracts = contracts_of(settings)
    async with (
        opened_ledger(settings) as ledger,
        opened_objects(settings) as objects,
        opened_warehouse(settings, objects) as warehouse,
    ):
        yield Parts(settings, contracts, ledger, objects, warehouse)


def console() -> Console:
    """For people; colours only on a terminal."""
    return Console(highlight=False)


def listing(*columns: str, names: int = 1, title: str | None = None) -> Table:
    """A table for a terminal of 80 columns: the first `names` columns stay on one line, the
    numbers after them stand to the right, and nothing is cut."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE,
        pad_edge=False,
        collapse_padding=True,
    )
    for index, column in enumerate(columns):
        if index < names:
            table.add_column(column, no_wrap=True)
        else:
            table.add_column(column, justify="right", overflow="fold")
    return table


def print_json(value: Any) -> None:
    """For machines: one JSON document on standard output."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str))
