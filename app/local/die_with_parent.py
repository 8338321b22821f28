"""Run as a script: become the given command, and be killed as soon as the parent is gone.

`python -I -S die_with_parent.py PARENT_PID COMMAND [ARGUMENT …]`

A script and not a `preexec_fn`, because Python code between fork and exec can hang when the
parent has threads. The kernel's signal is bound to the *thread* that started us: start children
from a thread that lives as long as they should.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":  # elsewhere a hard-killed parent leaves its children behind
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]} can not be run: {error.strerror}")


if __name__ == "__main__":
    main()
