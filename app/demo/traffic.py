"""What the demo sends: good events, the same ones again, and broken ones, each counted.

Nothing is random, so that every run must come to the same balance.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Literal

import orjson

from app.core.errors import Reason
from app.demo.input import Event, events

BATCH = 500  # events of one POST
DIRECT_EVERY = 10  # one batch in ten goes straight to Kafka
AGAIN_EVERY, AGAIN_AFTER = 5, 7  # one batch in five is sent again, seven batches later
BROKEN_EVERY = 1_000  # one event in a thousand has a broken twin
WRONG_KEY_EVERY = 2_000  # one in two thousand is copied to Kafka without its key

Way = Literal["http", "direct", "direct without key"]


@dataclass(frozen=True, slots=True)
class Parcel:
    """Some events of one type that travel together."""

    kind: str
    way: Way
    events: list[bytes]
    part: Literal["new", "again", "broken"]


@dataclass(frozen=True, slots=True)
class Break:
    """One way to break an event, the way it travels, and the verdict it must get."""

    way: Way
    reason: Reason
    of: Callable[[Event], bytes]


BREAKS: tuple[Break, ...] = (
    Break("http", Reason.SCHEMA, lambda e: orjson.dumps(e | {"origin": None})),
    Break("http", Reason.SCHEMA, lambda e: orjson.dumps(e | {"origin": 7})),
    Break("http", Reason.SCHEMA, lambda e: orjson.dumps(e | {"orign": "a misspelt name"})),
    Break("http", Reason.TOO_EARLY, lambda e: orjson.dumps(e | {"time_hour": "2113-01-01T10:00Z"})),
    Break("direct", Reason.NOT_JSON, lambda e: orjson.dumps(e)[:-1]),
    Break("direct", Reason.SCHEMA, lambda e: orjson.dumps(e | {"time_hour": "yesterday"})),
    Break("direct", Reason.TOO_LARGE, lambda e: orjson.dumps(e | {"note": "x" * 300_000})),
)


@dataclass
class Sent:
    """What was handed over, event by event."""

    new: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    broken: Counter[tuple[str, Reason]] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)


def traffic(kind: str, sent: Sent) -> Iterator[Parcel]:
    """All parcels of one event type, in order; `sent` is filled as they are taken."""
    waiting: deque[tuple[int, list[bytes]]] = deque()
    breaks = count()
    for number, batch in enumerate(_batched(kind)):
        lines = [orjson.dumps(event) for event in batch]
        yield _counted(
            Parcel(kind, "direct" if number % DIRECT_EVERY == 9 else "http", lines, "new"), sent
        )
        if number % AGAIN_EVERY == 0:
            waiting.append((number + AGAIN_AFTER, lines))
        if number % (BROKEN_EVERY // BATCH) == 0:
            made = BREAKS[next(breaks) % len(BREAKS)]
            sent.broken[kind, made.reason] += 1
            yield _counted(Parcel(kind, made.way, [made.of(batch[0])], "broken"), sent)
        if number % (WRONG_KEY_EVERY // BATCH) == 0:
            yield _counted(Parcel(kind, "direct without key", lines[-1:], "again"), sent)
        while waiting and waiting[0][0] <= number:
            yield _counted(Parcel(kind, "http", waiting.popleft()[1], "again"), sent)
    for _, lines in waiting:
        yield _counted(Parcel(kind, "http", lines, "again"), sent)


def _batched(kind: str) -> Iterator[list[Event]]:
    source = events(kind)
    while batch := list(islice(source, BATCH)):
        yield batch


def _counted(parcel: Parcel, sent: Sent) -> Parcel:
    if parcel.part != "broken":
        (sent.new if parcel.part == "new" else sent.again)[parcel.kind] += len(parcel.events)
    sent.ways[parcel.way] += len(parcel.events)
    return parcel
