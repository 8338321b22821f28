"""The one memory budget of all topics, as metrics that are computed when somebody asks.

Seals are held to their share by the governor, tables by RocksDB, and fetches by what each partition
is asked for.
"""

from collections.abc import Callable, Iterable

from app.metrics import WORKER_MEMORY, WORKER_MEMORY_LIMIT
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


def _sum(seals: Seals, size: Callable[[OpenSeal], int]) -> Callable[[], float]:
    return lambda: sum(map(size, seals()))
