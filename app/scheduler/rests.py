"""What has failed is left alone for a while, longer each time."""

from collections.abc import Callable
from time import monotonic


class Rests:
    """By name: how often it has failed since it last went well, and how long it rests for that."""

    def __init__(self, first_seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._first_seconds, self._clock = first_seconds, clock
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def rests(self, name: str) -> bool:
        return self._clock() < self._until.get(name, 0.0)

    def failed(self, name: str, most_seconds: float) -> float:
        """Begin a rest and return its length: doubled with each failure, up to `most_seconds`."""
        failures = self._failures[name] = self._failures.get(name, 0) + 1
        most = max(self._first_seconds, most_seconds)
        seconds = min(most, self._first_seconds * 2.0 ** min(failures - 1, 60))
        self._until[name] = self._clock() + seconds
        return seconds

    def went_well(self, name: str) -> None:
        self._failures.pop(name, None)
