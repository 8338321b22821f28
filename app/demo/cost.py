"""What a role's process costs."""

from dataclasses import dataclass
from pathlib import Path

import psutil

from app.core.errors import Fatal
from app.local.process import ChildProcess


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process has used so far: `peak_bytes` resident, `cpu_seconds` of all its threads."""

    peak_bytes: int
    cpu_seconds: float


def cost_of(process: ChildProcess) -> Cost:
    """Ask the kernel (Linux). Raises `Fatal` if the process has ended."""
    if process.pid is None:
        raise Fatal(f"{process.name} ended with {process.exit_code}; its log: {process.log_file}")
    status = Path(f"/proc/{process.pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    times = psutil.Process(process.pid).cpu_times()
    return Cost(int(peak.split()[1]) * 1024, times.user + times.system)
