"""What is never said in a log line or to Sentry: what an event holds, and secrets.

An exception's text may quote what it stumbled over. So it is said only of those that are ours, and
of the clients of servers, which tell of connections; of all others the type is, and where it was.
"""

import re
import traceback
from collections.abc import Iterable, Iterator
from urllib.parse import quote

import orjson

OUTSPOKEN = ("app", "sinks", "aiokafka", "botocore", "aiobotocore", "redis", "pymongo", "mode")
OF_THE_SYSTEM = {
    "OSError", "TimeoutError", "ConnectionError", "ConnectionResetError", "ConnectionRefusedError",
    "ConnectionAbortedError", "BrokenPipeError", "FileNotFoundError", "PermissionError", "gaierror",
    "CancelledError", "MemoryError", "RecursionError",
}  # fmt: skip
LEAST = 6
"""A shorter secret is no secret, and would be found in any word."""

_secrets = re.compile("(?!)")  # matches nothing


def hide(secrets: Iterable[str]) -> None:
    """From now on these stand as `***` wherever they would be said, in each way they are spelt."""
    global _secrets
    wanted = {secret for secret in secrets if len(secret) >= LEAST}
    spelt = {s for w in wanted for s in (w, quote(w, safe=""), orjson.dumps(w)[1:-1].decode())}
    longest_first = sorted(map(re.escape, spelt), key=len, reverse=True)
    _secrets = re.compile("|".join(longest_first) or "(?!)")


def hidden(text: str) -> str:
    """The same without secrets."""
    return _secrets.sub("***", text)


def may_be_said(module: str | None, name: str) -> bool:
    """Whether the text of exceptions of this class can not quote an event."""
    root = (module or "builtins").partition(".")[0]
    return root in OUTSPOKEN or name in OF_THE_SYSTEM


def told(error: BaseException) -> str:
    """Its type, and its text if that may be said."""
    kind = type(error)
    text = str(error) if may_be_said(kind.__module__, kind.__name__) else ""
    return f"{kind.__name__}: {text}" if text else kind.__name__


def told_whole(error: BaseException) -> str:
    """It, what it came of, and where each was raised."""
    return "\nwhich came of\n".join(
        "".join(traceback.format_tb(one.__traceback__)) + told(one) for one in chain(error)
    )


def cause_of(error: BaseException) -> str:
    """The types of an error and of what it came of: one name for one kind of mishap."""
    return " of ".join(type(one).__name__ for one in chain(error))


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it came of; of a group, its first one."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        if isinstance(at, BaseExceptionGroup):
            at = at.exceptions[0]
        else:
            at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
