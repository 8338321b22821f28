"""When is a job due? Judged from what was done of its schedule, so that a restart changes nothing
and a moment that was missed, or many of them, is made up for once.

A cron expression means what Debian's cron makes of it. A time of day that the clocks skip comes
right after the skip, and one that they pass twice comes the first time only; where minute or hour
begin with a star, each minute of such an hour counts as it comes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_WINDOWS = [timedelta(hours=2), timedelta(days=2), timedelta(days=40), timedelta(days=3_000)]
"""How far back the last moment is looked for, so that few moments are walked."""
_BELIEVABLE = timedelta(days=1)
"""Who was done with a moment that far ahead had a clock that was wrong."""
_FROM = datetime(2026, 1, 1, tzinfo=UTC)
_MOMENTS = 800


@dataclass(frozen=True, slots=True)
class Every:
    """So long after the last time."""

    interval: timedelta

    @property
    def longest_gap(self) -> timedelta:
        return self.interval

    def __str__(self) -> str:
        return f"every {_told(self.interval)}"

    def due(self, done: datetime | None, now: datetime) -> datetime | None:
        """The moment to be done now, if any; `done` is the last one that was. Both are aware."""
        if done is None or done - now > self.interval or now - done >= self.interval:
            return now
        return None

    def last(self, now: datetime) -> datetime | None:
        """The last moment of the schedule that has come."""
        return now


@dataclass(frozen=True, slots=True)
class Cron:
    """At the moments that a cron expression of five fields names, by a time zone's clocks."""

    expression: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        """Raises `ValueError` for an expression that is none, or never comes."""
        if len(self.expression.split()) != 5:  # the library knows a sixth, of seconds
            raise ValueError("must have five fields: minute, hour, day, month, day of the week")
        try:
            next(CronSim(self.expression, _FROM))
        except CronSimError as error:
            raise ValueError(f"is no cron expression ({str(error).lower()})") from error
        except StopIteration as error:
            raise ValueError("never comes") from error

    @property
    def longest_gap(self) -> timedelta:
        """Between two moments, among several hundred."""
        some = islice(CronSim(self.expression, _FROM), _MOMENTS)
        return max(later - one for one, later in pairwise(some))

    def __str__(self) -> str:
        return f"at {self.expression} ({self.timezone})"

    def due(self, done: datetime | None, now: datetime) -> datetime | None:
        """The moment to be done now, if any: the last one that has come, if it is later than the
        last one that was done. Both are aware."""
        last = self.last(now)
        if done is None or done - now > _BELIEVABLE:
            return last
        return last if last is not None and last > done else None

    def last(self, now: datetime) -> datetime | None:
        """The last moment of the schedule that has come."""
        zone = ZoneInfo(self.timezone)
        for window in _WINDOWS:
            found = None
            for tick in CronSim(self.expression, (now - window).astimezone(zone)):
                if tick.astimezone(UTC) > now:
                    break
                found = tick.astimezone(UTC)
            if found is not None:
                return found
        return None


Schedule = Every | Cron


def _told(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, unit in ((3600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
