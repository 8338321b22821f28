"""How our worker's cost grows with topics and with different keys.

Per event and per million events, each with its slope, the straight line nearest to the points.
"""

from collections.abc import Mapping, Sequence
from statistics import linear_regression

from tests.bench.ground import Ground
from tests.bench.lines import Lines
from tests.bench.model import Sample
from tests.bench.peers.catalogue import Roster
from tests.bench.worker import MICROS, filled, ours

EVENTS = 200_000
TOPICS = (1, 10, 60, 200)
KEYS = (1_000, 50_000, 200_000)
"""As many as events at most: more would take hours."""
BY_TOPICS, BY_KEYS = "growth by topics", "growth by different keys"
OBJECTS, SEALS = "S3 objects per million events", "ledger writes per million events"
SHORT = {MICROS: "cost", OBJECTS: "objects", SEALS: "ledger"}


async def bench(ground: Ground, _: Roster, lines: Lines) -> None:
    """One turn each; a course has as many events whatever else it has."""
    count = lines.some(EVENTS)
    found: dict[int, Mapping[str, Sample]] = {}
    for topics in TOPICS[::2] if lines.quick else TOPICS:
        lines.say(f"{BY_TOPICS}: {topics}")
        found[topics] = await measured(ground, f"topics_{topics}", topics, range(count))
    _tell(BY_TOPICS, found, "topics", 100, lines)
    found = {}
    for keys in map(lines.some, KEYS[::2] if lines.quick else KEYS):
        lines.say(f"{BY_KEYS}: {keys:,}")
        numbers = [number % keys for number in range(count)]
        found[keys] = await measured(ground, f"keys_{keys}", 1, numbers)
    _tell(BY_KEYS, found, "keys", 1_000_000, lines)


async def measured(
    ground: Ground, tag: str, topics: int, numbers: Sequence[int]
) -> Mapping[str, Sample]:
    """By unit, what the events of these numbers take on so many topics."""
    course = await filled(ground, tag, topics, "small", numbers)
    sample, fates = await ours(ground, course, f"{tag}-full")
    million = len(numbers) / 1e6
    return {
        MICROS: sample,
        OBJECTS: Sample(fates["objects"] / million),
        SEALS: Sample(fates["seals"] / million),
    }


def _tell(
    title: str, found: Mapping[int, Mapping[str, Sample]], what: str, per: int, lines: Lines
) -> None:
    for unit in (MICROS, OBJECTS, SEALS):
        bench = f"{title}, {SHORT[unit]}"
        for number, samples in found.items():
            lines.add(bench, f"{number:,} {what}", unit, samples[unit])
        values = {number: samples[unit].value for number, samples in found.items()}
        lines.add(bench, f"slope per {per:,} {what}", unit, Sample(slope(values) * per))


def slope(values: Mapping[int, float]) -> float:
    """How much more for one more: the slope of the straight line nearest to these points."""
    return linear_regression(list(values), list(values.values())).slope
