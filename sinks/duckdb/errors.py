"""What a DuckDB error means for us: one table.

Of an error about a value the text is left out, for it quotes the value.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from app.core.errors import Fatal, ForebayError, Transient


class OutOfMemory(Fatal):
    """DuckDB wanted more than its limit."""


FIT = "a stored object does not fit its contract"
LOCKED = ("Could not set lock on file", "is already attached by database")

# The first row whose class and text fit decides; the texts are DuckDB 2.0's.
MEANING: tuple[tuple[type[Exception], str, type[ForebayError], str], ...] = (
    (duckdb.Error, "failed to pin block", OutOfMemory, "raise DUCKDB__MEMORY_LIMIT"),
    (duckdb.IOException, "Could not set lock on file", Transient, "another process has it open"),
    (duckdb.ResourceInUseException, "", Transient, "this process has it open elsewhere"),
    (duckdb.InterruptException, "", Transient, "it was told to stop"),
    (duckdb.TransactionException, "", Transient, "another transaction was first"),
    (duckdb.OutOfMemoryException, "", OutOfMemory, "raise DUCKDB__MEMORY_LIMIT"),
    (duckdb.IOException, "No space left", Transient, "make room on this disk"),
    (duckdb.IOException, "not a valid DuckDB database", Fatal, "correct DUCKDB__PATH"),
    (duckdb.IOException, "Is a directory", Fatal, "correct DUCKDB__PATH"),
    (duckdb.IOException, "Cannot open file", Fatal, "correct DUCKDB__PATH or its permissions"),
    (duckdb.IOException, "Failed to create", Fatal, "correct DUCKDB__PATH or its permissions"),
    (duckdb.CatalogException, "does not exist", Fatal, "prepare the table first"),
    (duckdb.BinderException, "", Fatal, "prepare the table first"),
    (duckdb.ConstraintException, "NOT NULL", Fatal, "a stored row lacks a value it must have"),
    (duckdb.InvalidInputException, "", Fatal, FIT),
    (duckdb.ConversionException, "", Fatal, FIT),
    (duckdb.OutOfRangeException, "", Fatal, FIT),
    (duckdb.ConstraintException, "", Fatal, FIT),
)


def is_locked(error: duckdb.Error) -> bool:
    """Whether waiting may help: someone else has the file open."""
    return any(text in str(error) for text in LOCKED)


def meaning(error: duckdb.Error, what: str) -> ForebayError:
    """Translate; `what` says what was tried."""
    said = str(error).partition("\n")[0]
    for kind, text, verdict, advice in MEANING:
        if isinstance(error, kind) and text in str(error):
            said = type(error).__name__ if advice is FIT else said
            return verdict(f"DuckDB: {what}: {said}: {advice}")
    return Fatal(f"DuckDB: {what}: {said}")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise `Transient` or `Fatal` for whatever DuckDB raises inside."""
    try:
        yield
    except duckdb.Error as error:
        raise meaning(error, what) from None  # whose text would go to logs and Sentry
