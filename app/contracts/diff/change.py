"""What is said of one change."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a change may be made, from the easiest to the hardest."""

    SAFE = "safe"
    VERSION = "new version"
    UNSAFE = "unsafe"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: `where` in the topic file, `what` it is, `why` the verdict, what to `do`."""

    where: str
    what: str
    verdict: Verdict
    why: str = ""
    do: str = ""


Changes = Iterator[Change]

IN_FLIGHT = "events in flight may be refused, and would become dead letters"
RAISE = "raise version"


def safe(where: str, what: str, why: str = "", do: str = "") -> Change:
    """Neither an event in flight nor a row that is loaded minds."""
    return Change(where, what, Verdict.SAFE, why, do)


def narrower(where: str, what: str, why: str = IN_FLIGHT, do: str = RAISE) -> Change:
    """Events in flight mind, so that another topic has to begin; rows that are loaded do not."""
    return Change(where, what, Verdict.VERSION, why, do)


def unsafe(where: str, what: str, why: str, do: str) -> Change:
    """Rows that are loaded mind, or events are lost; a version does not help."""
    return Change(where, what, Verdict.UNSAFE, why, do)


def told(value: object) -> str:
    """A value of a topic file, as a reader of the change knows it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(told, value)) + "]"
    return str(value)
