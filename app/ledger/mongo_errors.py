"""What MongoDB's errors mean to us: the one table."""

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    CursorNotFound,
    DuplicateKeyError,
    InvalidName,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)

from app import tls
from app.core.errors import Fatal, Fenced, ForebayError, Transient

NAMES = tls.Names(
    server="LEDGER__URL",
    ca="LEDGER__CA_FILE",
    ours="LEDGER__CERT_FILE, LEDGER__KEY_PASSWORD",
)

# The first that fits decides; whatever is not named is Transient, for then nothing is acknowledged.
_CLASSES: tuple[tuple[type[Exception], type[ForebayError], str], ...] = (
    (DuplicateKeyError, Fenced, "already has this entry: another owner was first"),
    (WTimeoutError, Transient, "has no majority to confirm a write"),
    (ServerSelectionTimeoutError, Transient, "can not be reached, or has no primary"),
    (AutoReconnect, Transient, "lost the connection"),
    (CursorNotFound, Transient, "forgot a cursor; start the walk again"),
    (InvalidURI, Fatal, "has a URL that can not be read: correct LEDGER__URL"),
    (ConfigurationError, Fatal, "has a URL with an option that can not be: correct LEDGER__URL"),
    (InvalidName, Fatal, "has a database name that can not be: correct LEDGER__DATABASE"),
    (BSONError, Fatal, "can not hold this document"),
)
_CODES: dict[int, str] = {
    13: "refuses our user: give it readWrite on the database",
    18: "does not accept our password: correct LEDGER__PASSWORD or LEDGER__URL",
    85: "has an index of the same name with other options: drop it, it is made anew",
    86: "has an index of the same name with other keys: drop it, it is made anew",
    8000: "refuses our user: correct LEDGER__USERNAME or LEDGER__URL",
}


def translated(error: Exception) -> ForebayError:
    """Say whose fault a MongoDB error is."""
    if isinstance(error, OperationFailure) and error.code in _CODES:
        return Fatal(f"the ledger {_CODES[error.code]} ({error})")
    for named, kind, advice in _CLASSES:
        if isinstance(error, named):
            more = tls.advice(error, NAMES, greeting=isinstance(error, ServerSelectionTimeoutError))
            return kind(f"the ledger {advice} ({error}){more}")
    return Transient(f"the ledger did not do what was asked; trying again may help ({error})")


@contextmanager
def translating() -> Iterator[None]:
    """Let only our own errors out."""
    try:
        yield
    except (PyMongoError, BSONError) as error:
        raise translated(error) from error
