"""Free ports, outside the range that the kernel gives to outgoing connections.

So a server that is stopped and started again finds its port still free.
"""

import random
import socket

from app.core.errors import Fatal

RANGE = range(15_000, 30_000)
ATTEMPTS = 200

_given: set[int] = set()


def free_port(preferred: int | None = None) -> int:
    """A port of 127.0.0.1 that nobody listens on: `preferred` if it is free.

    Raises:
        Fatal: 200 tries found none.
    """
    if preferred and is_free(preferred):
        return preferred
    for _ in range(ATTEMPTS):
        port = random.choice(RANGE)
        if port not in _given and is_free(port):
            _given.add(port)
            return port
    raise Fatal(f"There is no free port between {RANGE.start} and {RANGE.stop}.")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
