"""May we load into the warehouse; and if not, the SQL that lets us."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator

from app.contracts.table import Table
from app.core.errors import Fatal
from app.doctor.finding import Finding, Level, some
from sinks.snowflake.connection import Session
from sinks.snowflake.errors import WrongKey
from sinks.snowflake.needs import in_schema, lacking, of_others, schemas_of, unseen_schemas
from sinks.snowflake.options import SnowflakeOptions
from sinks.snowflake.rights import (
    NOTHING_SEEN,
    Granted,
    Seen,
    granted,
    public_key,
    seen,
    set_key,
    written,
)

PART = "warehouse"


async def look_at_snowflake(
    options: SnowflakeOptions, tables: Collection[Table]
) -> AsyncIterator[Finding]:
    """The key, the login, the grants."""
    key = await asyncio.to_thread(public_key, options)
    yield Finding(PART, Level.GOOD, f"the key's fingerprint is {key.fingerprint}")
    try:
        findings = await asyncio.to_thread(_logged_in, options, tables)
    except WrongKey as error:
        said = f"{error}. If another program logs in as this user, say RSA_PUBLIC_KEY_2"
        yield Finding(PART, Level.WRONG, said, set_key(options, key))
        return
    for finding in findings:
        yield finding


def _logged_in(options: SnowflakeOptions, tables: Collection[Table]) -> list[Finding]:
    session = Session(options)
    cursor = session.cursor(what="doctor")
    found = [Finding(PART, Level.GOOD, f"logged in as {options.user}")]
    try:
        has = granted(cursor, options.database)
        database = ("DATABASE", options.database.upper())
        enters = any((grant.on, grant.name) == database for grant in has.grants)
        sees = NOTHING_SEEN
        if enters:
            sees = seen(cursor, options.database, schemas_of(options, tables))
    except Fatal as error:
        said = f"not checked: what the role is granted can not be seen: {error}"
        return [*found, Finding(PART, Level.WEAK, said, "SHOW GRANTS TO ROLE …, by hand")]
    finally:
        session.drop()
    return [*found, *of_rights(options, tables, has, sees)]


def of_rights(
    options: SnowflakeOptions, tables: Collection[Table], has: Granted, sees: Seen
) -> Iterator[Finding]:
    """What is to be said of what a role is granted and can see."""
    unseen = unseen_schemas(options, tables, has.grants, sees)
    missing = lacking(options, tables, has.grants, sees)
    if has.unseen:
        yield _unseen(has)
    for grant in missing:
        said = f"role {has.role} lacks {grant.privilege} on {grant.on.lower()} {grant.name}"
        fix = grant.statement(has.role)
        if "CREATE SCHEMA" in grant.privilege:
            said += f", and sees nothing of schema {', '.join(unseen)}"
            fix += f" -- or, if it is there: {_entering(options, unseen, has.role)}"
        # What a role in it has that we can not look into may be what seems to be lacking.
        yield Finding(PART, Level.WEAK if has.unseen else Level.WRONG, said, fix)
    if not missing:
        said = f"role {has.role} may load: {len(has.grants)} grants. Not checked: "
        said += "tables of other roles on which it is granted nothing, for it does not see them"
        if unseen:
            said += f"; schema {', '.join(unseen)}, which it creates if nobody else has"
        yield Finding(PART, Level.GOOD, said)
    if others := of_others(options, tables, has.grants, sees):
        said = f"role {has.role} does not own {some(others)}: it can not add new columns there"
        yield Finding(PART, Level.WEAK, said, " ".join(_owning(others, has.role)))


def _unseen(has: Granted) -> Finding:
    said = f"not checked: what role {has.role} may do through {', '.join(has.unseen)}"
    by_hand = " ".join(f"SHOW GRANTS TO {name};" for name in has.unseen)
    return Finding(PART, Level.WEAK, said, f"{by_hand} -- as a role that may")


def _entering(options: SnowflakeOptions, schemas: Collection[str], role: str) -> str:
    needs = [need for name in schemas for need in in_schema(options, name)]
    return " ".join(need.statement(role) for need in needs)


def _owning(tables: Collection[str], role: str) -> Iterator[str]:
    for name in tables:
        yield (
            f"GRANT OWNERSHIP ON TABLE {written(name)} TO ROLE {written(role)} COPY CURRENT GRANTS;"
        )
