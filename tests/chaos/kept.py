"""Roles that are started again whenever they end, as a supervisor does."""

import asyncio
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import psutil

from app.core.errors import Fatal
from app.local.role import LocalRole
from tests.house.house import House

PAUSE_SECONDS = 0.2
SAID = ("ERROR", "CRITICAL")


class Kept:
    """Role `number` of its kind, over all its lives. `name` is such as `worker 2`.

    `kills` counts the SIGKILLs, by how they came: `at random`, or the name of a kill point.
    `deaths` counts what it died of by itself. `peak_rss` is the largest of all lives, in bytes.
    """

    def __init__(self, house: House, role: str, number: int, crash_at: Callable[[str], str]):
        self.role, self.number = role, number
        self.kills: Counter[str] = Counter()
        self.deaths: Counter[str] = Counter()
        self.peak_rss = 0
        self._house, self._crash_at = house, crash_at
        self._life: LocalRole | None = None
        self._point = ""
        self._wanted = self._killed = self._ready = self._wipe = False
        self.keep()

    @property
    def name(self) -> str:
        return f"{self.role} {self.number}"

    @property
    def url(self) -> str | None:
        """Where it serves, while it is ready."""
        return self._life.url if self._life and self._ready and self._life.running else None

    @property
    def armed(self) -> bool:
        return bool(self._point)

    def keep(self) -> None:
        """Start it, and again whenever it ends, until `drain`."""
        self._wanted = True
        self._task = asyncio.create_task(self._keep())

    def kill(self, *, wipe: bool = False) -> bool:
        """SIGKILL, unless it is dead already; with `wipe` the next life has an empty disk."""
        if self._life is None or not self._life.running:
            return False
        self._killed = True
        self._wipe = self._wipe or wipe
        self._life.kill()
        return True

    def signal(self, number: signal.Signals) -> bool:
        pid = self._life.pid if self._life else None
        if pid is None:
            return False
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).send_signal(number)
            return True
        return False

    async def drain(self) -> int | None:
        """SIGTERM, and not again; the exit code."""
        self._wanted = False
        life = self._life
        if life is not None:
            self.signal(signal.SIGCONT)
            await life.stop()
        await self._task
        return life.exit_code if life else None

    def look(self) -> None:
        """Note how much memory it has taken."""
        pid = self._life.pid if self._life else None
        if pid is not None:
            with suppress(psutil.Error):
                self.peak_rss = max(self.peak_rss, psutil.Process(pid).memory_info().rss)

    async def _keep(self) -> None:
        while self._wanted:
            if self._wipe:
                self._wipe = False
                shutil.rmtree(self._house.data_dir(self.role, self.number), ignore_errors=True)
            self._point = self._crash_at(self.role)
            self._life = self._house.role(self.role, self.number, crash_at=self._point)
            with suppress(Fatal):  # it ended while it started; `_note` says how
                await self._life.start()
                self._ready = True
                await self._life.wait()
            self._ready = False
            self._note(self._life)
            await asyncio.sleep(PAUSE_SECONDS)

    def _note(self, life: LocalRole) -> None:
        if self._killed:
            self.kills["at random"] += 1
        elif life.exit_code == -signal.SIGKILL and self._point:
            self.kills[self._point.split(":")[0]] += 1
        elif life.exit_code:
            said = [line for line in life.last_lines(200) if any(word in line for word in SAID)]
            self.deaths[_cause(said[-1]) if said else f"exit code {life.exit_code}"] += 1
        life.kill()
        self._house.roles.remove(life)
        self._killed = False
        self._point = ""


def _cause(line: str) -> str:
    """A log line without its time, its numbers and its details, so that like counts with like."""
    words = line.split(maxsplit=2)[-1].split(" {", 1)[0]
    return "".join("#" if letter.isdigit() else letter for letter in words)[:110]
