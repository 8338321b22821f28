"""Named places where a role may be told to die, so that a crash there can be tried.

`CRASH_AT=after_upload` kills a role, by SIGKILL, the first time it passes that point, and
`CRASH_AT=after_upload:3` the third time. `after_upload:3:stop` freezes it there instead, by
SIGSTOP, until somebody sends SIGCONT. Settings refuse all of it unless `ENVIRONMENT=test`.
"""

import os
import signal
import threading
from collections.abc import Callable, Mapping

from app.core.errors import Fatal

POINTS: Mapping[str, Mapping[str, str]] = {
    "gateway": {
        "before_produce": "events were judged, nothing was sent to Kafka",
        "after_produce": "Kafka acknowledged a batch, nobody was answered",
    },
    "worker": {
        "mid_recovery": "a part of a dedupe table's changelog was applied",
        "before_reading": "the cursors were found, nothing was read",
        "mid_fetch": "a part of what Kafka delivered is in open seals",
        "while_revoked": "partitions are being taken away, nothing of them was sealed",
        "before_upload": "a seal was cut, its objects are not finished",
        "after_upload": "its objects are durable, its marks may not be",
        "before_ledger": "objects and marks are durable, the ledger knows nothing",
        "after_ledger": "the seal is recorded, the worker has not heard of it",
    },
    "scheduler": {
        "after_fence": "a run has its number and did nothing else",
        "staged": "the objects are in a staging table, no transaction has begun",
        "deleted": "after the DELETE of the days, before the INSERT",
        "inserted": "after the INSERT, before LOAD_CONTROL was written",
        "before_commit": "all is written, COMMIT was not sent",
        "after_commit": "the days are replaced, nobody has heard of it",
        "before_record": "the days are replaced, the ledger does not know",
        "after_record": "the ledger knows, the lock is still held",
    },
    "replay": {
        "after_replay": "Kafka acknowledged dead letters sent again, the ledger does not know",
    },
}
"""By role, or command; each point with what is true there."""

Passed = Callable[[str], None]


def _go_on(point: str) -> None:
    pass


_passed: Passed = _go_on


def passing(point: str) -> None:
    """Called by a role wherever `POINTS` says; does nothing unless somebody armed it."""
    _passed(point)


def arm(passed: Passed) -> None:
    """Have `passed` called with the name of each point that this process passes."""
    global _passed
    _passed = passed


def disarm() -> None:
    """Back to the ordinary: no point does anything."""
    arm(_go_on)


def killing_at(crash_at: str) -> Passed:
    """What `CRASH_AT` asks for: `point`, `point:n` (the n-th passing of it), `point:n:stop`.

    The last thing the process writes to stderr is that it got there.

    Raises:
        Fatal: there is no such point, or n is not a number above 0.
    """
    point, *rest = crash_at.split(":")
    stops = len(rest) == 2 and rest[1] == "stop"
    known = sorted({name for points in POINTS.values() for name in points})
    if point not in known:
        raise Fatal(f"CRASH_AT={crash_at}: there is no such point, only: {', '.join(known)}")
    if rest and not (rest[0].isdecimal() and int(rest[0])):
        raise Fatal(f"CRASH_AT={crash_at}: after the colon there must be a number above 0")
    if len(rest) > 1 and not stops:
        raise Fatal(f"CRASH_AT={crash_at}: after the number there may only be «:stop»")
    left = int(rest[0]) if rest else 1

    def passed(name: str) -> None:
        nonlocal left
        if name == point:
            left -= 1
            if not left:
                os.write(2, f"CRASH_AT={crash_at}: here\n".encode())
                if stops:  # sent to the process, it lets this thread run on for a moment
                    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
                else:
                    os.kill(os.getpid(), signal.SIGKILL)

    return passed
