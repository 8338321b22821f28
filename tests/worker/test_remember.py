"""How long a worker knows a key: for at least as long as the topic file says."""

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from app.contracts.compile import compile_contract
from app.contracts.model import Dedupe
from app.core.judge import EventType
from app.worker.entries import KEY_BYTES, OFFSET
from app.worker.options import WorkerOptions
from app.worker.reader import SizeClass, changelog_topics, size_classes
from tests.gateway.orders import CONTRACT
from tests.worker.kinds import kind

KEY = b"k" * KEY_BYTES
DAY_MS = 86_400_000


def told(name: str, days: int) -> EventType:
    """A type whose topic file says so."""
    dedupe = Dedupe(by=("event_id",), remember_days=days)
    return compile_contract(CONTRACT.model_copy(update={"event": name, "dedupe": dedupe}))


def test_marks_and_changelog_of_a_size_last_as_long_as_the_longest_topic_file_of_it_says() -> None:
    kinds = [told("sold", 3), told("lent", 90), told("lost", 7), told("found", 45)]
    partitions = {"sold": 1, "lent": 1, "lost": 2, "found": 4}
    topics = changelog_topics(size_classes(WorkerOptions(remember_days=30), kinds, partitions))
    assert {name: int(spec.config["retention.ms"]) / DAY_MS for name, spec in topics.items()} == {
        "forebay-seen-1-changelog": 90,
        "forebay-seen-2-changelog": 30,  # never less: a note must outlive what Kafka may hand out
        "forebay-seen-4-changelog": 45,
    }


def size_of(folder: Path, *remember: float) -> SizeClass:
    """Of types that remember for so many seconds, without any least time."""
    options = WorkerOptions(data_dir=folder).model_copy(update={"remember_days": 0})
    kinds = [
        replace(kind(f"e{n}"), remember=timedelta(seconds=seconds))
        for n, seconds in enumerate(remember)
    ]
    [size] = size_classes(options, kinds, {known.name: 1 for known in kinds})
    return size


def test_a_mark_is_not_forgotten_while_one_type_of_the_table_wants_it(tmp_path: Path) -> None:
    short, long = size_of(tmp_path / "short", 1, 1), size_of(tmp_path / "long", 1, 3_600, 1)
    for size in (short, long):
        size.marks.write(0, {KEY: OFFSET.pack(1)})
    deadline = time.monotonic() + 30
    while short.marks.lookup(0, [KEY]) != [None]:
        assert time.monotonic() < deadline
        for size in (short, long):
            size.marks._databases[0].compact_range(None, None)
    assert long.marks.lookup(0, [KEY]) == [OFFSET.pack(1)]
    for size in (short, long):
        size.marks.close()
