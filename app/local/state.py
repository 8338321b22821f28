"""Who runs in a data directory: the lock file says whether, `up.json` says what."""

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import orjson

from app.core.errors import Fatal

LOCK_ATTEMPTS = 20
PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class State:
    """What other commands need to find a running stack.

    `urls` and `pids` are by name: gateway, worker, scheduler, kafka, s3, redis. `environment`
    holds the variables that lead to it; what the user's own environment gave is not repeated.
    """

    urls: dict[str, str]
    pids: dict[str, int]
    environment: dict[str, str]


def write_state(data_dir: Path, state: State) -> None:
    """Replace `up.json` in one step; only its owner may read it."""
    new = data_dir / "up.json.new"
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(orjson.dumps(state, option=orjson.OPT_INDENT_2))
    new.rename(data_dir / "up.json")


def read_state(data_dir: Path) -> State | None:
    """None when nothing runs there, or nothing that is ready."""
    if holder(data_dir) is None:
        return None
    try:
        return State(**orjson.loads((data_dir / "up.json").read_bytes()))
    except (OSError, orjson.JSONDecodeError, TypeError):
        return None


def write_ends(data_dir: Path, exit_codes: dict[str, int]) -> None:
    """Keep how the roles ended that ran until the stop, for whoever told them to."""
    (data_dir / "ended.json").write_bytes(orjson.dumps(exit_codes))


def read_ends(data_dir: Path) -> dict[str, int]:
    """Exit codes by role, of the last stop; empty when nobody was left to write them."""
    try:
        ends: dict[str, int] = orjson.loads((data_dir / "ended.json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return ends


def remove_state(data_dir: Path) -> None:
    (data_dir / "up.json").unlink(missing_ok=True)


def lock_folder(data_dir: Path) -> IO[str]:
    """Keep others out until the file that this gives is closed, or we are dead.

    Raises:
        Fatal: somebody else keeps us out.
    """
    lock = (data_dir / "lock").open("a+")
    for _ in range(LOCK_ATTEMPTS):  # `holder` may be looking, for an instant
        if _try_lock(lock, fcntl.LOCK_EX):
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            remove_state(data_dir)  # of a holder that was killed
            (data_dir / "ended.json").unlink(missing_ok=True)
            return lock
        time.sleep(PAUSE_SECONDS)
    lock.close()
    raise Fatal(
        f"A local stack already runs in {data_dir} (process {holder(data_dir)});"
        " `forebay down` stops it, `--data-dir` starts another one elsewhere."
    )


def holder(data_dir: Path) -> int | None:
    """The process that has locked the folder."""
    try:
        with (data_dir / "lock").open() as lock:
            if _try_lock(lock, fcntl.LOCK_SH):
                return None
            return int(lock.read() or 0) or None
    except FileNotFoundError:
        return None


def _try_lock(lock: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
