"""How long it takes until a role is ready, and until `forebay --help` is there."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.events import names
from tests.bench.ground import Ground
from tests.bench.lines import Lines
from tests.bench.model import OURS, Sample
from tests.bench.peers.catalogue import Roster
from tests.bench.targets import START_GATEWAY, START_HELP, START_WORKER

SECONDS = "s"
FOREBAY = str(Path(sys.executable).with_name("forebay"))


async def bench(ground: Ground, _: Roster, lines: Lines) -> None:
    """The topics are there before; a worker finds an empty disk each time.

    As in an image, all code is compiled: one start that does not count sees to that.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    await ground.topics("start_gateway", names(20, "start_gateway"))
    await ground.topics("start_worker", names(60, "start_worker"))
    for role in ("gateway", "worker"):
        await _seconds(ground, role, "first")
    for turn in range(lines.repeats):
        await _role(ground, "gateway", turn, START_GATEWAY, lines)
        await _role(ground, "worker", turn, START_WORKER, lines)
        began = time.monotonic()
        await asyncio.to_thread(
            subprocess.run, [FOREBAY, "--help"], stdout=subprocess.DEVNULL, check=True
        )
        lines.add(START_HELP, OURS, SECONDS, Sample(time.monotonic() - began))


async def _role(ground: Ground, role: str, turn: int, title: str, lines: Lines) -> None:
    lines.say(title)
    lines.add(title, OURS, SECONDS, Sample(await _seconds(ground, role, str(turn))))


async def _seconds(ground: Ground, role: str, turn: str) -> float:
    """Until it is ready."""
    topics = ground.folder / f"start_{role}" / "topics"
    started = ground.role(role, f"start_{role}-{turn}", topics)
    try:
        began = time.monotonic()
        await started.start()
        seconds = time.monotonic() - began
        await started.stop()
    finally:
        started.kill()
    return seconds
