"""What stands still of an event type, since when, and who said so why."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Activity(StrEnum):
    """What can be paused: reading the type's topic, or replacing days of its table."""

    CONSUME = "consume"
    LOAD = "load"


class PausedBy(StrEnum):
    """Who paused it."""

    OPERATOR = "operator"
    BREAKER = "breaker"


@dataclass(frozen=True, slots=True)
class Pause:
    """One activity of one event type stands still until somebody resumes it. `at` is aware UTC."""

    event: str
    what: Activity
    why: str
    by: PausedBy
    at: datetime

    def __str__(self) -> str:
        return f"{self.event}: {self.what} paused by {self.by} at {self.at:%Y-%m-%d %H:%M} UTC"
