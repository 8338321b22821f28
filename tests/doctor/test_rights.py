"""Keys and grants in Snowflake: what is missing, and the SQL that gives it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.doctor.finding import Finding, Level, tried
from app.doctor.warehouse import look_at_snowflake
from sinks.snowflake.options import SnowflakeOptions
from sinks.snowflake.rights import Grant, granted, lacking, public_key
from tests.sinks.snowflake_stand_in import SnowflakeStandIn, key_pair

OPTIONS = SnowflakeOptions(warehouse="loading", database="events", storage_integration="s3")
ENOUGH = {
    Grant("USAGE", "WAREHOUSE", "LOADING"),
    Grant("USAGE", "DATABASE", "EVENTS"),
    Grant("USAGE", "INTEGRATION", "S3"),
    Grant("USAGE", "SCHEMA", "EVENTS.RAW"),
    Grant("CREATE TABLE", "SCHEMA", "EVENTS.RAW"),
    Grant("CREATE STAGE", "SCHEMA", "EVENTS.RAW"),
}


def test_with_all_grants_nothing_is_lacking() -> None:
    assert lacking(OPTIONS, {"RAW"}, ENOUGH) == []


@pytest.mark.parametrize("grant", sorted(ENOUGH))
def test_each_grant_is_missed_by_the_sql_that_gives_it(grant: Grant) -> None:
    (missed,) = lacking(OPTIONS, {"RAW"}, ENOUGH - {grant})
    assert missed.statement("LOADER") == (
        f"GRANT {grant.privilege} ON {grant.on} {grant.name} TO ROLE LOADER;"
    )


def test_a_stage_of_the_platform_team_must_be_usable() -> None:
    theirs = OPTIONS.model_copy(update={"storage_integration": ""})
    assert lacking(theirs, {"RAW"}, ENOUGH) == [Grant("USAGE", "STAGE", "EVENTS.RAW.FOREBAY")]


def test_who_owns_a_schema_may_do_all_in_it_and_one_that_is_not_there_is_to_be_created() -> None:
    ours = {grant for grant in ENOUGH if grant.on != "SCHEMA"}
    assert lacking(OPTIONS, {"RAW"}, ours) == [Grant("CREATE SCHEMA", "DATABASE", "EVENTS")]
    assert lacking(OPTIONS, {"RAW"}, ours | {Grant("OWNERSHIP", "SCHEMA", "EVENTS.RAW")}) == []


class Roles:
    """A cursor that knows two statements; `LOADER` has what `WRITER` has."""

    description = (("created_on",), ("privilege",), ("granted_on",), ("name",))

    def __init__(self, grants: Mapping[str, list[tuple[str, str, str]]]) -> None:
        self._grants = grants
        self._rows: list[tuple[Any, ...]] = []

    def execute(self, statement: str) -> "Roles":
        role = statement.rpartition(" ")[2].strip('"')
        asked = statement.startswith("SHOW GRANTS TO ROLE")
        self._rows = [("", *grant) for grant in self._grants[role]] if asked else [("LOADER",)]
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows


def test_what_a_role_within_the_role_may_do_counts() -> None:
    cursor = Roles(
        {
            "LOADER": [("USAGE", "ROLE", "WRITER"), ("USAGE", "WAREHOUSE", "LOADING")],
            "WRITER": [("USAGE", "SCHEMA", 'EVENTS."RAW"'), ("USAGE", "ROLE", "LOADER")],
        }
    )
    role, found = granted(cursor)
    assert role == "LOADER"
    assert Grant("USAGE", "SCHEMA", "EVENTS.RAW") in found
    assert Grant("USAGE", "WAREHOUSE", "LOADING") in found


async def looked(options: SnowflakeOptions) -> list[Finding]:
    return await tried("warehouse", look_at_snowflake(options, {"RAW"}))


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
