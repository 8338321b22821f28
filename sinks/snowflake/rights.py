"""Who we are in Snowflake, what we are granted, and what of the database we can see."""

import base64
import hashlib
import re
from collections.abc import Collection
from typing import Any, NamedTuple

from app.core.errors import Fatal
from sinks.snowflake import sql
from sinks.snowflake.connection import private_key, refuse_incomplete
from sinks.snowflake.errors import translated
from sinks.snowflake.options import SnowflakeOptions

DEEPEST = 5
"""Roles within roles."""

EVERYBODY = "PUBLIC"
PLAIN = re.compile(r"[A-Z_][A-Z0-9_$]*").fullmatch
"""A name that needs no quotes."""


class PublicKey(NamedTuple):
    """`body` is base64 of the DER, as Snowflake takes it; `fingerprint` is how it shows it."""

    body: str
    fingerprint: str


class Grant(NamedTuple):
    """`name` is whole, in upper case and without quotes: `DATABASE.SCHEMA.TABLE`. `privilege` may
    be several, with commas between them."""

    privilege: str
    on: str
    name: str

    def statement(self, role: str) -> str:
        return f"GRANT {self.privilege} ON {self.on} {written(self.name)} TO ROLE {written(role)};"


class Granted(NamedTuple):
    """What the session's `role` is granted, with the roles in it and as everybody is. What is
    granted to the roles `unseen`, which are in it too, can not be seen."""

    role: str
    grants: frozenset[Grant]
    unseen: tuple[str, ...]


class Seen(NamedTuple):
    """The schemas and tables that a role can see, whole names as a grant's: it sees those on which
    it has any privilege."""

    schemas: frozenset[str]
    tables: frozenset[str]


NOTHING_SEEN = Seen(frozenset(), frozenset())


def written(name: str) -> str:
    """A whole name as SQL takes it."""
    return ".".join(part if PLAIN(part) else sql.quoted(part) for part in name.split("."))


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


def granted(cursor: Any, database: str) -> Granted:
    """Ask for all that counts in this database.

    Raises `Fatal` (the role may not see what it is granted) or `Transient`.
    """
    with translated("look at the role"):
        ((role,),) = cursor.execute("SELECT CURRENT_ROLE()").fetchall()
    own = ("ROLE", str(role))
    found = set(_granted_to(cursor, *own))
    within = [("ROLE", EVERYBODY), *_roles_in(found, database)]
    done = {own}
    unseen: list[str] = []
    for _ in range(DEEPEST):
        new: set[Grant] = set()
        for kind, name in within:
            if (kind, name) in done:
                continue
            done.add((kind, name))
            try:
                new.update(_granted_to(cursor, kind, name))
            except Fatal:
                unseen.append(f"{kind} {written(name)}")
        found |= new
        within = _roles_in(new, database)
    return Granted(str(role), frozenset(found), tuple(unseen))


def _roles_in(grants: Collection[Grant], database: str) -> list[tuple[str, str]]:
    """Whose grants a role with these grants has as well: kind and name. Roles of other databases
    have none in this one."""
    found = []
    for grant in sorted(grants):
        of = grant.name.rpartition(".")[0]
        inside = grant.on == "DATABASE ROLE" and of in ("", database.upper())
        if grant.privilege == "USAGE" and (grant.on == "ROLE" or inside):
            found.append((grant.on, grant.name))
    return found


def _granted_to(cursor: Any, kind: str, name: str) -> list[Grant]:
    whole = ".".join(map(sql.quoted, name.split(".")))
    with translated("look at the grants"):
        rows = cursor.execute(f"SHOW GRANTS TO {kind} {whole}").fetchall()
        privilege, on, of = _places(cursor, "privilege", "granted_on", "name")
    return [
        Grant(row[privilege], row[on].replace("_", " "), row[of].replace('"', "")) for row in rows
    ]


def seen(cursor: Any, database: str, schemas: Collection[str]) -> Seen:
    """What the session's role can see of these schemas. SHOW needs no warehouse, as a SELECT would.

    Raises `Fatal` or `Transient`.
    """
    base = database.upper()
    with translated("look at the schemas and tables"):
        there = _named(cursor, f"SHOW SCHEMAS IN DATABASE {sql.quoted(base)}")
        tables = {
            f"{base}.{schema}.{table}"
            for schema in sorted(there.intersection(schemas))
            for table in _named(
                cursor, f"SHOW TABLES IN SCHEMA {sql.quoted(base)}.{sql.quoted(schema)}"
            )
        }
    return Seen(frozenset(f"{base}.{schema}" for schema in there), frozenset(tables))


def _named(cursor: Any, statement: str) -> set[str]:
    rows = cursor.execute(statement).fetchall()
    (name,) = _places(cursor, "name")
    return {str(row[name]).upper() for row in rows}


def _places(cursor: Any, *columns: str) -> list[int]:
    names = [described[0].lower() for described in cursor.description]
    return [names.index(column) for column in columns]
