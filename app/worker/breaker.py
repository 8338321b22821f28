"""Stop before a bad deploy turns a day into dead letters."""

from app.core.errors import ForebayError


class Tripped(ForebayError):
    """Too many rejections of `event`: it must not be read on. Other types are no part of it."""

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
            bad, all_of_them = self._rejected, self._judged
            self._judged, self._rejected = 0.0, 0.0  # whoever resumes it begins with a clean slate
            raise Tripped(
                self._event,
                f"{self._event}: {bad:.0f} of the last {all_of_them:.0f} records were "
                "rejected. This type alone is paused, before more of it becomes dead letters; its "
                "topic keeps them. Is the contract right? Correct it; if the events are wrong, "
                "stop their sender or raise WORKER__MAX_REJECTED_RATIO. Then `forebay resume "
                f"--type {self._event}`: reading goes on where the last seal ended",
            )
        while self._judged > self._window:
            self._judged /= 2
            self._rejected /= 2
