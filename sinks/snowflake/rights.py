"""What a loader must be allowed in Snowflake, what it is, and the SQL for the difference."""

import base64
import hashlib
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sinks.snowflake import sql
from sinks.snowflake.connection import private_key, refuse_incomplete
from sinks.snowflake.errors import translated
from sinks.snowflake.options import SnowflakeOptions

DEEPEST = 5
"""Roles within roles."""


class PublicKey(NamedTuple):
    """`body` is base64 of the DER, as Snowflake takes it; `fingerprint` is how it shows it."""

    body: str
    fingerprint: str


class Grant(NamedTuple):
    """`name` is whole, in upper case and without quotes: `DATABASE.SCHEMA`."""

    privilege: str
    on: str
    name: str

    def statement(self, role: str) -> str:
        return f"GRANT {self.privilege} ON {self.on} {self.name} TO ROLE {role};"


def public_key(options: SnowflakeOptions) -> PublicKey:
    """The public half of SNOWFLAKE__PRIVATE_KEY_FILE.

    Raises:
        Fatal: a variable is missing, or there is no such key.
    """
    refuse_incomplete(options)
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_der_private_key,
    )

    key = load_der_private_key(private_key(options), None).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    print_of_key = base64.b64encode(hashlib.sha256(der).digest()).decode()
    return PublicKey(base64.b64encode(der).decode(), f"SHA256:{print_of_key}")


def set_key(options: SnowflakeOptions, key: PublicKey) -> str:
    """The SQL that lets this key log in. Another program's key of the same user is kept by saying
    RSA_PUBLIC_KEY_2 in it."""
    return f"ALTER USER {sql.quoted(options.user.upper())} SET RSA_PUBLIC_KEY='{key.body}';"


def granted(cursor: Any) -> tuple[str, frozenset[Grant]]:
    """The session's role, and all that it and the roles in it are granted.

    Raises `Fatal` or `Transient`.
    """
    with translated("look at the grants"):
        ((role,),) = cursor.execute("SELECT CURRENT_ROLE()").fetchall()
        found: set[Grant] = set()
        roles, seen = [str(role)], {str(role)}
        for _ in range(DEEPEST):
            new = {grant for name in roles for grant in _of_role(cursor, name)}
            found |= new
            roles = [g.name for g in new if g[:2] == ("USAGE", "ROLE") and g.name not in seen]
            seen.update(roles)
    return str(role), frozenset(found)


def _of_role(cursor: Any, role: str) -> list[Grant]:
    rows = cursor.execute(f"SHOW GRANTS TO ROLE {sql.quoted(role)}").fetchall()
    names = [described[0].lower() for described in cursor.description]
    privilege, on, name = (names.index(n) for n in ("privilege", "granted_on", "name"))
    return [Grant(row[privilege], row[on], row[name].replace('"', "")) for row in rows]


def lacking(
    options: SnowflakeOptions, schemas: Collection[str], has: Collection[Grant]
) -> Sequence[Grant]:
    """What is needed for tables in these `schemas`, and is not granted.

    A schema of which nothing is granted may not exist: then it is to be created.
    """
    database = options.database.upper()
    needs = [
        Grant("USAGE", "WAREHOUSE", options.warehouse.upper()),
        Grant("USAGE", "DATABASE", database),
    ]
    if options.storage_integration:
        needs.append(Grant("USAGE", "INTEGRATION", options.storage_integration.upper()))
    control = options.schema_name.upper()
    for schema in sorted({*schemas, control}):
        name = f"{database}.{schema}"
        if not any(grant.on == "SCHEMA" and grant.name == name for grant in has):
            needs.append(Grant("CREATE SCHEMA", "DATABASE", database))
            continue
        needs += [Grant("USAGE", "SCHEMA", name), Grant("CREATE TABLE", "SCHEMA", name)]
        if schema == control and options.storage_integration:
            needs.append(Grant("CREATE STAGE", "SCHEMA", name))
        elif schema == control:
            needs.append(Grant("USAGE", "STAGE", f"{name}.{options.stage.upper()}"))
    owned = {(grant.on, grant.name) for grant in has if grant.privilege == "OWNERSHIP"}
    return [
        need
        for need in dict.fromkeys(needs)
        if need not in has and (need.on, need.name) not in owned
    ]
