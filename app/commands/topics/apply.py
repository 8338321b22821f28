"""`forebay topics apply`: make what the topic files ask for, before the roles read them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import typer

from app.commands.output import AsJson, print_json
from app.commands.topics.options import TOPICS, Folder
from app.contracts.load import Contracts, load_contracts
from app.core.errors import Fatal
from app.settings import Settings


class Applied(NamedTuple):
    """What was not there before: Kafka topics, and statements by table."""

    topics: Sequence[str]
    tables: Mapping[str, Sequence[str]]


def apply(
    topics_dir: Folder = TOPICS,
    kafka_only: Annotated[
        bool, typer.Option("--kafka-only", help="Leave the warehouse alone.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create the Kafka topics and the tables that are missing, and new columns; never destroy.

    The roles do the same when they need it. Done before a deploy, it refuses what does not fit
    while the old roles still run: a topic with another number of partitions, a column of another
    type. A topic that is there keeps its own configuration (retention and the like).

    Run it as often as you like. Exit status 2: something was refused, or could not be reached.
    """
    from app.commands.context import settings_here

    settings, contracts = settings_here(), load_contracts(topics_dir)
    applied = asyncio.run(make_missing(settings, contracts, warehouse=not kafka_only))
    if as_json:
        print_json(applied._asdict())
        return
    for topic in applied.topics:
        typer.echo(f"created topic {topic}")
    for table, statements in applied.tables.items():
        for statement in statements:
            typer.echo(f"{table}: {statement}")
    if not applied.topics and not applied.tables:
        typer.echo("Everything is there already.")


async def make_missing(
    settings: Settings, contracts: Contracts, *, warehouse: bool = True
) -> Applied:
    """Create what the contracts ask for: the topics, and in the `warehouse` the tables.

    Raises:
        Fatal: a topic has another number of partitions, and nothing was made; or tables have
            columns of another type, and the others were made.
        Transient: Kafka or the warehouse can not be reached.
    """
    made = await _topics(settings, contracts)
    return Applied(made, await _tables(settings, contracts) if warehouse else {})


async def _topics(settings: Settings, contracts: Contracts) -> list[str]:
    from app.kafka import ensure_topics
    from app.topic_ids import topic_ids

    wanted = contracts.topics
    before = await topic_ids(settings.kafka, wanted)
    await ensure_topics(settings.kafka, wanted)
    return sorted(wanted.keys() - before.keys())


async def _tables(settings: Settings, contracts: Contracts) -> dict[str, Sequence[str]]:
    from app.assemble import opened_objects, opened_warehouse, tables_of

    made, refused = {}, []
    async with (
        opened_objects(settings) as objects,
        opened_warehouse(settings, objects) as warehouse,
    ):
        for table in tables_of(contracts).values():
            try:
                if statements := await warehouse.prepare(table):
                    made[table.name] = statements
            except Fatal as error:
                refused.append(f"{table.event}: {error}")
    if refused:
        raise Fatal("\n".join(["not every table fits its topic file", *refused]))
    return made
