"""May we load into the warehouse; and if not, the SQL that lets us."""

import asyncio
from collections.abc import AsyncIterator, Collection

from app.core.errors import Fatal
from app.doctor.finding import Finding, Level
from sinks.snowflake.errors import WrongKey
from sinks.snowflake.options import SnowflakeOptions

PART = "warehouse"


async def look_at_snowflake(
    options: SnowflakeOptions, schemas: Collection[str]
) -> AsyncIterator[Finding]:
    """The key, the login, the grants; `schemas` are those of the tables."""
    from sinks.snowflake.rights import public_key, set_key

    key = await asyncio.to_thread(public_key, options)
    yield Finding(PART, Level.GOOD, f"the key's fingerprint is {key.fingerprint}")
    try:
        findings = await asyncio.to_thread(_logged_in, options, schemas)
    except WrongKey as error:
        said = f"{error}. If another program logs in as this user, say RSA_PUBLIC_KEY_2"
        yield Finding(PART, Level.WRONG, said, set_key(options, key))
        return
    for finding in findings:
        yield finding


def _logged_in(options: SnowflakeOptions, schemas: Collection[str]) -> list[Finding]:
    from sinks.snowflake.connection import Session
    from sinks.snowflake.rights import granted, lacking

    session = Session(options)
    cursor = session.cursor(what="doctor")
    try:
        found = [Finding(PART, Level.GOOD, f"logged in as {options.user}")]
        try:
            role, has = granted(cursor)
        except Fatal as error:
            said = f"what the role is granted can not be seen: {error}"
            return [*found, Finding(PART, Level.WEAK, said, "SHOW GRANTS TO ROLE …, by hand")]
        missing = lacking(options, schemas, has)
    finally:
        session.drop()
    for grant in missing:
        said = f"role {role} lacks {grant.privilege} on {grant.on.lower()} {grant.name}"
        found.append(Finding(PART, Level.WRONG, said, grant.statement(role)))
    if not missing:
        found.append(Finding(PART, Level.GOOD, f"role {role} may load: {len(has)} grants"))
    return found
