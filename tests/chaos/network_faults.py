"""What a network does for a while, to one of a house's servers by its name."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.chaos.world import World
from tests.house.proxy import Answer, Cut, LoseAnswer, Matches, Proxy

Run = Callable[[World], Awaitable[None]]
PATIENCE_SECONDS = 10.0
LOOK_SECONDS = 0.1


def _to(world: World, server: str) -> Proxy:
    network: Proxy = getattr(world.house.networks, server)
    return network


def slow(server: str, delay_seconds: float, seconds: float) -> Run:
    """Each chunk takes so much longer, either way."""

    async def run(world: World) -> None:
        _to(world, server).delay_seconds = delay_seconds
        await asyncio.sleep(seconds)
        _to(world, server).delay_seconds = 0

    return run


def stalled(server: str, seconds: float) -> Run:
    """Connections stay, and nothing moves."""

    async def run(world: World) -> None:
        _to(world, server).stalled = True
        await asyncio.sleep(seconds)
        _to(world, server).stalled = False

    return run


def down(server: str, seconds: float) -> Run:
    async def run(world: World) -> None:
        _to(world, server).take_down()
        await asyncio.sleep(seconds)
        _to(world, server).down = False

    return run


def cut(server: str, times: int) -> Run:
    """Every connection is cut, so many times, at random moments."""

    async def run(world: World) -> None:
        for _ in range(times):
            _to(world, server).cut()
            await asyncio.sleep(world.random.uniform(0.05, 0.5))

    return run


def until_used(server: str, matches: Matches, action: Cut | LoseAnswer | Answer, times: int) -> Run:
    """`action` for the next `times` requests that match, if so many come in time."""

    async def run(world: World) -> None:
        rule = _to(world, server).rule(matches, action, times)
        for _ in range(int(PATIENCE_SECONDS / LOOK_SECONDS)):
            if not rule.left:
                break
            await asyncio.sleep(LOOK_SECONDS)
        rule.left = 0

    return run
