"""Stop before a bad deploy turns a day into dead letters."""

from app.core.errors import Fatal


class Tripped(Fatal):
    """Too many rejections of `event`. What is open of other types is good, and may be sealed."""

    def __init__(self, event: str, message: str) -> None:
        super().__init__(message)
        self.event = event


class Breaker:
    """Counts the recent verdicts on one event type.

    The rule: at least `min_rejected` rejections, and more than `max_ratio` of the records, among
    the recent ones. Recent are the last `2 * min_rejected / max_ratio` records at most: then both
    counts are halved, so that yesterday's good events do not hide today's bad deploy.
    """

    def __init__(self, event: str, max_ratio: float, min_rejected: int) -> None:
        self._event, self._max_ratio, self._min_rejected = event, max_ratio, min_rejected
        self._window = 2 * min_rejected / max_ratio
        self._judged = self._rejected = 0.0

    def count(self, judged: int, rejected: int) -> None:
        """Raises `Tripped`."""
        self._judged += judged
        self._rejected += rejected
        if self._rejected >= self._min_rejected and self._rejected > self._max_ratio * self._judged:
            raise Tripped(
                self._event,
                f"{self._event}: {self._rejected:.0f} of the last {self._judged:.0f} records were "
                "rejected; reading stopped before more of them become dead letters. Is the "
                "contract right? If the events are wrong, raise WORKER__MAX_REJECTED_RATIO",
            )
        while self._judged > self._window:
            self._judged /= 2
            self._rejected /= 2
