"""A free port for a server that starts later, if at all."""

import socket

from app.local.ports import free_port


class HeldPort:
    """Nobody else is given it before `let_go`: another process looks for free ports, too, and in
    half an hour one of thousands is found by accident."""

    def __init__(self) -> None:
        self.number, self._socket = _listening()

    def let_go(self) -> None:
        """Right before the server takes it."""
        self._socket.close()


def _listening() -> tuple[int, socket.socket]:
    while True:
        port = free_port()
        try:
            return port, socket.create_server(("127.0.0.1", port))
        except OSError:  # somebody was faster
            continue
