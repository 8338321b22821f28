"""What was done about dead letters: a record beside the seals, which themselves never change."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

MAX_LETTERS = 5_000
"""Of one disposal: a document stays far below what a store takes."""

_SPANS = re.compile(r"[0-9]+(\+[1-9][0-9]*)?( [0-9]+(\+[1-9][0-9]*)?)*")


class Fate(StrEnum):
    """What became of a dead letter. One that was replayed counts as that, dropped or not."""

    REPLAYED = "replayed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Disposal:
    """Somebody sent dead letters of one event again, or gave them up, and says `why`.

    `id` is a ULID, `at` aware UTC. `letters` are offsets, ascending, by partition as the ledger
    names it: `events.order_placed.v1/3`.
    """

    id: str
    event: str
    fate: Fate
    why: str
    at: datetime
    letters: Mapping[str, tuple[int, ...]]

    @property
    def count(self) -> int:
        return sum(map(len, self.letters.values()))

    def problems(self) -> list[str]:
        """Say what is wrong, a sentence each; empty for a disposal fit to be recorded."""
        found = []
        if not 1 <= self.count <= MAX_LETTERS:
            found.append(f"{self.count} dead letters; a disposal names 1 to {MAX_LETTERS}")
        for tp, offsets in self.letters.items():
            if not offsets or offsets[0] < 0 or any(b <= a for a, b in pairwise(offsets)):
                found.append(f"the offsets of {tp} are none, or not ascending")
        return found


def packed(offsets: Iterable[int]) -> str:
    """Write ascending offsets shortly: `1200+2 7` is 1200, 1201, 1202 and 1210.

    Each word is how many offsets are left out before the next one that is meant, and how many
    more follow it without a gap.
    """
    spans: list[list[int]] = []
    next = 0
    for offset in offsets:
        if spans and offset == next:
            spans[-1][1] += 1
        else:
            spans.append([offset - next, 0])
        next = offset + 1
    return " ".join(f"{skipped}+{more}" if more else f"{skipped}" for skipped, more in spans)


def unpacked(text: str) -> tuple[int, ...]:
    """Read what `packed` wrote. Raises `ValueError` for anything else."""
    if not _SPANS.fullmatch(text):
        raise ValueError("no packed offsets")
    return tuple(_offsets(text))


def _offsets(text: str) -> Iterator[int]:
    next = 0
    for word in text.split(" "):
        skipped, _, more = word.partition("+")
        first = next + int(skipped)
        next = first + int(more or 0) + 1
        yield from range(first, next)
