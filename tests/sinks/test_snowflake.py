"""What only Snowflake has: key pairs, a stage, a network in between, sessions that end.

All of it on the stand-in, which verifies tokens and answers a repeated request once.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from snowflake.connector import errors as raised

from app.core.errors import Fatal, ForebayError, Transient
from sinks.memory import MemoryObjectStore
from sinks.protocol import ObjectLost
from sinks.s3.options import S3Options
from sinks.snowflake.connection import connect
from sinks.snowflake.errors import LOGIN, STATEMENT, meaning
from sinks.snowflake.options import SnowflakeOptions
from sinks.snowflake.warehouse import SnowflakeWarehouse
from tests.sinks.conftest import on_snowflake
from tests.sinks.snowflake_stand_in import SnowflakeStandIn, key_pair
from tests.sinks.warehouse_ground import FIRST, Ground, order


@pytest.fixture
def on_s3(s3: S3Options) -> S3Options:
    return s3.model_copy(update={"prefix": "of/the/stage"})


@pytest.fixture
async def ground(snowflake_stand_in: SnowflakeStandIn, on_s3: S3Options) -> AsyncIterator[Ground]:
    made = on_snowflake(snowflake_stand_in.options, on_s3)
    yield made
    await closed(made)


async def closed(ground: Ground) -> None:
    for warehouse in ground.opened:
        await warehouse.close()
    await ground.objects.close()


async def said_at_login(options: SnowflakeOptions, **changes: Any) -> str:
    """What a warehouse with these options says instead of logging in."""
    changed = options.model_copy(update=changes)
    warehouse = SnowflakeWarehouse(changed, MemoryObjectStore(), "s3://bucket/")
    with pytest.raises(Fatal) as caught:
        await warehouse.ping()
    await warehouse.close()
    return str(caught.value)


async def test_a_key_that_is_not_registered_is_refused_and_named(
    snowflake_stand_in: SnowflakeStandIn, tmp_path: Path
) -> None:
    key_pair(tmp_path / "other.p8")
    said = await said_at_login(snowflake_stand_in.options, private_key_file=tmp_path / "other.p8")
    assert "SNOWFLAKE__PRIVATE_KEY_FILE" in said
    assert "RSA_PUBLIC_KEY" in said


@pytest.mark.parametrize("variable", ["user", "account"])
async def test_an_unknown_user_or_account_is_named(
    snowflake_stand_in: SnowflakeStandIn, variable: str
) -> None:
    said = await said_at_login(snowflake_stand_in.options, **{variable: "somebody-else"})
    assert f"SNOWFLAKE__{variable.upper()}" in said


async def test_a_key_with_a_passphrase_logs_in(
    s3: S3Options, snowflake_stand_in: SnowflakeStandIn, tmp_path: Path
) -> None:
    file = tmp_path / "encrypted.p8"
    before = snowflake_stand_in.users_file.read_text()
    snowflake_stand_in.register(key_pair(file, "a passphrase"))
    try:
        options = snowflake_stand_in.options.model_copy(
            update={
                "private_key_file": file,
                "private_key_passphrase": SecretStr("a passphrase"),
            }
        )
        warehouse = SnowflakeWarehouse(options, MemoryObjectStore(), "s3://bucket/")
        await warehouse.ping()
        await warehouse.close()
    finally:
        snowflake_stand_in.users_file.write_text(before)


@pytest.mark.parametrize(
    ("file", "passphrase", "variable"),
    [
        ("encrypted", "", "set SNOWFLAKE__PRIVATE_KEY_PASSPHRASE"),
        ("encrypted", "mistaken", "SNOWFLAKE__PRIVATE_KEY_PASSPHRASE"),
        ("plain", "needless", "clear SNOWFLAKE__PRIVATE_KEY_PASSPHRASE"),
        ("missing", "", "SNOWFLAKE__PRIVATE_KEY_FILE"),
        ("folder", "", "SNOWFLAKE__PRIVATE_KEY_FILE"),
        ("no key", "", "SNOWFLAKE__PRIVATE_KEY_FILE"),
    ],
)
async def test_a_key_file_that_can_not_be_read_says_which_variable_to_fix(
    snowflake_stand_in: SnowflakeStandIn,
    tmp_path: Path,
    file: str,
    passphrase: str,
    variable: str,
) -> None:
    key_pair(tmp_path / "plain")
    key_pair(tmp_path / "encrypted", "right")
    (tmp_path / "folder").mkdir()
    (tmp_path / "no key").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    said = await said_at_login(
        snowflake_stand_in.options,
        private_key_file=tmp_path / file,
        private_key_passphrase=SecretStr(passphrase),
    )
    assert variable in said
    assert "right" not in said
    assert not passphrase or passphrase not in said


async def test_settings_that_are_missing_are_all_named() -> None:
    said = await said_at_login(SnowflakeOptions())
    for name in ("ACCOUNT", "USER", "PRIVATE_KEY_FILE", "WAREHOUSE", "DATABASE"):
        assert f"SNOWFLAKE__{name}" in said
    assert "PASSWORD" not in said


async def test_a_server_that_is_not_there_is_worth_another_try(
    snowflake_stand_in: SnowflakeStandIn,
) -> None:
    options = snowflake_stand_in.options.model_copy(update={"port": 9, "login_timeout_seconds": 2})
    warehouse = SnowflakeWarehouse(options, MemoryObjectStore(), "s3://bucket/")
    with pytest.raises(Transient):
        await warehouse.ping()
    await warehouse.close()


async def test_a_missing_stage_without_an_integration_says_what_sql_to_run(
    ground: Ground, snowflake_stand_in: SnowflakeStandIn, unique: str
) -> None:
    await ground.warehouse().prepare(ground.table())  # makes a stage of another name
    options = snowflake_stand_in.options.model_copy(
        update={"storage_integration": "", "stage": unique}
    )
    warehouse = SnowflakeWarehouse(options, MemoryObjectStore(), "s3://bucket/pre")
    with pytest.raises(Fatal) as caught:
        await warehouse.prepare(ground.table())
    said = str(caught.value)
    assert "SNOWFLAKE__STORAGE_INTEGRATION" in said
    assert f'CREATE STAGE IF NOT EXISTS "RAW"."{unique.upper()}" URL = \'s3://bucket/pre/\'' in said
    await warehouse.close()


async def test_a_json_null_is_null_to_sql_and_names_need_no_quotes(
    ground: Ground, snowflake_stand_in: SnowflakeStandIn
) -> None:
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    baskets = [{"basket": None}, {"basket": {"a": None}}, {}]
    rows = [order(n) | basket for n, basket in enumerate(baskets)]
    await warehouse.replace(table, [await ground.manifest(FIRST, rows)], run="r", fence=1)

    def ask() -> list[tuple[object, ...]]:
        connection = connect(snowflake_stand_in.options)
        statement = f"SELECT order_id FROM {table.name.lower()} WHERE basket IS NULL ORDER BY 1"
        answer: list[tuple[object, ...]] = connection.cursor().execute(statement).fetchall()
        connection.close()
        return answer

    assert await asyncio.to_thread(ask) == [("A-0",), ("A-2",)]


async def test_a_stage_over_another_bucket_is_refused(
    ground: Ground, snowflake_stand_in: SnowflakeStandIn
) -> None:
    table = ground.table()
    await ground.warehouse().prepare(table)
    other = SnowflakeWarehouse(snowflake_stand_in.options, ground.objects, "s3://elsewhere/")
    with pytest.raises(Fatal, match="s3://elsewhere/"):
        await other.prepare(table)
    await other.close()


async def test_a_session_that_has_ended_is_replaced_by_a_new_one(
    on_s3: S3Options, tmp_path: Path
) -> None:
    server = SnowflakeStandIn(tmp_path, on_s3)
    await server.start()
    ground = on_snowflake(server.options, on_s3)
    warehouse, table = ground.warehouse(), ground.table()
    await warehouse.prepare(table)
    await server.stop()
    await server.start()
    assert dict(await warehouse.count(table)) == {}
    await closed(ground)
    await server.stop()


@pytest.mark.parametrize(
    ("error", "table", "verdict", "says"),
    [
        (raised.ProgrammingError("locked", 625), STATEMENT, Transient, "lock"),
        (raised.ProgrammingError("no such object", 2003), STATEMENT, Fatal, "prepare"),
        (raised.ProgrammingError("denied", 3001), STATEMENT, Fatal, "SNOWFLAKE__ROLE"),
        (raised.ProgrammingError("none", 606), STATEMENT, Fatal, "SNOWFLAKE__WAREHOUSE"),
        (raised.ProgrammingError("none", 90105), STATEMENT, Fatal, "SNOWFLAKE__DATABASE"),
        (raised.ProgrammingError("not found", 91016), STATEMENT, ObjectLost, "not found"),
        (raised.ProgrammingError("expired", 390114), STATEMENT, Transient, "session"),
        (raised.ProgrammingError("unheard of", 4711), STATEMENT, Fatal, "4711"),
        (raised.OperationalError("reset", 4), STATEMENT, Transient, "reset"),
        (raised.InternalError("spool", 12), STATEMENT, Transient, "spool"),
        (raised.DatabaseError("not granted", 390189), LOGIN, Fatal, "SNOWFLAKE__ROLE"),
        (raised.DatabaseError("no such account", 390913), LOGIN, Fatal, "SNOWFLAKE__ACCOUNT"),
    ],
)
def test_what_an_error_number_means(
    error: Exception,
    table: dict[int, tuple[type[ForebayError], str]],
    verdict: type[ForebayError],
    says: str,
) -> None:
    translated = meaning(error, "try", table)
    assert type(translated) is verdict
    assert says in str(translated)
