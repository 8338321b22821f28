"""How long a worker waits for its assignment: Faust can hang without a word."""

from app.core.errors import Transient


class Patience:
    """Ends when nothing has moved for too long. Tables that are being filled move."""

    def __init__(self, seconds: float, now: float) -> None:
        self._seconds = seconds
        self._moved_at = now
        self._applied = 0

    def look(self, now: float, *, settled: bool, applied: int) -> None:
        """Look at whether all that is assigned is read, and how many changelog messages the tables
        took so far. Raises `Transient` when nothing has come of it for too long."""
        if settled or applied != self._applied:
            self._moved_at, self._applied = now, applied
        elif now - self._moved_at > self._seconds:
            raise Transient(
                "no assignment or table recovery ended, or went on, within "
                f"{self._seconds:.0f} s; starting again"
            )
