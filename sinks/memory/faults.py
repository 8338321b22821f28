"""Failures that a store in memory was told to have."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Literal

When = Literal["before", "after"]


@dataclass
class Faults:
    """Failures still to come, by operation, in the order they were planned."""

    planned: dict[str, deque[tuple[Exception, bool]]] = field(
        default_factory=lambda: defaultdict(deque)
    )

    def plan(self, operation: str, error: Exception, when: When) -> None:
        self.planned[operation].append((error, when == "after"))

    def strike(self, operation: str, *, after: bool = False) -> None:
        """Raise the next failure of this operation if it is planned for this moment."""
        queue = self.planned[operation]
        if queue and queue[0][1] is after:
            raise queue.popleft()[0]
