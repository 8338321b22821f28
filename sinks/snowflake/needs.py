"""What a loader must be allowed in Snowflake, and is not."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from app.contracts.table import Table
from sinks.snowflake import sql
from sinks.snowflake.options import SnowflakeOptions
from sinks.snowflake.rights import Grant, Seen

LOADS = ("SELECT", "INSERT", "DELETE")
"""Of a table whose days are replaced."""

LOCKS = ("SELECT", "INSERT", "UPDATE")
"""Of LOAD_FENCE."""


def schemas_of(options: SnowflakeOptions, tables: Collection[Table]) -> list[str]:
    """The schemas of these tables, and the one with the stage and the control tables."""
    return sorted({*(sql.split(table)[0] for table in tables), options.schema_name.upper()})


def lacking(
    options: SnowflakeOptions, tables: Collection[Table], has: Collection[Grant], seen: Seen
) -> Sequence[Grant]:
    """What is needed to load these tables, and is not granted: one for each thing it is lacking on.

    A schema or a table that can not be seen is one that is to be created.
    """
    owned = {(grant.on, grant.name) for grant in has if grant.privilege == "OWNERSHIP"}
    found: dict[tuple[str, str], list[str]] = {}
    for need in dict.fromkeys(_needs(options, tables, there(has, seen))):
        if need not in has and (need.on, need.name) not in owned:
            found.setdefault((need.on, need.name), []).append(need.privilege)
    return [Grant(", ".join(of), on, name) for (on, name), of in found.items()]


def unseen_schemas(
    options: SnowflakeOptions, tables: Collection[Table], has: Collection[Grant], seen: Seen
) -> list[str]:
    """Schemas of which nothing can be seen: they are not there, or nothing of them is granted."""
    known = there(has, seen).schemas
    names = (f"{options.database.upper()}.{name}" for name in schemas_of(options, tables))
    return [name for name in names if name not in known]


def in_schema(options: SnowflakeOptions, name: str) -> Sequence[Grant]:
    """What is needed of a schema that is there, by its whole name."""
    found = [Grant("USAGE", "SCHEMA", name), Grant("CREATE TABLE", "SCHEMA", name)]
    if name == f"{options.database}.{options.schema_name}".upper():
        stage = Grant("USAGE", "STAGE", f"{name}.{options.stage.upper()}")
        ours = Grant("CREATE STAGE", "SCHEMA", name)
        found.append(ours if options.storage_integration else stage)
    return found


def of_others(
    options: SnowflakeOptions, tables: Collection[Table], has: Collection[Grant], seen: Seen
) -> list[str]:
    """Tables that are there and not ours: only who owns one can give it a new column."""
    ours = {grant.name for grant in has if grant[:2] == ("OWNERSHIP", "TABLE")}
    return [name for name in _tables(options, tables) if name in there(has, seen).tables - ours]


def there(has: Collection[Grant], seen: Seen) -> Seen:
    """What is seen, or granted and so there."""
    schemas = {grant.name for grant in has if grant.on == "SCHEMA"}
    tables = {grant.name for grant in has if grant.on == "TABLE"}
    return Seen(seen.schemas | schemas, seen.tables | tables)


def _needs(options: SnowflakeOptions, tables: Collection[Table], known: Seen) -> Iterator[Grant]:
    database = options.database.upper()
    yield Grant("USAGE", "WAREHOUSE", options.warehouse.upper())
    yield Grant("USAGE", "DATABASE", database)
    if options.storage_integration:
        yield Grant("USAGE", "INTEGRATION", options.storage_integration.upper())
    for name in (f"{database}.{schema}" for schema in schemas_of(options, tables)):
        if name in known.schemas:
            yield from in_schema(options, name)
        else:
            yield Grant("CREATE SCHEMA", "DATABASE", database)
    for name, does in _tables(options, tables).items():
        if name in known.tables:
            yield from (Grant(privilege, "TABLE", name) for privilege in does)


def _tables(options: SnowflakeOptions, tables: Collection[Table]) -> Mapping[str, Sequence[str]]:
    """What a load does with each, by whole name."""
    database, control = options.database.upper(), options.schema_name.upper()
    found: dict[str, Sequence[str]] = {
        f"{database}.{'.'.join(sql.split(table))}": LOADS for table in tables
    }
    own = {f"{database}.{control}.{name}": LOADS for name in sql.OWN_TABLES}
    return found | own | {f"{database}.{control}.{sql.FENCE}": LOCKS}
