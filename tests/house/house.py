"""A house: servers behind proxies, roles that reach them only through these, and the CLI."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from app.local.ports import free_port
from app.local.role import LocalRole
from tests.house.kafka_network import KafkaNetwork
from tests.house.proxy import Proxy
from tests.house.sales import Sales
from tests.house.servers import Servers
from tests.sinks.snowflake_stand_in import ACCOUNT, USER

LedgerKind = Literal["sqlite", "mongo"]
WarehouseKind = Literal["duckdb", "snowflake"]
PROJECT = Path(__file__).parents[2]


@dataclass
class Networks:
    """The way from the roles to each server."""

    kafka: KafkaNetwork
    s3: Proxy
    redis: Proxy
    mongo: Proxy
    snowflake: Proxy

    @property
    def all(self) -> list[Proxy]:
        return [self.kafka, self.s3, self.redis, self.mongo, self.snowflake]

    def heal(self) -> None:
        for proxy in self.all:
            proxy.heal()


@dataclass
class House:
    """`environment` is what the roles get: every server behind its proxy in `networks`.

    Commands (`forebay`) get the same; they are for times when the networks are healthy.
    """

    name: str
    folder: Path
    servers: Servers
    networks: Networks
    sales: Sequence[Sales]
    ledger: LedgerKind
    warehouse: WarehouseKind
    environment: dict[str, str] = field(default_factory=dict)
    roles: list[LocalRole] = field(default_factory=list)

    def role(
        self, role: str, number: int = 1, *, crash_at: str = "", **environment: str
    ) -> LocalRole:
        """A role to start; `number` tells several of a kind apart, each has its own disk.

        `crash_at` is one of the kill points; `environment` is added to the house's.
        """
        own = {}
        if role != "gateway":
            own[f"{role.upper()}__DATA_DIR"] = str(self.data_dir(role, number))
        if crash_at:
            own["CRASH_AT"] = crash_at
        made = LocalRole(
            role,
            free_port(),
            {**self.environment, **own, **environment},
            log_file=self.folder / f"{role}-{number}.log",
            start_seconds=120,
        )
        self.roles.append(made)
        return made

    def said(self) -> str:
        """How each role was doing in the end, for the message of a test that failed."""
        return "\n".join(
            f"{role.name}, exit code {role.exit_code}:\n  " + "\n  ".join(role.last_lines())
            for role in self.roles
        )

    def data_dir(self, role: str, number: int = 1) -> Path:
        return self.folder / f"{role}-{number}"

    async def command(self, *words: str) -> tuple[int, str, str]:
        """Call a command as a user does: its exit code and what it said, out and err.

        What it keeps for the next time, as the audit does, it keeps in the house's folder.
        """
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "app.cli", *words],
            env={**os.environ, **self.environment, "PYTHONPATH": str(PROJECT)},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    async def forebay(self, *words: str, codes: Sequence[int] = (0,)) -> Any:
        """Call a command with `--json`, and read what it prints."""
        code, out, err = await self.command(*words, "--json")
        assert code in codes, f"{code}: {out}{err}"
        assert out, err
        return json.loads(out)

    async def audit(self, *words: str) -> Any:
        """The report of `forebay audit`, balanced or not."""
        memory = str(self.folder / "audit.db")
        return await self.forebay("audit", "--memory", memory, *words, codes=(0, 1))

    async def settled(self, seconds: float = 120) -> None:
        """Wait until every record is sealed and every day that waited is loaded.

        A worker, a scheduler and all servers must be there.
        """

        async def nothing_waits() -> bool:
            totals = (await self.audit())["totals"]
            return bool(totals["lag"] == 0 and totals["in_flight"] == 0)

        await until(nothing_waits, "everything is sealed and loaded", seconds)


async def until(
    holds: Callable[[], Awaitable[Any]], what: str, seconds: float = 90, every: float = 0.25
) -> None:
    """Wait until `holds` answers yes; fail with `what` it should have been."""
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(every)


@asynccontextmanager
async def opened_house(
    name: str,
    folder: Path,
    servers: Servers,
    *,
    sales: Sequence[Sales] = (),
    ledger: LedgerKind = "sqlite",
    warehouse: WarehouseKind = "duckdb",
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[House]:
    """A house of its own on `servers`: its `name` is in every topic, key, table and group.

    `sales` are its event types; one on two partitions if none are given. At the end all its
    roles are killed.
    """
    wanted = [servers.kafka, servers.s3, servers.redis]
    wanted += [servers.mongo] if ledger == "mongo" else []
    await asyncio.gather(*(server.start() for server in wanted))
    if warehouse == "snowflake":
        await servers.snowflake.start()
    async with AsyncExitStack() as stack:

        async def proxy(port: int) -> Proxy:
            return await stack.enter_async_context(Proxy(port).running())

        kafka = KafkaNetwork(servers.kafka.port, servers.kafka_port)
        await stack.enter_async_context(kafka.running())
        networks = Networks(
            kafka=kafka,
            s3=await proxy(servers.s3.port),
            redis=await proxy(servers.redis.port),
            mongo=await proxy(servers.mongo.port),
            snowflake=await proxy(servers.snowflake.port),
        )
        kinds = sales or [Sales(f"sale_{name}")]
        for kind in kinds:
            kind.write(folder / "topics")
        made = House(name, folder, servers, networks, kinds, ledger, warehouse)
        made.environment = {**_environment(made), **(environment or {})}
        try:
            yield made
        finally:
            for role in made.roles:
                role.kill()


def _environment(house: House) -> dict[str, str]:
    servers, networks = house.servers, house.networks
    s3 = servers.s3_options
    found = {
        "ENVIRONMENT": "test",
        "TOPICS_DIR": str(house.folder / "topics"),
        "KAFKA__BROKERS": f"127.0.0.1:{networks.kafka.port}",
        "KAFKA__REQUEST_TIMEOUT_SECONDS": "10",
        "S3__ENDPOINT_URL": f"http://127.0.0.1:{networks.s3.port}",
        "S3__REGION": s3.region,
        "S3__BUCKET": s3.bucket,
        "S3__PREFIX": house.name,
        "S3__ACCESS_KEY_ID": s3.access_key_id,
        "S3__SECRET_ACCESS_KEY": s3.secret_access_key.get_secret_value(),
        "S3__TIMEOUT_SECONDS": "5",
        "REDIS__URL": f"redis://127.0.0.1:{networks.redis.port}/0",
        "LEDGER__URL": f"sqlite:///{house.folder / 'ledger.db'}",
        "LEDGER__DATABASE": house.name,
        "LEDGER__TIMEOUT_SECONDS": "5",
        "WAREHOUSE": house.warehouse,
        "DUCKDB__PATH": str(house.folder / "warehouse.duckdb"),
        "DUCKDB__LOCK_TIMEOUT_SECONDS": "60",
        "WORKER__APP_ID": house.name,
        "WORKER__SESSION_SECONDS": "6",
        "SCHEDULER__APP_ID": f"{house.name}-scheduler",
        "SCHEDULER__TICK_SECONDS": "0.5",
        "SCHEDULER__LOCK_SECONDS": "5",
        "SEAL__MAX_AGE_SECONDS": "1",
    }
    if house.ledger == "mongo":
        found["LEDGER__URL"] = f"mongodb://127.0.0.1:{networks.mongo.port}/?directConnection=true"
    if house.warehouse == "snowflake":
        found |= _snowflake(house)
    return found


def _snowflake(house: House) -> dict[str, str]:
    return {
        "SNOWFLAKE__ACCOUNT": ACCOUNT,
        "SNOWFLAKE__USER": USER,
        "SNOWFLAKE__PRIVATE_KEY_FILE": str(house.servers.snowflake.key_file),
        "SNOWFLAKE__WAREHOUSE": "LOADING",
        "SNOWFLAKE__DATABASE": house.name.upper(),
        "SNOWFLAKE__STORAGE_INTEGRATION": "FOREBAY_S3",
        "SNOWFLAKE__HOST": "127.0.0.1",
        "SNOWFLAKE__PORT": str(house.networks.snowflake.port),
        "SNOWFLAKE__PROTOCOL": "http",
        "SNOWFLAKE__LOGIN_TIMEOUT_SECONDS": "20",
        "SNOWFLAKE__NETWORK_TIMEOUT_SECONDS": "60",
    }
