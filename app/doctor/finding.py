"""What the doctor says of one thing it has looked at."""

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from app.core.errors import ForebayError


class Level(StrEnum):
    """`WEAK` works, and loses or stops what it would not in production. `WRONG` does not work."""

    GOOD = "good"
    WEAK = "weak"
    WRONG = "wrong"


class Finding(NamedTuple):
    """`part` is kafka, s3, …; `said` a sentence about it, and `fix` what to do, word for word."""

    part: str
    level: Level
    said: str
    fix: str = ""


async def tried(part: str, looks: AsyncIterator[Finding]) -> list[Finding]:
    """All that a look at a server finds. What it raises is the last finding: after that there is
    nothing more to be asked there."""
    found: list[Finding] = []
    try:
        async for finding in looks:
            found.append(finding)  # noqa: PERF401 (some come before an error)
    except ForebayError as error:
        found.append(Finding(part, Level.WRONG, str(error)))
    return found


def some(names: Sequence[str]) -> str:
    """The first few of them, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
