"""What commands share: settings that find the running local stack, and the parts they name."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from app.assemble import contracts_of, opened_ledger, opened_objects, opened_warehouse
from app.contracts.load import Contracts
from app.core.errors import Fatal
from app.ledger.protocol import Ledger
from app.local.up import local_environment
from app.logs import set_up_logs
from app.settings import Settings, read_settings, secrets_of
from sinks.protocol import ObjectStore, Warehouse

DATA_DIR = Path(".forebay")
NAMED = {"LEDGER__URL", "KAFKA__BROKERS", "GATEWAY__PORT"}  # who sets one means other servers

DataDir = Annotated[
    Path, typer.Option("--data-dir", help="Where the local stack keeps its data.", metavar="DIR")
]


def settings_here(data_dir: Path = DATA_DIR) -> Settings:
    """Read the settings; what the environment leaves open is taken from a running local stack.

    Raises:
        Fatal: no stack runs in the folder that was asked for, and the environment names none.
    """
    environment = local_environment(data_dir)
    if environment is None and data_dir != DATA_DIR and not os.environ.keys() & NAMED:
        raise Fatal(
            f"No local stack runs in {data_dir}: start it by `forebay up --data-dir {data_dir}`, "
            "or leave --data-dir out"
        )
    for name, value in (environment or {}).items():
        os.environ.setdefault(name, value)
    settings = read_settings()
    set_up_logs("WARNING", "text", secrets=secrets_of(settings))
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
