"""The three roles as processes of their own, and what they cost."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from app.local.ports import free_port
from app.local.process import ChildProcess


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process has used so far: `peak_bytes` resident, `cpu_seconds` of all its threads."""

    peak_bytes: int
    cpu_seconds: float


class RoleProcess:
    """One role in a process of its own, ready when its `/readyz` says so."""

    def __init__(self, role: str, environment: Mapping[str, str], log_file: Path) -> None:
        self.role = role
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.child = ChildProcess(
            role,
            [sys.executable, "-m", "app.cli", "run"],
            log_file=log_file,
            ready=self._ready,
            environment={
                **environment,
                "ROLE": role,
                f"{role.upper()}__PORT": str(self.port),
                "LOG__FORMAT": "json",
            },
            stop_seconds=40.0,
        )

    @property
    def cost(self) -> Cost:
        """Of the running process. Linux only."""
        proc = Path(f"/proc/{self.child.pid}")
        peak = next(
            int(line.split()[1]) * 1024
            for line in (proc / "status").read_text().splitlines()
            if line.startswith("VmHWM:")
        )
        times = psutil.Process(self.child.pid).cpu_times()
        return Cost(peak, times.user + times.system)

    async def _ready(self) -> bool:
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{self.url}/readyz") as answer,
            ):
                return answer.status == 200
        except aiohttp.ClientError:
            return False
