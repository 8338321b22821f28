"""A steady load while roles are killed, frozen and replaced; and what must hold afterwards."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psutil

from app.core.errors import Fatal
from app.local.role import LocalRole
from tests.faults.watching import metric
from tests.house.house import House, until
from tests.house.load import Load
from tests.house.verdict import judged

NEVER_SECONDS = 90.0


def load_for(house: House, **options: Any) -> Load:
    """Apps that send to every gateway of the house that runs, and straight to Kafka."""

    def gateways() -> list[str]:
        return [role.url for role in house.roles if role.name == "gateway" and role.running]

    return Load(house.sales, gateways, house.environment["KAFKA__BROKERS"], **options)


@asynccontextmanager
async def steady_load(house: House, *, rate: float = 200, **options: Any) -> AsyncIterator[Load]:
    """Apps that send all the while; at the end each event stands in the warehouse once.

    By then there must be a gateway, a worker and a scheduler. `options` are those of `Load`.
    """
    load = load_for(house, rate=rate, **options)
    load.start()
    try:
        yield load
    except BaseException as error:
        error.add_note(house.said())
        load.give_up()
        raise
    await load.stop()
    await all_is_well(house, load)


async def all_is_well(house: House, load: Load) -> None:
    """Wait until everything is loaded; then nothing is lost, doubled or unexplained."""
    await house.settled()
    verdict = await judged(house, load, "--deep")
    assert verdict.holds, verdict


async def killed_there(role: LocalRole) -> None:
    """Start a role that has a kill point, and see it die of that."""
    with suppress(Fatal):  # it may die before it is ready
        await role.start()
    point = role.environment["CRASH_AT"]
    with suppress(TimeoutError):
        async with asyncio.timeout(NEVER_SECONDS):
            await role.wait()
    assert role.exit_code is not None, f"no {role.name} ever comes to {point}"
    assert role.exit_code == -signal.SIGKILL, role.last_lines()
    assert role.last_lines()[-1] == f"CRASH_AT={point}: here", role.last_lines()


async def frozen_there(role: LocalRole) -> None:
    """Wait until a role has come to the kill point that stops it."""

    async def frozen() -> bool:
        assert role.pid is not None, role.last_lines()
        return psutil.Process(role.pid).status() == psutil.STATUS_STOPPED

    await until(frozen, f"{role.name} stops at {role.environment['CRASH_AT']}")


def freeze(role: LocalRole) -> None:
    assert role.pid is not None
    psutil.Process(role.pid).suspend()


def thaw(role: LocalRole) -> None:
    assert role.pid is not None
    psutil.Process(role.pid).resume()


async def terminated(role: LocalRole) -> None:
    """SIGTERM, and see it end with 0: SIGKILL is for those that do not within their time."""
    await role.stop()
    assert role.exit_code == 0, role.last_lines()


async def staged(role: LocalRole, count: int) -> None:
    async def it_has() -> bool:
        return await metric(role, "forebay_worker_events_total", verdict="staged") >= count

    await until(it_has, f"{count} rows are staged")


async def sealed(role: LocalRole, count: int) -> None:
    async def it_has() -> bool:
        return await metric(role, "forebay_worker_seals_total") >= count

    await until(it_has, f"{role.log_file.stem} has recorded {count} seals")
