"""In an outage Faust logs the same error thousands of times: let each through now and then.

Kafka answers a cluster's very first group that nobody coordinates it yet, for it has to make a
topic for that: no error, unless it lasts.
"""

import logging
import time

from aiokafka.errors import GroupCoordinatorNotAvailableError
from loguru import logger

NOISY = ("faust", "mode", "aiokafka")
EXPECTED = GroupCoordinatorNotAvailableError
EXPECTED_SECONDS = 15.0


class Repeats(logging.Filter):
    """Lets one line of a kind through in `seconds`; a kind is a logger and a message template."""

    def __init__(self, seconds: float = 10.0) -> None:
        super().__init__()
        self._seconds = seconds
        self._last: dict[tuple[str, str], float] = {}
        self._expected_since: float | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(NOISY):
            return True
        now, kind = time.monotonic(), (record.name, str(record.msg)[:200])
        if any(isinstance(said, EXPECTED) for said in _args(record)):
            self._expected_since = now if self._expected_since is None else self._expected_since
            if now - self._expected_since < EXPECTED_SECONDS:
                logger.debug("{}", record.getMessage())
                return False
        if now - self._last.get(kind, -self._seconds) < self._seconds:
            return False
        if len(self._last) > 1000:
            self._last.clear()
        self._last[kind] = now
        return True


def _args(record: logging.LogRecord) -> tuple[object, ...]:
    return record.args if isinstance(record.args, tuple) else ()


def quieten() -> None:
    """Put the filter on the handlers that `app.logs` has set up."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(known, Repeats) for known in handler.filters):
            handler.addFilter(Repeats())
