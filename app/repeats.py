"""The same again and again: said at once, then once in a while with how often. None is lost.

In an outage a library says the same many times a second, and so do we of a hot error.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
INTERVAL_SECONDS = 10.0
DISTINCT = 20
"""Kinds that one line of code may have in an interval; the others count as one."""

Place = tuple[str, int]
"""A line of code: its file and number."""


@dataclass(slots=True)
class _Heard(Generic[T]):
    until: float
    times: int = 0
    last: T | None = None


class Repeats(Generic[T]):
    """Hands to `say` what is to be said, and how often it was said since then: 0 for the first."""

    def __init__(
        self,
        say: Callable[[T, int], None],
        seconds: float = INTERVAL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say, self._seconds, self._clock = say, seconds, clock
        self._heard: dict[tuple[Place, str], _Heard[T]] = {}
        self._kinds: dict[Place, int] = {}
        self._timer: threading.Timer | None = None
        self._lock = threading.RLock()

    def take(self, place: Place, kind: str, said: T) -> None:
        """Something of this `kind` is to be said at this line of code."""
        with self._lock:
            self.look()
            key = (place, kind)
            heard = self._heard.get(key)
            if heard is None and self._kinds.get(place, 0) >= DISTINCT:
                key = (place, "")
                heard = self._heard.get(key)
            if heard is None:
                self._heard[key] = _Heard(self._clock() + self._seconds)
                self._kinds[place] = self._kinds.get(place, 0) + 1
                self._say(said, 0)
            else:
                heard.times += 1
                heard.last = said
                self._wake_up()

    def look(self) -> None:
        """Say what an interval is over for; forget what was not said again in it."""
        now = self._clock()
        with self._lock:
            for key, heard in [item for item in self._heard.items() if item[1].until <= now]:
                if heard.last is None:
                    self._forget(key)
                else:
                    self._tell(heard)
                    heard.until = now + self._seconds

    def flush(self) -> None:
        """Say all that was counted, now."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            for key, heard in list(self._heard.items()):
                self._tell(heard)
                self._forget(key)

    def _tell(self, heard: _Heard[T]) -> None:
        said, times = heard.last, heard.times
        heard.last, heard.times = None, 0
        if said is not None:
            self._say(said, times)

    def _forget(self, key: tuple[Place, str]) -> None:
        del self._heard[key]
        self._kinds[key[0]] -= 1
        if not self._kinds[key[0]]:
            del self._kinds[key[0]]

    def _wake_up(self) -> None:
        """Look when the interval is over, even if nothing else is ever said."""
        if self._timer is None:
            self._timer = threading.Timer(self._seconds, self._woken)
            self._timer.daemon = True
            self._timer.start()

    def _woken(self) -> None:
        with self._lock:
            self._timer = None
            self.look()
            if any(heard.times for heard in self._heard.values()):
                self._wake_up()
