"""In an outage Faust logs the same error thousands of times: let each through now and then."""

import logging
import time

NOISY = ("faust", "mode", "aiokafka")


class Repeats(logging.Filter):
    """Lets one line of a kind through in `seconds`; a kind is a logger and a message template."""

    def __init__(self, seconds: float = 10.0) -> None:
        super().__init__()
        self._seconds = seconds
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(NOISY):
            return True
        now, kind = time.monotonic(), (record.name, str(record.msg)[:200])
        if now - self._last.get(kind, -self._seconds) < self._seconds:
            return False
        if len(self._last) > 1000:
            self._last.clear()
        self._last[kind] = now
        return True


def quieten() -> None:
    """Put the filter on the handlers that `app.logs` has set up."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(known, Repeats) for known in handler.filters):
            handler.addFilter(Repeats())
