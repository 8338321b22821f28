"""How many bytes of events the gateway holds: one sum, one limit, and room for everybody."""

from collections.abc import Mapping

from app.metrics import GATEWAY_IN_FLIGHT


class Overloaded(Exception):
    """Taking more would pass the limit; what is held now must reach Kafka first."""


class Budget:
    """Bytes held between a request's first byte and Kafka's acknowledgement, by whose they are.

    Nobody may hold more than is still free: one alone up to half of the limit, two up to a third
    each. So however much a type sends whose partition is slow, there is room for one more type
    (dynamic thresholds, as switches share their memory among ports).
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_owner: dict[str, int] = {}
        self.held = 0
        GATEWAY_IN_FLIGHT.set_function(lambda: self.held)

    def take(self, size: int, owner: str) -> None:
        """Hold `size` bytes more. Raises `Overloaded`, then nothing was taken."""
        own = self._by_owner.get(owner, 0)
        # One request alone always fits: else a body above the limit could never get in.
        if self.held and own + size > self._limit - self.held:
            raise Overloaded
        self._by_owner[owner] = own + size
        self.held += size

    def take_each(self, sizes: Mapping[str, int]) -> None:
        """Hold so many bytes more by owner. Raises `Overloaded`, then nothing was taken."""
        taken: list[tuple[int, str]] = []
        try:
            for owner, size in sizes.items():
                self.take(size, owner)
                taken.append((size, owner))
        except Overloaded:
            for size, owner in taken:
                self.give(size, owner)
            raise

    def give(self, size: int, owner: str) -> None:
        self.held -= size
        left = self._by_owner.get(owner, 0) - size
        if left:
            self._by_owner[owner] = left
        else:
            self._by_owner.pop(owner, None)
