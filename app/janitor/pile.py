"""What a sweep finds, by kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

EXAMPLES = 5

Check = Callable[[], None]
"""Called before each removal; may raise."""


class Kind(StrEnum):
    """What a sweep finds."""

    OBJECTS = "objects"
    UPLOADS = "uploads"
    FILES = "files"
    RUNS = "runs"
    SEALS = "seals"
    LETTERS = "letters"


ABOUT: Mapping[Kind, str] = {
    Kind.OBJECTS: "objects that no seal names",
    Kind.UPLOADS: "multipart uploads that nobody finished",
    Kind.FILES: "local files that dead loads left",
    Kind.RUNS: "runs in the history of jobs",
    Kind.SEALS: "seals beyond their retention, of which the sums stay",
    Kind.LETTERS: "dead letters in them that nobody did anything about",
}


@dataclass
class Pile:
    """All that was found of one kind. Only of objects and files somebody knows the `bytes`."""

    kind: Kind
    count: int = 0
    bytes: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, name: str, size: int = 0, count: int = 1) -> None:
        self.count += count
        self.bytes += size
        if len(self.examples) < EXAMPLES:
            self.examples.append(name)

    def join(self, other: "Pile") -> None:
        """Add what is on another one."""
        self.count += other.count
        self.bytes += other.bytes
        self.examples += other.examples[: EXAMPLES - len(self.examples)]


def counted(piles: Mapping[Kind, Pile]) -> dict[str, int]:
    """What was removed, for the history of jobs."""
    counts = {str(kind): pile.count for kind, pile in piles.items()}
    return counts | {"bytes": sum(pile.bytes for pile in piles.values())}
