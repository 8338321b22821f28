"""How many bytes of events the gateway holds: one sum, one limit."""

from app.metrics import GATEWAY_IN_FLIGHT


class Overloaded(Exception):
    """Taking more would pass the limit; what is held now must reach Kafka first."""


class Budget:
    """Bytes held between a request's first byte and Kafka's acknowledgement."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.held = 0
        GATEWAY_IN_FLIGHT.set_function(lambda: self.held)

    def take(self, size: int) -> None:
        """Hold `size` bytes more. Raises `Overloaded`, then nothing was taken."""
        # One request alone always fits: else a body above the limit could never get in.
        if self.held and self.held + size > self._limit:
            raise Overloaded
        self.held += size

    def give(self, size: int) -> None:
        self.held -= size
