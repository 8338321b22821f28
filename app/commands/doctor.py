"""`forebay doctor`: are the servers fit for production, and for us?"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from app.assemble import (
    contracts_of,
    kinds_of,
    opened_ledger,
    opened_objects,
    opened_warehouse,
)
from app.commands.context import DATA_DIR, DataDir, settings_here
from app.commands.output import AsJson, console, print_json
from app.contracts.load import Contracts
from app.doctor.authorized import May
from app.doctor.finding import Finding, Level, tried
from app.doctor.keys import counts_in_redis, look_at_keys
from app.doctor.stores import look_at_ledger, look_at_redis, look_at_s3
from app.doctor.warehouse import look_at_snowflake
from app.settings import Role, Settings

STYLES = {Level.GOOD: "green", Level.WEAK: "yellow", Level.WRONG: "red"}
MARKS = {Level.GOOD: "good ", Level.WEAK: "WEAK ", Level.WRONG: "WRONG"}


def doctor(
    role: Annotated[
        Role | None,
        typer.Option("--role", help="What one role needs; otherwise what all of them do."),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Reach every server that the settings name; say what is wrong, and how to mend it.

    Kafka: brokers, what our credentials may do, and of each topic partitions, replicas,
    min.insync.replicas and retention. S3: store, read, list, remove, give up an upload. The ledger,
    Redis and the warehouse: read and write; of Snowflake the key's fingerprint and the grants, with
    the SQL that is missing. And whether the clocks agree. Nothing it makes stays behind, but in the
    ledger the time of its last look. Kafka's commands are for who administers it: their own
    settings, for --command-config, are in admin.properties.

    WRONG does not work; WEAK works, and would lose or stop what production must not.

    Exit code 0: nothing is wrong; 1: something is.
    """
    found = asyncio.run(examined(settings_here(data_dir), role))
    wrong = sum(finding.level is Level.WRONG for finding in found)
    weak = sum(finding.level is Level.WEAK for finding in found)
    if as_json:
        print_json([finding._asdict() for finding in found])
    else:
        _show(found)
        console().print(f"{wrong} wrong, {weak} weak, of {len(found)} looked at.")
    raise typer.Exit(int(bool(wrong)))


def _show(found: list[Finding]) -> None:
    for finding in found:
        head = Text(MARKS[finding.level], style=STYLES[finding.level])
        console().print(head, Text(f"{finding.part}: {finding.said}"), soft_wrap=True)
        if finding.fix and finding.level is not Level.GOOD:
            console().print(Text(f"        {finding.fix}"), soft_wrap=True)


async def examined(settings: Settings, role: Role | None) -> list[Finding]:
    """What all looks find, server after server; one that is away does not hide the others."""
    contracts = contracts_of(settings)
    apps = {contract.event: contract.app for contract in contracts.values()}
    looks = {"kafka": _kafka(settings, contracts, role)}
    gateway = settings.gateway
    if role in (None, Role.GATEWAY) and gateway.keys_file:
        looks["keys"] = look_at_keys(Path(gateway.keys_file), apps)
    if role is not Role.GATEWAY or gateway.receipts:
        looks["s3"] = _s3(settings)
    if role is not Role.GATEWAY or gateway.receipts or gateway.runs:
        looks["ledger"] = _ledger(settings)
    if role is not Role.WORKER and (role is not Role.GATEWAY or counts_in_redis(gateway, apps)):
        looks["redis"] = look_at_redis(settings.redis)
    if role is not Role.WORKER and (role is not Role.GATEWAY or gateway.receipts):
        looks["warehouse"] = _warehouse(settings, contracts)
    done = await asyncio.gather(*(tried(part, look) for part, look in looks.items()))
    return [finding for findings in done for finding in findings]


def _kafka(settings: Settings, contracts: Contracts, role: Role | None) -> AsyncIterator[Finding]:
    from app.doctor.kafka import Wanted, look_at_kafka
    from app.worker.reader import changelog_topics, size_classes

    does = {
        Role.GATEWAY: {May.WRITE, May.DESCRIBE},
        Role.WORKER: {May.READ, May.DESCRIBE},
        Role.SCHEDULER: {May.READ, May.DESCRIBE},
        None: {May.READ, May.WRITE, May.DESCRIBE},
    }[role]
    wanted = {name: Wanted(spec, sorted(does)) for name, spec in contracts.topics.items()}
    if role in (None, Role.WORKER):
        kinds = kinds_of(settings, contracts).values()
        classes = size_classes(settings.worker, kinds, contracts.partitions)
        own = sorted({May.READ, May.WRITE, May.DESCRIBE})
        wanted |= {name: Wanted(spec, own) for name, spec in changelog_topics(classes).items()}
    with_group: list[May] = {
        Role.GATEWAY: [],
        Role.WORKER: [May.READ, May.DESCRIBE],
        Role.SCHEDULER: [May.DESCRIBE],  # it asks who of the workers reads, for its metrics
        None: [May.READ, May.DESCRIBE],
    }[role]
    groups = {settings.worker.app_id: with_group} if with_group else {}
    return look_at_kafka(settings.kafka, wanted, groups)


async def _s3(settings: Settings) -> AsyncIterator[Finding]:
    async with opened_objects(settings) as objects:
        async for finding in look_at_s3(objects, settings.s3.location, settings.s3.part_bytes):
            yield finding


async def _ledger(settings: Settings) -> AsyncIterator[Finding]:
    async with opened_ledger(settings) as ledger:
        async for finding in look_at_ledger(ledger, settings.ledger.url):
            yield finding


async def _warehouse(settings: Settings, contracts: Contracts) -> AsyncIterator[Finding]:
    if settings.warehouse == "snowflake":
        tables = [contract.table for contract in contracts.values()]
        async for finding in look_at_snowflake(settings.snowflake, tables):
            yield finding
        return
    async with opened_objects(settings) as objects, opened_warehouse(settings, objects) as opened:
        await opened.ping()
    said = f"DuckDB, {settings.duckdb.path}: good for one machine"
    yield Finding("warehouse", Level.WEAK, said, "WAREHOUSE=snowflake, and SNOWFLAKE__…")
