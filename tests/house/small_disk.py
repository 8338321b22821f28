"""A role on a disk that takes no file larger than so: `python -m tests.house.small_disk BYTES run`.

The kernel refuses what goes beyond (EFBIG), as a full disk does (ENOSPC), file by file; the limit
may be moved while the role runs.
"""

import resource
import sys

from app.cli import main
from app.local.role import LocalRole


def on_small_disk(role: LocalRole, largest_bytes: int) -> LocalRole:
    """Let the role start under this limit, each time it is started."""
    at = role.command.index("app.cli")
    role.command[at : at + 1] = [__name__, str(largest_bytes)]
    return role


def limit(role: LocalRole, largest_bytes: int | None) -> None:
    """Move the limit of a running role; None takes it off."""
    assert role.pid is not None
    largest = resource.RLIM_INFINITY if largest_bytes is None else largest_bytes
    resource.prlimit(role.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)), resource.RLIM_INFINITY))
    main()
