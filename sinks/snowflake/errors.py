"""What a Snowflake error number means for us: one table for logging in, one for statements.

Of an error about a value the text is left out, for it quotes the value; of one that the tables do
not know, whatever is in quotes.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.core.errors import Fatal, ForebayError, Transient
from sinks.protocol import ObjectLost

KEY = (
    "SNOWFLAKE__ACCOUNT, SNOWFLAKE__USER and SNOWFLAKE__PRIVATE_KEY_FILE do not belong together: "
    "set the user's RSA_PUBLIC_KEY to the public half of this key"
)
SESSION = "the session has ended"
FIT = "a stored object does not fit its contract"
PREPARE = "prepare the table first, or grant it to SNOWFLAKE__ROLE"


class WrongKey(Fatal):
    """Snowflake knows another key of this user, or none."""


LOGIN: dict[int, tuple[type[ForebayError], str]] = {
    390100: (WrongKey, KEY),
    390101: (Fatal, "the user SNOWFLAKE__USER is disabled"),
    390102: (Fatal, "the user SNOWFLAKE__USER is locked"),
    390139: (Fatal, "SNOWFLAKE__USER may not log in with a key pair"),
    390144: (WrongKey, KEY),
    390186: (Fatal, "correct SNOWFLAKE__ROLE"),
    390189: (Fatal, "grant SNOWFLAKE__ROLE to SNOWFLAKE__USER"),
    390201: (Fatal, "correct SNOWFLAKE__WAREHOUSE, SNOWFLAKE__DATABASE or SNOWFLAKE__ROLE"),
    390420: (Fatal, "a network policy refuses this machine's address"),
    390422: (Fatal, "a network policy refuses this machine's address"),
    390913: (Fatal, "correct SNOWFLAKE__ACCOUNT"),
    290403: (Fatal, "correct SNOWFLAKE__ACCOUNT"),
    290404: (Fatal, "correct SNOWFLAKE__ACCOUNT"),
    251007: (Fatal, "check the SNOWFLAKE__… variables"),
    250001: (Transient, "the login did not come through"),  # a refusal has a number of its own
}

STATEMENT: dict[int, tuple[type[ForebayError], str]] = {
    603: (Transient, "an error inside Snowflake"),
    604: (Transient, "the statement was cancelled"),
    625: (Transient, "another transaction holds the lock"),
    630: (Transient, "the statement took too long"),
    90073: (Transient, "a resource monitor has suspended SNOWFLAKE__WAREHOUSE"),
    390110: (Transient, SESSION),
    390111: (Transient, SESSION),
    390112: (Transient, SESSION),
    390114: (Transient, SESSION),
    250001: (Transient, SESSION),  # its renewal was refused; a login says so by another table
    250002: (Transient, SESSION),
    606: (Fatal, "correct SNOWFLAKE__WAREHOUSE, or grant USAGE on it to SNOWFLAKE__ROLE"),
    90105: (Fatal, "correct SNOWFLAKE__DATABASE, or grant USAGE on it to SNOWFLAKE__ROLE"),
    90106: (Fatal, "correct SNOWFLAKE__SCHEMA_NAME, or grant USAGE on it to SNOWFLAKE__ROLE"),
    3001: (Fatal, "grant the privilege to SNOWFLAKE__ROLE"),
    904: (Fatal, PREPARE),
    2003: (Fatal, PREPARE),
    2043: (Fatal, PREPARE),
    91003: (Fatal, "let the stage's STORAGE INTEGRATION read the bucket of S3__…"),
    91016: (ObjectLost, "an object is not there"),
    100035: (Fatal, FIT),
    100038: (Fatal, FIT),
    100069: (Fatal, FIT),
    100071: (Fatal, FIT),
    100072: (Fatal, FIT),
    100078: (Fatal, FIT),
}
DOES_NOT_EXIST = 2003
QUOTED = re.compile(r"(?s)'.*'|\".*\"")  # from the first to the last: values hold quotes too


def number_of(error: BaseException) -> int:
    """Snowflake's error number, or -1."""
    number: Any = getattr(error, "errno", None)
    return number if isinstance(number, int) else -1


def meaning(
    error: Exception, what: str, table: dict[int, tuple[type[ForebayError], str]]
) -> ForebayError:
    """Translate; `what` says what was tried. A number that is not in the table goes by class."""
    from snowflake.connector import errors as raised

    said = str(getattr(error, "raw_msg", None) or error).partition(" (request_id=")[0].strip()
    number = number_of(error)
    if number in table:
        verdict, advice = table[number]
        said = "a value" if advice is FIT else said
        return verdict(f"Snowflake: {what}: {number}: {said}: {advice}")
    passing = (raised.OperationalError, raised.InternalError, raised.InterfaceError)
    verdict = Transient if isinstance(error, passing) else Fatal
    unquoted = QUOTED.sub("'…'", said)
    return verdict(f"Snowflake: {what}: {number}: {unquoted}")


@contextmanager
def translated(
    what: str, table: dict[int, tuple[type[ForebayError], str]] = STATEMENT
) -> Iterator[None]:
    """Raise one of ours for whatever the connector raises inside."""
    from snowflake.connector.errors import Error

    try:
        yield
    except Error as error:
        raise meaning(error, what, table) from None  # whose text would go to logs and Sentry
