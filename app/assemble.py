"""From settings to opened parts; the only place that knows which implementation was chosen."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from app.contracts.compile import compile_contract
from app.contracts.load import Contracts, load_contracts
from app.contracts.table import Table
from app.core.errors import Fatal
from app.core.judge import EventType
from app.core.kill_points import passing
from app.ledger.open import ledger_at, open_ledger
from app.ledger.protocol import Ledger
from app.settings import Settings
from sinks.protocol import ObjectStore, Warehouse

if TYPE_CHECKING:
    from app.console.data import Stores

NO_DUCKDB = (
    "WAREHOUSE=duckdb, but DuckDB is not installed here: set WAREHOUSE=snowflake, or use an image"
    " that has it (target duckdb or machine), or pip install 'forebay[duckdb]'"
)


def contracts_of(settings: Settings) -> Contracts:
    """Read the topic files. Raises `Fatal` with everything that is wrong with them."""
    return load_contracts(settings.topics_dir)


def kinds_of(settings: Settings, contracts: Contracts) -> Mapping[str, EventType]:
    """Compile the contracts, by event name."""
    key = settings.pii_key.get_secret_value().encode() or None
    return {contract.event: compile_contract(contract, key) for contract in contracts.values()}


def tables_of(contracts: Contracts) -> Mapping[str, Table]:
    """The warehouse table of each event type."""
    return {contract.event: contract.table for contract in contracts.values()}


@asynccontextmanager
async def opened_ledger(settings: Settings, *, at_once: bool = True) -> AsyncIterator[Ledger]:
    """The ledger of `LEDGER__URL`. Not `at_once`: its first `ping` opens it, for who can wait."""
    ledger = await open_ledger(settings.ledger) if at_once else ledger_at(settings.ledger)
    try:
        yield ledger
    finally:
        await ledger.close()


@asynccontextmanager
async def opened_objects(settings: Settings) -> AsyncIterator[ObjectStore]:
    """The bucket of `S3__…`."""
    from sinks.s3.store import S3ObjectStore

    store = S3ObjectStore(settings.s3)
    try:
        yield store
    finally:
        await store.close()


def _duckdb(settings: Settings, objects: ObjectStore) -> Warehouse:
    try:
        from sinks.duckdb.warehouse import DuckDBWarehouse
    except ModuleNotFoundError as error:
        if error.name != "duckdb":
            raise
        raise Fatal(NO_DUCKDB) from error
    return DuckDBWarehouse(settings.duckdb, objects, at=passing)


def _snowflake(settings: Settings, objects: ObjectStore) -> Warehouse:
    from sinks.snowflake.warehouse import SnowflakeWarehouse

    return SnowflakeWarehouse(settings.snowflake, objects, settings.s3.location, at=passing)


WAREHOUSES: Mapping[str, Callable[[Settings, ObjectStore], Warehouse]] = {
    "duckdb": _duckdb,
    "snowflake": _snowflake,
}


@asynccontextmanager
async def opened_warehouse(settings: Settings, objects: ObjectStore) -> AsyncIterator[Warehouse]:
    """The warehouse of `WAREHOUSE`. Raises `Fatal` if what it takes is not installed."""
    warehouse = WAREHOUSES[settings.warehouse](settings, objects)
    try:
        yield warehouse
    finally:
        await warehouse.close()


def stores_of(
    settings: Settings, ledger: Ledger, objects: ObjectStore, warehouse: Warehouse
) -> "Stores":
    """What the console asks."""
    from app.console.data import Stores

    pii_key = settings.pii_key.get_secret_value().encode() or None
    return Stores(ledger, objects, warehouse, settings.kafka, settings.worker.app_id, pii_key)
