"""Keys and grants in Snowflake: what is missing, and the SQL that gives it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.doctor.finding import Finding, Level, tried
from app.doctor.warehouse import look_at_snowflake, of_rights
from sinks.snowflake.connection import Session
from sinks.snowflake.needs import lacking
from sinks.snowflake.options import SnowflakeOptions
from sinks.snowflake.rights import NOTHING_SEEN, Grant, Granted, Seen, granted, public_key, seen
from tests.sinks.snowflake_stand_in import SnowflakeStandIn, key_pair
from tests.sinks.warehouse_ground import order_table

OPTIONS = SnowflakeOptions(warehouse="loading", database="events", storage_integration="s3")
TABLES = [order_table("raw.orders")]
ENOUGH = frozenset(
    {
        Grant("USAGE", "WAREHOUSE", "LOADING"),
        Grant("USAGE", "DATABASE", "EVENTS"),
        Grant("USAGE", "INTEGRATION", "S3"),
        Grant("USAGE", "SCHEMA", "EVENTS.RAW"),
        Grant("CREATE TABLE", "SCHEMA", "EVENTS.RAW"),
        Grant("CREATE STAGE", "SCHEMA", "EVENTS.RAW"),
    }
)
ORDERS = "EVENTS.RAW.ORDERS"


def lacks(has: frozenset[Grant], sees: Seen = NOTHING_SEEN) -> list[Grant]:
    return list(lacking(OPTIONS, TABLES, has, sees))


def test_with_all_grants_nothing_is_lacking() -> None:
    assert lacks(ENOUGH) == []


@pytest.mark.parametrize("grant", sorted(ENOUGH))
def test_each_grant_is_missed_by_the_sql_that_gives_it(grant: Grant) -> None:
    (missed,) = lacks(ENOUGH - {grant})
    assert missed.statement("LOADER") == (
        f"GRANT {grant.privilege} ON {grant.on} {grant.name} TO ROLE LOADER;"
    )


def test_a_name_that_sql_would_not_take_is_quoted() -> None:
    grant = Grant("USAGE", "SCHEMA", "MY-EVENTS.RAW")
    assert grant.statement("LOAD ER") == (
        'GRANT USAGE ON SCHEMA "MY-EVENTS".RAW TO ROLE "LOAD ER";'
    )


def test_a_stage_of_the_platform_team_must_be_usable() -> None:
    theirs = OPTIONS.model_copy(update={"storage_integration": ""})
    assert lacking(theirs, TABLES, ENOUGH, NOTHING_SEEN) == [
        Grant("USAGE", "STAGE", "EVENTS.RAW.FOREBAY")
    ]


def told(has: frozenset[Grant], sees: Seen, unseen: tuple[str, ...] = ()) -> list[Finding]:
    return list(of_rights(OPTIONS, TABLES, Granted("LOADER", has, unseen), sees))


def test_who_owns_a_schema_may_do_all_in_it() -> None:
    ours = frozenset(grant for grant in ENOUGH if grant.on != "SCHEMA")
    assert lacks(ours | {Grant("OWNERSHIP", "SCHEMA", "EVENTS.RAW")}) == []


def test_a_schema_that_is_there_is_not_to_be_created_but_to_be_granted() -> None:
    ours = frozenset(grant for grant in ENOUGH if grant.on != "SCHEMA")
    assert lacks(ours, Seen(frozenset({"EVENTS.RAW"}), frozenset())) == [
        Grant("USAGE, CREATE TABLE, CREATE STAGE", "SCHEMA", "EVENTS.RAW")
    ]
    (wrong,) = told(ours, NOTHING_SEEN)  # nobody can tell whether it is there
    assert wrong.level is Level.WRONG
    assert wrong.fix.startswith("GRANT CREATE SCHEMA ON DATABASE EVENTS TO ROLE LOADER; -- or")
    assert "GRANT USAGE ON SCHEMA EVENTS.RAW TO ROLE LOADER;" in wrong.fix
    (good,) = told(ours | {Grant("CREATE SCHEMA", "DATABASE", "EVENTS")}, NOTHING_SEEN)
    assert good.level is Level.GOOD
    assert "Not checked" in good.said
    assert "schema EVENTS.RAW" in good.said


def test_a_table_of_another_role_must_let_us_replace_days_and_can_not_be_widened() -> None:
    fence = "EVENTS.RAW.LOAD_FENCE"
    sees = Seen(frozenset({"EVENTS.RAW"}), frozenset({ORDERS, fence, "EVENTS.RAW.OTHERS"}))
    assert lacks(ENOUGH | {Grant("SELECT", "TABLE", ORDERS)}, sees) == [
        Grant("INSERT, DELETE", "TABLE", ORDERS),
        Grant("SELECT, INSERT, UPDATE", "TABLE", fence),
    ]
    does = {Grant(privilege, "TABLE", ORDERS) for privilege in ("SELECT", "INSERT", "DELETE")}
    good, weak = told(ENOUGH | does | {Grant("OWNERSHIP", "TABLE", fence)}, sees)
    assert (good.level, weak.level) == (Level.GOOD, Level.WEAK)
    assert weak.fix == f"GRANT OWNERSHIP ON TABLE {ORDERS} TO ROLE LOADER COPY CURRENT GRANTS;"


def test_what_a_role_has_that_can_not_be_looked_into_is_said_not_to_be_checked() -> None:
    weak, lacks_stage = told(
        ENOUGH - {Grant("CREATE STAGE", "SCHEMA", "EVENTS.RAW")},
        NOTHING_SEEN,
        ("DATABASE ROLE EVENTS.WRITER",),
    )
    assert (weak.level, lacks_stage.level) == (Level.WEAK, Level.WEAK)
    assert "not checked: what role LOADER may do through DATABASE ROLE EVENTS.WRITER" in weak.said
    assert "SHOW GRANTS TO DATABASE ROLE EVENTS.WRITER;" in weak.fix


class Roles:
    """A cursor that knows who is granted what, by `ROLE "…"`; who is not known is refused."""

    description = (("created_on",), ("privilege",), ("granted_on",), ("name",))

    def __init__(self, grants: Mapping[str, list[tuple[str, str, str]]]) -> None:
        self._grants = grants
        self._rows: list[tuple[Any, ...]] = []

    def execute(self, statement: str) -> "Roles":
        from snowflake.connector.errors import ProgrammingError

        whom = statement.removeprefix("SHOW GRANTS TO ")
        if whom == statement:
            self._rows = [("LOADER",)]
        elif whom in self._grants:
            self._rows = [("", *grant) for grant in self._grants[whom]]
        else:
            raise ProgrammingError(msg="not authorized", errno=3001)
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows


def test_what_the_roles_within_the_role_may_do_counts_and_what_everybody_may() -> None:
    cursor = Roles(
        {
            'ROLE "LOADER"': [
                ("USAGE", "ROLE", "WRITER"),
                ("USAGE", "WAREHOUSE", "LOADING"),
                ("USAGE", "DATABASE_ROLE", "EVENTS.HIDDEN"),
            ],
            'ROLE "WRITER"': [
                ("USAGE", "SCHEMA", 'EVENTS."RAW"'),
                ("USAGE", "ROLE", "LOADER"),
                ("USAGE", "DATABASE_ROLE", "EVENTS.RAW_WRITER"),
            ],
            'ROLE "PUBLIC"': [
                ("USAGE", "INTEGRATION", "S3"),
                ("USAGE", "DATABASE_ROLE", "SNOWFLAKE.OF_EVERYBODY"),
            ],
            'DATABASE ROLE "EVENTS"."RAW_WRITER"': [("SELECT", "TABLE", ORDERS)],
        }
    )
    found = granted(cursor, "events")
    assert found.role == "LOADER"
    assert {
        Grant("USAGE", "SCHEMA", "EVENTS.RAW"),
        Grant("USAGE", "WAREHOUSE", "LOADING"),
        Grant("USAGE", "INTEGRATION", "S3"),
        Grant("SELECT", "TABLE", ORDERS),
    } < found.grants
    assert found.unseen == ("DATABASE ROLE EVENTS.HIDDEN",)


async def test_the_schemas_and_tables_there_are_are_seen(stand_in: SnowflakeStandIn) -> None:
    def look() -> tuple[Seen, Seen]:
        session = Session(stand_in.options)
        cursor = session.cursor()
        try:
            before = seen(cursor, stand_in.options.database, ["SHOP", "OTHER"])
            cursor.execute("CREATE SCHEMA SHOP")
            cursor.execute("CREATE TABLE SHOP.ORDERS (ID NUMBER)")
            return before, seen(cursor, stand_in.options.database, ["SHOP", "OTHER"])
        finally:
            session.drop()

    before, after = await asyncio.to_thread(look)
    base = stand_in.options.database
    assert f"{base}.SHOP" not in before.schemas
    assert f"{base}.SHOP" in after.schemas
    assert (before.tables, after.tables) == (frozenset(), {f"{base}.SHOP.ORDERS"})


async def looked(options: SnowflakeOptions) -> list[Finding]:
    return await tried("warehouse", look_at_snowflake(options, TABLES))


async def test_a_key_that_is_not_registered_comes_with_the_sql_that_registers_it(
    stand_in: SnowflakeStandIn, tmp_path: Path
) -> None:
    other = tmp_path / "other.p8"
    public = key_pair(other)
    options = stand_in.options.model_copy(update={"private_key_file": other})
    *_, refused = await looked(options)
    assert refused.level is Level.WRONG
    body = "".join(public.splitlines()[1:-1])
    assert f"ALTER USER \"LOADER\" SET RSA_PUBLIC_KEY='{body}'" in refused.fix
    assert public_key(options).fingerprint in str(await looked(options))
    stand_in.register(public)
    levels = [finding.level for finding in await looked(options)]
    assert Level.WRONG not in levels


async def test_another_fault_of_the_login_does_not_touch_the_key(
    stand_in: SnowflakeStandIn,
) -> None:
    unset = stand_in.options.model_copy(update={"private_key_file": None, "database": ""})
    (finding,) = await looked(unset)
    assert (finding.level, finding.fix) == (Level.WRONG, "")
    assert "set SNOWFLAKE__PRIVATE_KEY_FILE, SNOWFLAKE__DATABASE" in finding.said


async def test_a_key_that_can_not_be_read_is_the_only_finding(
    stand_in: SnowflakeStandIn, tmp_path: Path
) -> None:
    nowhere = stand_in.options.model_copy(update={"private_key_file": tmp_path / "no.p8"})
    (finding,) = await looked(nowhere)
    assert (finding.level, "SNOWFLAKE__PRIVATE_KEY_FILE" in finding.said) == (Level.WRONG, True)
