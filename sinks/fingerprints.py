"""Fingerprints as every warehouse answers them: rows of numbers, put together by day."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from app.core.seal import partition_name
from sinks.protocol import DayPrints, Fingerprint, Place

STANDING, LOADED = "standing", "loaded"
PLACES_PER_PAGE = 10_000


def day_prints(rows: Iterable[tuple[Any, ...]]) -> dict[date, DayPrints]:
    """Put together (STANDING or LOADED, day, run, topic, partition, and a fingerprint's numbers).

    LOADED rows are those of the run that LOAD_CONTROL names for the day.
    """
    standing: dict[date, dict[str, Fingerprint]] = {}
    loaded: dict[date, dict[str, Fingerprint]] = {}
    runs: dict[date, str] = {}
    for which, day, run, topic, partition, *numbers in rows:
        by_day = standing if which == STANDING else loaded
        tp = partition_name(topic, int(partition))
        by_day.setdefault(day, {})[tp] = Fingerprint(*map(int, numbers))
        if which == LOADED:
            runs[day] = run
    return {
        day: DayPrints(day, runs.get(day, ""), standing.get(day, {}), loaded.get(day))
        for day in sorted({*standing, *loaded})
    }


def fingerprint(copies: Iterable[tuple[Place, int]]) -> Fingerprint | None:
    """Add up (place, hash of its key); None when there is none."""
    first = last = -1
    rows = offsets = squares = keys = 0
    for (offset, index), key in copies:
        first = offset if rows == 0 else min(first, offset)
        last = max(last, offset)
        rows += 1
        offsets += offset
        squares += offset * offset + index * index
        keys += key
    return Fingerprint(rows, first, last, offsets, squares, keys) if rows else None


def key_hash(values: Iterable[object]) -> int:
    """64 bits of a composite key, for a warehouse that has no hash of its own."""
    text = "|".join("" if value is None else str(value) for value in values)
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[8:])


def split_partition(tp: str) -> tuple[str, int]:
    """Cut `events.order_placed.v1/3`."""
    topic, _, number = tp.rpartition("/")
    return topic, int(number)


def of_partitions(
    prints: Mapping[str, Iterable[tuple[Place, int]]],
) -> dict[str, Fingerprint]:
    """The fingerprint of each partition's (place, hash of its key)."""
    found = {tp: fingerprint(copies) for tp, copies in prints.items()}
    return {tp: one for tp, one in found.items() if one is not None}
