"""Is a process gone?"""

import asyncio
from collections.abc import Iterable

import psutil


async def gone(pids: Iterable[int], within_seconds: float = 20.0) -> None:
    """Wait until none of these processes runs; a zombie that nobody reaps counts as gone."""
    left = list(pids)
    for _ in range(int(within_seconds / 0.05)):
        left = [pid for pid in left if _runs(pid)]
        if not left:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"still running: {left}")


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
