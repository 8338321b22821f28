"""A warehouse that stumbles over a value quotes it; the value goes no further."""

import traceback

import duckdb
import pytest
from snowflake.connector.errors import ProgrammingError

from app.core.errors import ForebayError
from sinks.duckdb.errors import translated as duckdb_translated
from sinks.snowflake.errors import translated as snowflake_translated

VALUE = "xanthippe@example.com"


def shown(error: BaseException) -> str:
    """As a log or Sentry would show it, causes included."""
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT '{VALUE}'::INTEGER",
        f"SELECT CAST('{VALUE}' AS DATE)",
        f"SELECT '{{\"a\": {VALUE}}}'::JSON",
        f"SELECT strptime('{VALUE}', '%Y')",
        f"SELECT error('{VALUE}')",
        f"CREATE TABLE t (v VARCHAR CHECK (length(v) < 3)); INSERT INTO t VALUES ('{VALUE}')",
        f"CREATE TABLE u (v VARCHAR PRIMARY KEY); INSERT INTO u VALUES ('{VALUE}'), ('{VALUE}')",
        f"SELECT from_json_strict('\"{VALUE}\"', '[\"INTEGER\"]')",
        f"SELECT CAST('{VALUE}' AS DECIMAL(4, 2))",
    ],
)
def test_duckdb_quotes_no_value(statement: str) -> None:
    connection = duckdb.connect()
    with pytest.raises(ForebayError) as raised, duckdb_translated("loading"):
        connection.execute(statement)
    assert VALUE not in shown(raised.value).replace(statement, "")
    assert "DuckDB: loading" in str(raised.value)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (100038, f"Numeric value '{VALUE}' is not recognized"),
        (100035, f"Timestamp '{VALUE}' is not recognized"),
        (100078, f"String '{VALUE} it's long' is too long and would be truncated"),
        (100069, f'Error parsing JSON: "{VALUE}'),
        (99_999, f"Something new about '{VALUE} it's' and \"{VALUE}\""),
    ],
)
def test_snowflake_quotes_no_value(number: int, text: str) -> None:
    with pytest.raises(ForebayError) as raised, snowflake_translated("loading"):
        raise ProgrammingError(msg=text, errno=number, sqlstate="22018", sfqid="01ab")
    assert VALUE not in str(raised.value)
    assert raised.value.__suppress_context__
    assert f"Snowflake: loading: {number}" in str(raised.value)
