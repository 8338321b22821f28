"""The one memory budget of all topics, and its seals, as metrics computed when somebody asks.

Seals are held to their share by the governor, tables by RocksDB, and fetches by what each partition
is asked for.
"""

from collections.abc import Callable, Iterable

from app.metrics import (
    WORKER_MEMORY,
    WORKER_MEMORY_LIMIT,
    WORKER_OLDEST_SEAL_SECONDS,
    WORKER_SEALS_NOW,
)
from app.worker.open_seal import OpenSeal

Seals = Callable[[], Iterable[OpenSeal]]


def tell_of_seals(limit_bytes: int, opened: Seals, closing: Seals) -> None:
    """What open and closing seals hold, and may hold together."""
    WORKER_MEMORY_LIMIT.labels("seals").set(limit_bytes)
    for part, seals in (("writers", opened), ("uploads", closing)):
        WORKER_MEMORY.labels(part).set_function(_sum(seals, lambda seal: seal.writer_bytes))
    WORKER_MEMORY.labels("marks").set_function(
        _sum(lambda: [*opened(), *closing()], lambda seal: seal.mark_bytes)
    )
    for state, seals in (("open", opened), ("closing", closing)):
        WORKER_SEALS_NOW.labels(state).set_function(_sum(seals, lambda seal: 1))
    oldest_open = WORKER_OLDEST_SEAL_SECONDS.labels("open")
    oldest_open.set_function(lambda: max((s.age_seconds for s in opened()), default=0.0))
    oldest_closing = WORKER_OLDEST_SEAL_SECONDS.labels("closing")
    oldest_closing.set_function(lambda: max((s.closing_seconds for s in closing()), default=0.0))


def _sum(seals: Seals, size: Callable[[OpenSeal], int]) -> Callable[[], float]:
    return lambda: sum(map(size, seals()))
