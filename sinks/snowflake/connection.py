"""A session with Snowflake, by key pair. Importing the connector takes 50 MB: only when needed."""

import json
import warnings
from pathlib import Path
from typing import Any

from app.core.errors import Fatal, Transient
from sinks.snowflake.errors import LOGIN, translated
from sinks.snowflake.options import SnowflakeOptions
from sinks.snowflake.sql import literal

LOGOUT_SECONDS = 5
NEEDED = ("account", "user", "private_key_file", "warehouse", "database")


def connect(options: SnowflakeOptions) -> Any:
    """Log in.

    Raises:
        Fatal: a variable is missing or wrong; the text names it.
        Transient: Snowflake can not be reached.
    """
    refuse_incomplete(options)
    key = private_key(options)
    import snowflake.connector

    arguments: dict[str, Any] = {
        "account": options.account,
        "user": options.user,
        "authenticator": "SNOWFLAKE_JWT",
        "private_key": key,
        "role": options.role or None,
        "warehouse": options.warehouse,
        "database": options.database,
        "schema": options.schema_name.upper(),
        "application": "Forebay",
        "paramstyle": "qmark",
        "autocommit": True,
        "auto_cleanup": False,
        "login_timeout": options.login_timeout_seconds,
        "connect_timeout": options.login_timeout_seconds,
        # Of one HTTP exchange: a statement may take many, and as long as it needs.
        "retry_timeout": options.network_timeout_seconds,
        "request_timeout": options.network_timeout_seconds,
        "logout_total_timeout_seconds": LOGOUT_SECONDS,
        "enable_server_session_keep_alive_auto_detection": False,
        "session_parameters": {
            "TIMEZONE": "UTC",
            "QUERY_TAG": tag(),
            "LOCK_TIMEOUT": options.network_timeout_seconds,
            # A statement whose client is gone must not go on holding the lock.
            "ABORT_DETACHED_QUERY": True,
        },
    }
    if options.host:
        arguments |= {"host": options.host, "protocol": options.protocol}
        arguments |= {"port": options.port} if options.port else {}
    with warnings.catch_warnings(), translated("log in", LOGIN):
        warnings.simplefilter("ignore", FutureWarning)
        return snowflake.connector.connect(**arguments)


def refuse_incomplete(options: SnowflakeOptions) -> None:
    """Raises `Fatal`, naming the variables without which nobody can log in."""
    missing = [f"SNOWFLAKE__{name.upper()}" for name in NEEDED if not getattr(options, name)]
    if missing:
        raise Fatal(f"Snowflake: set {', '.join(missing)}")


def tag(**context: str) -> str:
    """What Snowflake's query history shows beside a statement."""
    return json.dumps({"app": "forebay", **context})


def set_tag(connection: Any, **context: str) -> None:
    """Mark the session's next statements; also shows whether the session still lives."""
    with translated("begin"):
        connection.cursor().execute(f"ALTER SESSION SET QUERY_TAG = {literal(tag(**context))}")


def private_key(options: SnowflakeOptions) -> bytes:
    """Read the key as DER. The connector's own errors do not tell a file from a passphrase."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    path = options.private_key_file
    assert path is not None
    passphrase = options.private_key_passphrase.get_secret_value()
    try:
        key = load_pem_private_key(_read(path), passphrase.encode() or None)
    except TypeError as error:
        raise Fatal(
            f"Snowflake: {path} is "
            + (
                "not encrypted: clear SNOWFLAKE__PRIVATE_KEY_PASSPHRASE"
                if passphrase
                else "encrypted: set SNOWFLAKE__PRIVATE_KEY_PASSPHRASE"
            )
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        advice = (
            "SNOWFLAKE__PRIVATE_KEY_PASSPHRASE or the file SNOWFLAKE__PRIVATE_KEY_FILE is wrong"
            if passphrase
            else "SNOWFLAKE__PRIVATE_KEY_FILE must name a private key: PKCS#8, PEM"
        )
        raise Fatal(f"Snowflake: {path} can not be read as a key: {advice}") from error
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Fatal(
            f"Snowflake: {path}: {error.strerror}: correct SNOWFLAKE__PRIVATE_KEY_FILE"
        ) from error


class Session:
    """The one connection of a warehouse, made when needed. All of it blocks: one thread only."""

    def __init__(self, options: SnowflakeOptions) -> None:
        self._options = options
        self._connection: Any = None

    def cursor(self, **context: str) -> Any:
        """A cursor of a living session, whose statements are tagged with `context`."""
        if self._connection is not None:
            try:
                set_tag(self._connection, **context)
                return self._connection.cursor()
            except Transient:
                self.drop()
        self._connection = connect(self._options)
        set_tag(self._connection, **context)
        return self._connection.cursor()

    def drop(self) -> None:
        """End the session; an open transaction ends with it, undone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            from snowflake.connector.errors import Error

            try:
                connection.close(retry=False)
            except Error:
                return  # it was cut off; Snowflake will notice by itself
