"""What a chaos run breaks: a house whose roles are kept alive, under load."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

from app.core.kill_points import POINTS
from tests.chaos.kept import Kept
from tests.house.house import House
from tests.house.load import Load

ROLES: Mapping[str, int] = {"gateway": 2, "worker": 3, "scheduler": 2}
ARMED_SHARE: Mapping[str, float] = {"gateway": 0.5, "worker": 0.5, "scheduler": 0.7}
LATEST_PASSING: Mapping[str, int] = {"gateway": 40, "worker": 4, "scheduler": 3}
"""The kill point of a life is its 1st to nth passing."""


class World:
    """`injected` counts the faults by name, `audits` how those in between ended; `alarms` has
    what they found, which must be nothing. `broken` are the parts that have a fault now."""

    load: Load

    def __init__(self, house: House, chance: random.Random) -> None:
        self.house, self.random = house, chance
        self.kept: list[Kept] = []
        self.injected: Counter[str] = Counter()
        self.audits: Counter[str] = Counter()
        self.alarms: list[str] = []
        self.broken: set[str] = set()
        self.began = time.monotonic()
        self.begun, self.over = asyncio.Event(), asyncio.Event()

    def start(self) -> None:
        """Start all roles; no life has a kill point before `begun`, for nothing happens yet that
        would end it, and it would never be ready."""
        for role, count in ROLES.items():
            self.kept += [Kept(self.house, role, n, self._crash_at) for n in range(1, count + 1)]

    def alive(self, role: str) -> list[Kept]:
        return [kept for kept in self.kept if kept.role == role]

    @property
    def gateways(self) -> list[str]:
        """The URLs of those that are ready."""
        return [kept.url for kept in self.alive("gateway") if kept.url]

    @property
    def kills(self) -> int:
        return sum(kept.kills.total() for kept in self.kept)

    @property
    def all_ready(self) -> bool:
        """Each role serves, and none is about to die."""
        return all(kept.url and not kept.armed for kept in self.kept)

    def calm_down(self) -> None:
        """End every fault; roles with a kill point are replaced by ones without."""
        self.house.networks.heal()
        for kept in self.kept:
            if kept.armed:
                kept.kill()

    async def rest(self, least: float, most: float) -> None:
        """Pause for a random time, or until the run is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.random.uniform(least, most)):
                await self.over.wait()

    def _crash_at(self, role: str) -> str:
        calm = self.over.is_set() or not self.begun.is_set()
        if calm or self.random.random() > ARMED_SHARE[role]:
            return ""
        point = self.random.choice(sorted(POINTS[role]))
        return f"{point}:{self.random.randint(1, LATEST_PASSING[role])}"
