"""Replaces of a table, most of which go wrong.

Every row of a generation carries its number, and each day of it has its own count of rows.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any

from app.contracts.table import Table
from app.core.errors import Fatal, Transient
from sinks.protocol import DayManifest, Warehouse
from tests.faults import loader
from tests.faults.loader import Place
from tests.house.proxy import Cut, LoseAnswer, Proxy, http
from tests.sinks.warehouse_ground import FIRST, SECOND, THIRD, Ground, Strikes, order

POINTS = ("staged", "deleted", "inserted", "before_commit", "after_commit")
STATEMENT = http("POST", "/queries/v1/query-request")


def rows_of(generation: int) -> dict[date, int]:
    return {FIRST: 5 + generation % 7, SECOND: 3 + generation % 5}


@dataclass
class Replaces:
    """Replaces of one table, each of which may be struck. `kept` are those that came through."""

    place: Place
    table: Table
    ground: Ground
    near: Warehouse
    far: Warehouse
    strikes: Strikes
    network: Proxy
    random: Random
    kept: list[int] = field(default_factory=lambda: [0])
    struck: Counter[str] = field(default_factory=Counter)

    async def prepare(self) -> None:
        await self.near.prepare(self.table)
        beside = await self.ground.manifest(
            THIRD, [order(n, THIRD, total_cents=0) for n in range(4)]
        )
        await self.near.replace(self.table, [beside], run="beside", fence=1)

    async def one(self, generation: int, fault: str) -> None:
        """Replace the days by this generation, or try to; then see which one stands."""
        days = [
            await self.ground.manifest(
                day, [order(n, day, total_cents=generation) for n in range(rows)]
            )
            for day, rows in rows_of(generation).items()
        ]
        point = self.random.choice(POINTS)
        self.struck[fault] += 1
        await FAULTS[fault](self, days, generation, point)
        self.strikes.at.clear()
        self.network.heal()
        control = await again(lambda: self.near.loaded(self.table, [FIRST, SECOND]))
        runs = {load.run for load in control.values()}
        assert runs in ({str(generation)}, {str(self.kept[-1])}, set()), runs
        if runs == {str(generation)}:
            self.kept.append(generation)

    async def attempt(self, days: Sequence[DayManifest], generation: int) -> None:
        fence = generation + 1
        await self.far.replace(self.table, days, run=str(generation), fence=fence)


async def again(attempt: Callable[[], Awaitable[Any]]) -> Any:
    while True:
        try:
            return await attempt()
        except Transient:
            continue


async def nothing(on: Replaces, days: Sequence[DayManifest], generation: int, point: str) -> None:
    await again(lambda: on.attempt(days, generation))


async def error(on: Replaces, days: Sequence[DayManifest], generation: int, point: str) -> None:
    kind = on.random.choice([Transient, Fatal, RuntimeError])
    on.strikes.fail(point, kind("struck"))
    with suppress(Transient, Fatal, RuntimeError):
        await on.attempt(days, generation)


async def called_off(
    on: Replaces, days: Sequence[DayManifest], generation: int, point: str
) -> None:
    """As a scheduler does that has no time left to drain."""
    loading = asyncio.create_task(on.attempt(days, generation))

    async def cancel() -> None:
        loading.cancel()

    on.strikes.at[point] = cancel
    with suppress(asyncio.CancelledError, Transient):
        await loading


async def killed(on: Replaces, days: Sequence[DayManifest], generation: int, point: str) -> None:
    arguments = (on.place, on.table, days, str(generation), generation + 1, point)
    assert await loader.exit_code_of(loader.replace, *arguments) == -signal.SIGKILL


async def cut(on: Replaces, days: Sequence[DayManifest], generation: int, point: str) -> None:
    """Every connection is cut, and new ones are welcome: the connector says it again."""

    async def strike() -> None:
        on.network.cut()

    on.strikes.at[point] = strike
    with suppress(Transient):
        await on.attempt(days, generation)


async def unanswered(
    on: Replaces, days: Sequence[DayManifest], generation: int, point: str
) -> None:
    """The next statement arrives, and its answer is lost."""

    async def strike() -> None:
        on.network.rule(STATEMENT, LoseAnswer())

    on.strikes.at[point] = strike
    with suppress(Transient):
        await on.attempt(days, generation)


async def cut_off(on: Replaces, days: Sequence[DayManifest], generation: int, point: str) -> None:
    """No statement arrives any more, or no answer; until the load is given up."""
    action = on.random.choice([Cut(), LoseAnswer()])

    async def strike() -> None:
        on.network.rule(STATEMENT, action, 6)  # the connector's tries

    on.strikes.at[point] = strike
    with suppress(Transient):
        await on.attempt(days, generation)


Fault = Callable[[Replaces, Sequence[DayManifest], int, str], Awaitable[None]]
FAULTS: Mapping[str, Fault] = {
    "nothing": nothing,
    "error": error,
    "called off": called_off,
    "killed": killed,
    "cut": cut,
    "unanswered": unanswered,
    "cut off": cut_off,
}
