"""A server that speaks MongoDB's protocol: the one at MONGO_URL, else SecantusDB as a child."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pymongo
import pytest
from pymongo.errors import PyMongoError

PR_SET_PDEATHSIG = 1
READY_SECONDS = 90


class SecantusServer:
    """SecantusDB on a folder; it may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"mongodb://127.0.0.1:{self._port}/"

    def start(self) -> None:
        """Start, and return once it answers."""
        command = [
            str(Path(sys.executable).with_name("secantusd-py")),
            *("--port", str(self._port), "--storage-path", str(self._folder / "data")),
            *("--cache-size", "256M", "--log-level", "WARNING"),
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent(),
            )
        deadline = time.monotonic() + READY_SECONDS
        with pymongo.MongoClient[dict[str, object]](
            self.url, serverSelectionTimeoutMS=500, directConnection=True
        ) as client:
            while not _answers(client):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self._folder / "log").read_text())
                time.sleep(0.1)

    def kill(self) -> None:
        """As a power cut does it, but for what the operating system still writes."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, sign: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(sign)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that answers; never skipped."""
    if url := os.environ.get("MONGO_URL"):
        yield url
        return
    server = SecantusServer(tmp_path_factory.mktemp("mongo"))
    try:
        server.start()
        yield server.url
    finally:
        server.stop()


def _answers(client: pymongo.MongoClient[dict[str, object]]) -> bool:
    try:
        client.admin.command("ping")
    except PyMongoError:
        return False
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _die_with_parent() -> Callable[[], None]:
    libc = ctypes.CDLL(None)

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    return ask
