"""How our worker's cost grows with topics, partitions and different keys.

Per event and per million events, each with its slope, the straight line nearest to the points. S3
requests are counted by the server, from the worker's start to its last seal, and held against what
the settings for age and size allow: so many seals of each type, however many partitions it has.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import linear_regression

from app.ledger.protocol import Ledger
from app.worker.options import SealOptions
from sinks.s3.options import S3Options
from tests.bench.counted_s3 import CountedS3
from tests.bench.ground import Ground
from tests.bench.lines import Lines
from tests.bench.meter import metered
from tests.bench.model import OURS, Sample
from tests.bench.peers.catalogue import Roster
from tests.bench.targets import REQUESTS_ALLOWED, SEALS_ALLOWED
from tests.bench.worker import MICROS, SEAL_SECONDS, Course, filled, reading, until_sealed

EVENTS = 200_000
TOPICS = (1, 10, 60, 200)
KEYS = (1_000, 100_000)
"""Besides as many as events, which is what one topic has above; 10M are another bench's."""
WIDE = 60
BY_TOPICS, BY_KEYS = "growth by topics", "growth by different keys"
BY_PARTITIONS = "growth by partitions of 60 topics"
REQUESTS, SEALS = "S3 requests per million events", "ledger writes per million events"
SHORT = {MICROS: "cost", REQUESTS: "S3 requests", SEALS: "ledger writes"}
ROW_BYTES = 500
"""Of text, at most."""
PINGS = 1
"""A worker that starts looks whether the bucket is there."""


@dataclass(frozen=True, slots=True)
class Files:
    """What a course left behind, and what it might have: `allowed_…` by age and size."""

    requests: int
    seals: int
    allowed_requests: int
    allowed_seals: int


@dataclass(frozen=True, slots=True)
class Found:
    """One course: its cost, its files, and how many events they are of."""

    cost: Sample
    files: Files
    events: int

    def of(self, unit: str) -> Sample:
        million = self.events / 1e6
        counts = {REQUESTS: self.files.requests, SEALS: self.files.seals}
        return self.cost if unit == MICROS else Sample(counts[unit] / million)


async def bench(ground: Ground, _: Roster, lines: Lines) -> None:
    """One turn each; a course has as many events whatever else it has."""
    count = lines.some(EVENTS)
    server = CountedS3(ground.folder / "growth" / "s3", log_file=ground.folder / "growth-s3.log")
    await server.start()
    try:
        by_topics: dict[int, Found] = {}
        for topics in TOPICS[::2] if lines.quick else TOPICS:
            lines.say(f"{BY_TOPICS}: {topics}")
            by_topics[topics] = await found(ground, server, topics, "small", range(count))
        by_keys: dict[int, Found] = {}
        for keys in map(lines.some, KEYS):
            lines.say(f"{BY_KEYS}: {keys:,}")
            numbers = [number % keys for number in range(count)]
            by_keys[keys] = await found(ground, server, 1, "small", numbers)
        by_keys[count] = by_topics[1]
        lines.say(BY_PARTITIONS)
        wide = await found(ground, server, WIDE, "medium", range(count))
    finally:
        await server.stop()
    _tell(BY_TOPICS, by_topics, "topics", 100, lines)
    _tell(BY_KEYS, by_keys, "keys", 1_000_000, lines)
    _tell(BY_PARTITIONS, {2: by_topics[WIDE], 6: wide}, "partitions each", 1, lines)
    courses = {f"{number} topics": one for number, one in by_topics.items()}
    courses |= {f"{WIDE} topics × 6 partitions": wide}
    _tell_shares(courses, lines)


async def found(
    ground: Ground, server: CountedS3, topics: int, size: str, numbers: Sequence[int]
) -> Found:
    """What the events of these numbers take on so many topics."""
    tag = f"growth_{topics}_{size}_{len(set(numbers))}"
    course = await filled(ground, tag, topics, size, numbers)
    before, began = await server.requests(), time.monotonic()
    s3 = {"S3__ENDPOINT_URL": server.endpoint_url, "S3__BUCKET": server.bucket}
    async with reading(ground, course, f"{tag}-full", **s3) as (role, ledger):
        async with metered([role]) as taken:
            await until_sealed(ground, course, role, ledger)
        seconds, requests = time.monotonic() - began, await server.requests() - before
        files = await _files(ledger, course, requests, seconds)
    micros = (taken.each_life_seconds[0] - course.start_seconds) / course.count * 1e6
    return Found(Sample(micros, taken.each_peak_rss_mb[0]), files, course.count)


async def _files(ledger: Ledger, course: Course, requests: int, seconds: float) -> Files:
    """Of each type a seal may be cut whenever one is old enough, and besides whenever one is large
    enough. It has an object per day, which is one request, or a few more for each full part."""
    seals = [seal async for seal in ledger.seals()]
    if sum(seal.total("staged") for seal in seals) != course.kept:
        raise RuntimeError(f"of {course.kept} events the ledger has others: {len(seals)} seals")
    days = {stored.day for seal in seals for stored in seal.objects}
    stored_bytes = sum(stored.bytes for seal in seals for stored in seal.objects)
    text_bytes = course.count * ROW_BYTES
    by_age = len(course.events) * int(seconds // SEAL_SECONDS)
    allowed = by_age + text_bytes // SealOptions().max_bytes
    full_parts = stored_bytes // S3Options().part_bytes
    allowed_requests = PINGS + allowed * len(days) + 3 * full_parts
    return Files(requests, len(seals), allowed_requests, allowed)


def _tell(title: str, courses: Mapping[int, Found], what: str, per: int, lines: Lines) -> None:
    for unit in (MICROS, REQUESTS, SEALS):
        bench = f"{title}, {SHORT[unit]}"
        for number, one in courses.items():
            lines.add(bench, f"{number:,} {what}", unit, one.of(unit))
        values = {number: one.of(unit).value for number, one in courses.items()}
        lines.add(bench, f"slope per {per:,} {what}", unit, Sample(slope(values) * per))


def _tell_shares(courses: Mapping[str, Found], lines: Lines) -> None:
    """Of what is allowed, each course's share; ours is the largest."""
    requests = {name: one.files.requests / one.files.allowed_requests
                for name, one in courses.items()}  # fmt: skip
    seals = {name: one.files.seals / one.files.allowed_seals for name, one in courses.items()}
    for title, shares in ((REQUESTS_ALLOWED, requests), (SEALS_ALLOWED, seals)):
        for name, share in shares.items():
            lines.add(title, name, "share", Sample(share))
        lines.add(title, OURS, "share", Sample(max(shares.values())), note="the largest")


def slope(values: Mapping[int, float]) -> float:
    """How much more for one more: the slope of the straight line nearest to these points."""
    return linear_regression(list(values), list(values.values())).slope
