"""What proving costs: an audit by events, and `forebay topics check` by topic files.

CPU seconds of a process of its own, from its start for a check, of the audit alone for an audit.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.bench.events import names, write_topics
from tests.bench.ground import PROJECT, Ground
from tests.bench.growth import slope
from tests.bench.lines import Lines
from tests.bench.model import Sample
from tests.bench.peers.catalogue import Roster

AUDIT, AUDIT_AGAIN = "audit of all", "audit, nothing changed since"
CHECK = "topics check"
SECONDS = "s CPU"
EVENTS, PER_SEAL = (200_000, 1_000_000), 1_000
TYPES = (20, 200)


async def bench(ground: Ground, _: Roster, lines: Lines) -> None:
    """Each one once."""
    lines.say(AUDIT)
    first: dict[int, Sample] = {}
    again: dict[int, Sample] = {}
    for events in map(lines.some, EVENTS):
        first[events], again[events] = await audited(events)
    for title, samples in ((AUDIT, first), (AUDIT_AGAIN, again)):
        _tell(title, samples, "events", 1_000_000, lines)
    lines.say(CHECK)
    shipped, sample = await checked(PROJECT / "topics")
    lines.add(CHECK, f"the {shipped} shipped types", SECONDS, sample)
    found = {}
    for types in TYPES:
        folder = write_topics(ground.folder / "checks" / f"{types}", names(types, "check"))
        read, found[types] = await checked(folder)
        assert read == types
    _tell(CHECK, found, "types", 100, lines)


async def audited(events: int) -> tuple[Sample, Sample]:
    """The first look at a world of so many events, and another one."""
    sizes = ("--events", str(events), "--per-seal", str(PER_SEAL))
    said, _ = await _run("-m", "tests.bench.audit", *sizes, "--first", "2", "--json")
    first, again = json.loads(said).values()
    return _sample(first), _sample(again)


def _sample(told: dict[str, Any]) -> Sample:
    return Sample(told["cpu_seconds"], told["peak_megabytes"] * 1.048576)


async def checked(folder: Path) -> tuple[int, Sample]:
    """How many types the files in a folder describe, and what it takes to check them all."""
    words = ("-m", "app.cli", "topics", "check", "--json", "--topics-dir", str(folder))
    said, seconds = await _run(*words)
    return int(json.loads(said)["topics"]), Sample(seconds)


async def _run(*words: str) -> tuple[str, float]:
    """What this Python says, and its CPU seconds."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    before = os.times()
    out, err = await process.communicate()
    after = os.times()
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)}: {err.decode()[-500:]}")
    used = after.children_user + after.children_system
    return out.decode(), used - before.children_user - before.children_system


def _tell(title: str, found: dict[int, Sample], what: str, per: int, lines: Lines) -> None:
    for number, sample in found.items():
        lines.add(title, f"{number:,} {what}", SECONDS, sample)
    values = {number: sample.value for number, sample in found.items()}
    lines.add(title, f"slope per {per:,} {what}", SECONDS, Sample(slope(values) * per))
