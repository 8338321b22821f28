"""A role whose wall clock jumps: `python -m tests.house.clock FILE run`.

On SIGUSR1 its wall clock is set to the right time plus the seconds that FILE holds. Monotonic
clocks go on as they were, as they do when a real clock is set.
"""

import os
import signal
import sys
import time
from pathlib import Path

import time_machine

from app.cli import main
from app.local.role import LocalRole

MINUTE, HOUR = 60, 3600


def with_a_clock(role: LocalRole) -> LocalRole:
    """Let the role run with a clock that `set_clock` moves; it starts with the right time."""
    at = role.command.index("app.cli")
    role.command[at : at + 1] = [__name__, str(_file_of(role))]
    return role


def set_clock(role: LocalRole, ahead_seconds: float) -> None:
    """Set its clock so far ahead of the right time; behind it, if negative."""
    assert role.pid is not None
    _file_of(role).write_text(str(ahead_seconds))
    os.kill(role.pid, signal.SIGUSR1)


def _file_of(role: LocalRole) -> Path:
    return role.log_file.with_suffix(".clock")


def live_with_a_clock(file: Path) -> None:
    """Run the command line with a clock that can be set."""
    traveller = time_machine.travel(time.time()).start()
    ahead_seconds = 0.0

    def set_it(*_: object) -> None:
        nonlocal ahead_seconds
        wanted = float(file.read_text())
        traveller.shift(wanted - ahead_seconds)
        ahead_seconds = wanted

    signal.signal(signal.SIGUSR1, set_it)
    main()


if __name__ == "__main__":
    live_with_a_clock(Path(sys.argv.pop(1)))
