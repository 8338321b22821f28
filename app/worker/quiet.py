"""Kafka answers a cluster's very first group that nobody coordinates it yet, for it has to make a
topic for that: no error, unless it lasts."""

import logging
import time

from aiokafka.errors import GroupCoordinatorNotAvailableError
from loguru import logger

EXPECTED = GroupCoordinatorNotAvailableError
EXPECTED_SECONDS = 15.0


class Expected(logging.Filter):
    """Holds such lines back for a while."""

    def __init__(self) -> None:
        super().__init__()
        self._since: float | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        args = record.args if isinstance(record.args, tuple) else ()
        if not any(isinstance(said, EXPECTED) for said in args):
            return True
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since >= EXPECTED_SECONDS:
            return True
        logger.debug("{}", record.getMessage())
        return False


def quieten() -> None:
    """Put the filter on the handlers that `app.logs` has set up."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(known, Expected) for known in handler.filters):
            handler.addFilter(Expected())
