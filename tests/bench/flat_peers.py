"""The memory of peers over the events they take, for as long as there is time: all of them at once,
for what counts here is memory. A slow one gets less far, and its curve is shorter."""

import asyncio

from app.core.errors import Fatal
from app.local.process import ChildProcess
from tests.bench.curve import Curve, followed, thinned
from tests.bench.fill import fill_queue
from tests.bench.ground import Ground
from tests.bench.lines import Lines
from tests.bench.peers.catalogue import Peer, Roster

SECONDS = 75
QUEUED = 150_000
"""Jobs for a peer that has a queue in Redis: more than it manages in that time."""
STEPS = 20
"""Points of a curve that ends early."""
LEAST = 4
"""Points, for a slope of the second half."""
READ = "read "


async def peers_curves(
    ground: Ground, events: list[str], count: int, every: int, roster: Roster, lines: Lines
) -> list[Curve]:
    """Let each peer read the topics of these events, `count` in all, from their beginning.

    A peer that is absent, or that dies, is told in `lines` by the caller's bench and left out.
    """
    found = await asyncio.gather(
        *(
            _curve(ground, peer, events, count, every, lines)
            for peer in roster.present
            if peer.worker
        )
    )
    return [curve for curve in found if curve is not None]


async def _curve(
    ground: Ground, peer: Peer, events: list[str], count: int, every: int, lines: Lines
) -> Curve | None:
    name = f"{events[0]}-{peer.name}"
    if peer.stores == "redis":
        count = min(count, lines.some(QUEUED))
        await fill_queue(ground, name, events, count)
    lines.say(f"memory of {peer.name}")
    process = ground.peer(peer, name, events, count=count)
    try:
        await process.start()
        assert process.pid

        async def taken() -> int:
            return read_so_far(process.last_lines())

        async with followed(process.pid, taken) as following:
            await _at_its_end(process, lines.some(SECONDS))
    except Fatal as error:
        lines.say(f"no curve of {peer.name}: {error}")
        return None
    finally:
        process.kill()
        if peer.stores == "redis":
            await ground.empty_redis()
    looks = [look for look in following.looks if look.events]
    steps = min(every, max(1, looks[-1].events // STEPS)) if looks else every
    curve = thinned(peer.name, looks, steps)
    if len(curve.points) < LEAST:
        lines.say(f"no curve of {peer.name}: it took too little in {SECONDS} s")
        return None
    return curve


async def _at_its_end(process: ChildProcess, seconds: float) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        lines = process.last_lines()
        if any(line.startswith("done ") for line in lines):
            return
        if process.exit_code is not None:
            raise Fatal(" / ".join(lines[-3:]))
        await asyncio.sleep(0.5)


def read_so_far(lines: list[str]) -> int:
    """What a peer told at last in lines of «read 120000»."""
    told = [line.removeprefix(READ) for line in lines if line.startswith(READ)]
    return int(told[-1]) if told else 0
