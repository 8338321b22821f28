"""One memory budget for all that open and closing seals hold."""

from collections.abc import Iterable

from app.metrics import WORKER_HELD_BYTES
from app.worker.open_seal import OpenSeal

WORTH_WAITING_FOR = 16
"""A seal below this share of the budget is not cut while others close: with a slow store it would
be cut again and again, into objects of a few rows, and free nothing."""


class Governor:
    """Open seals may hold half of the budget, so that there is room while the largest closes."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes

    def over_budget(self, held: Iterable[OpenSeal], closing: Iterable[OpenSeal]) -> bool:
        """True: take no more until a closing seal has let go of its memory."""
        total = sum(s.held_bytes for s in held) + sum(s.held_bytes for s in closing)
        WORKER_HELD_BYTES.set(total)
        return total > self._budget_bytes

    def largest_to_seal(
        self, held: Iterable[OpenSeal], can_close: Iterable[OpenSeal], *, while_closing: bool
    ) -> OpenSeal | None:
        """The seal to cut now, among those that can, or None: all is well, or waiting is better."""
        if sum(seal.held_bytes for seal in held) <= self._budget_bytes // 2:
            return None
        largest = max(can_close, key=lambda seal: seal.held_bytes, default=None)
        least_bytes = self._budget_bytes // WORTH_WAITING_FOR if while_closing else 0
        return largest if largest is not None and largest.held_bytes >= least_bytes else None
