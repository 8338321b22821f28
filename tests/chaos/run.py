"""One chaos run: faults at random until the time is up, then peace, and the verdict."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.faults import faults_for
from tests.chaos.process_faults import killed
from tests.chaos.world import ROLES, World
from tests.house.house import LedgerKind, WarehouseKind, opened_house, until
from tests.house.load import Load
from tests.house.sales import Baskets, Sales
from tests.house.servers import Servers
from tests.house.verdict import Verdict, judged

FAULT_PAUSE_SECONDS = (0.5, 4.0)
KILL_PAUSE_SECONDS = (0.5, 4.0)
AUDIT_EVERY_SECONDS = 45.0
PEACE_SECONDS = 300.0

SALES = [
    Sales("sale_at_the_till", size="medium", every="3s", days=28, in_a_row=10_000),
    Baskets("basket_by_phone", size="small", every="1s", days=28, in_a_row=10_000),
]
"""So that a day is soon over, and a load does not take longer and longer."""

Progress = Callable[[World], None]


@dataclass
class Outcome:
    """Of one run. `exits` are the roles' exit codes after SIGTERM at the end, by name."""

    seed: int
    ledger: LedgerKind
    warehouse: WarehouseKind
    seconds: float = 0.0
    injected: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    audits: Counter[str] = field(default_factory=Counter)
    alarms: list[str] = field(default_factory=list)
    peak_rss: dict[str, int] = field(default_factory=dict)
    exits: dict[str, int | None] = field(default_factory=dict)
    sent: int = 0
    resent: int = 0
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def holds(self) -> bool:
        drained = all(code == 0 for code in self.exits.values())
        return self.verdict.holds and drained and not self.audits["false alarm"]


async def run(
    seed: int,
    folder: Path,
    *,
    seconds: float,
    kills: int = 0,
    ledger: LedgerKind = "sqlite",
    warehouse: WarehouseKind = "duckdb",
    rate: float = 250,
    progress: Progress = lambda world: None,
) -> Outcome:
    """Break a house of its own for `seconds`, or until `kills` roles were killed if that is later.

    The seed decides which faults come, in which order and with which pauses; how the processes
    then interleave is up to the machine.
    """
    outcome = Outcome(seed, ledger, warehouse)
    servers = Servers(folder / "servers")
    try:
        async with opened_house(
            f"chaos{seed}", folder, servers, sales=SALES, ledger=ledger, warehouse=warehouse,
            environment={"SEAL__MAX_AGE_SECONDS": "2"},
        ) as house:  # fmt: skip
            world = World(house, random.Random(seed))
            world.load = Load(
                house.sales,
                lambda: world.gateways,
                house.environment["KAFKA__BROKERS"],
                seed=seed,
                rate=rate,
            )
            began = time.monotonic()
            world.start()
            await _served(world)
            world.load.start()
            await _break(world, seconds, kills, progress)
            await _calm(world, outcome)
            outcome.seconds = time.monotonic() - began
    finally:
        await servers.stop()
    return outcome


async def _break(world: World, seconds: float, kills: int, progress: Progress) -> None:
    loops = [_faults(world), _faults(world), _kills(world), _audits(world), _watch(world, progress)]
    tasks = [asyncio.create_task(loop) for loop in loops]
    world.begun.set()
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline or world.kills < kills:
            done, _ = await asyncio.wait(tasks, timeout=0.5, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
    finally:
        world.over.set()
        await asyncio.gather(*tasks)


async def _faults(world: World) -> None:
    """One fault after another, each ended before the next."""
    faults = faults_for(world)
    names, weights = list(faults), [fault.weight for fault in faults.values()]
    while not world.over.is_set():
        (name,) = world.random.choices(names, weights)
        server = name.split(":")[0]
        if server not in world.broken:  # two bad things at once, but to different parts
            world.broken.add(server)
            world.injected[name] += 1
            await faults[name].run(world)
            world.broken.remove(server)
        await world.rest(*FAULT_PAUSE_SECONDS)


async def _kills(world: World) -> None:
    while not world.over.is_set():
        role = world.random.choice(list(ROLES))
        await killed(role)(world)
        await world.rest(*KILL_PAUSE_SECONDS)


async def _audits(world: World) -> None:
    """A running, broken system must not make the audit cry wolf."""
    while not world.over.is_set():
        await world.rest(AUDIT_EVERY_SECONDS, AUDIT_EVERY_SECONDS)
        code, said, _ = await world.house.command("audit", "--json")
        match code:
            case 0:
                world.audits["balanced"] += 1
            case 1:
                world.audits["false alarm"] += 1
                world.alarms += [finding["text"] for finding in json.loads(said)["findings"]]
            case _:
                world.audits["not possible"] += 1


async def _watch(world: World, progress: Progress) -> None:
    while not world.over.is_set():
        for kept in world.kept:
            kept.look()
        progress(world)
        await world.rest(1, 1)


async def _calm(world: World, outcome: Outcome) -> None:
    world.calm_down()
    await world.load.stop()
    await _served(world)
    await world.house.settled(PEACE_SECONDS)
    for kept in world.kept:
        kept.look()
        outcome.exits[kept.name] = await kept.drain()
        outcome.kills.update({f"{kept.role}: {how}": n for how, n in kept.kills.items()})
        outcome.deaths.update({f"{kept.role}: {why}": n for why, n in kept.deaths.items()})
        outcome.peak_rss[kept.role] = max(kept.peak_rss, outcome.peak_rss.get(kept.role, 0))
    outcome.injected, outcome.audits = world.injected, world.audits
    outcome.alarms = world.alarms
    outcome.sent, outcome.resent = world.load.sent, world.load.resent
    outcome.verdict = await judged(world.house, world.load, "--deep")


async def _served(world: World) -> None:
    async def ready() -> bool:
        return world.all_ready

    await until(ready, "every role is ready, and none about to die", PEACE_SECONDS)
