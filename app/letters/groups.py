"""Dead letters grouped by type, reason and field, with counts and one masked example of each."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from app.contracts.model import Contract
from app.core.disposal import Fate
from app.ledger.disposed import Disposed
from app.letters.letter import Letter
from app.letters.masked import known_names, masked_event, told_place
from app.letters.stored import place_of

MAX_GROUPS = 1_000
"""Senders choose unknown names, so there may be any number."""

OTHERS = "(others)"
EXAMPLE_ITEMS = 12


@dataclasses.dataclass
class Group:
    """Letters of one event type that died of the same. `first` and `last` are UTC days of receipt.

    The example is one that is still open, if there is one.
    """

    event: str
    reason: str
    field: str | None
    counts: Counter[Fate | None] = dataclasses.field(default_factory=Counter)
    first: date = date.max
    last: date = date.min
    name: str = ""
    example: Any = None

    @property
    def open(self) -> int:
        return self.counts[None]

    def as_json(self) -> dict[str, Any]:
        """Plain values; days are ISO dates."""
        return {
            "event": self.event,
            "reason": self.reason,
            "field": self.field,
            "open": self.open,
            "replayed": self.counts[Fate.REPLAYED],
            "dropped": self.counts[Fate.DROPPED],
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "example": {"name": self.name, "value": self.example},
        }


class Groups:
    """Take letters one by one; memory stays flat."""

    def __init__(self, contracts: Mapping[str, Contract], disposed: Disposed) -> None:
        self._contracts, self._disposed = contracts, disposed
        self._known: dict[str, frozenset[str]] = {}
        self._groups: dict[tuple[str, str, str | None], Group] = {}

    def take(self, letter: Letter) -> None:
        """Count a letter."""
        known = self._known_of(letter.event)
        place = told_place(place_of(letter.field), known)
        key = (letter.event, letter.reason, place)
        if key not in self._groups and len(self._groups) >= MAX_GROUPS:
            key = (letter.event, letter.reason, OTHERS)
        group = self._groups.setdefault(key, Group(*key))
        fate = self._disposed.fate(*letter.name)
        group.counts[fate] += 1
        day = letter.received_at.date()
        group.first, group.last = min(group.first, day), max(group.last, day)
        if not group.name or (fate is None and group.open == 1):
            group.name = str(letter.name)
            group.example = masked_event(letter.raw, known, EXAMPLE_ITEMS)

    def found(self, *, all: bool = False) -> list[Group]:
        """By event, most letters first; without `all` only groups with open ones."""
        groups = [group for group in self._groups.values() if all or group.open]
        return sorted(groups, key=lambda g: (g.event, -g.open, g.reason, g.field or ""))

    def _known_of(self, event: str) -> frozenset[str]:
        if event not in self._known:
            self._known[event] = known_names(self._contracts.get(event))
        return self._known[event]
