"""A server that speaks MongoDB's protocol: the one at MONGO_URL, else MongoDB itself where a
container engine answers, else SecantusDB as a child process."""

import os
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from testcontainers.community.mongodb import MongoDbContainer

from app.local.process import ChildProcess
from tests.conftest import run
from tests.servers.held_port import HeldPort


class SecantusServer(ChildProcess):
    """SecantusDB on a folder, which it finds again when it is started again."""

    def __init__(self, folder: Path) -> None:
        self._held = HeldPort()
        self.port = self._held.number
        self.url = f"mongodb://127.0.0.1:{self.port}/"
        self._folder = folder
        command = [
            Path(sys.executable).with_name("secantusd-py"),
            *("--port", str(self.port), "--storage-path", folder / "data"),
            *("--cache-size", "256M", "--log-level", "WARNING"),
        ]
        super().__init__(
            "secantusdb", command, log_file=folder / "log", ready=self._answers, cwd=folder
        )

    async def prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._held.let_go()

    async def _answers(self) -> bool:
        async with AsyncMongoClient[dict[str, object]](
            self.url, serverSelectionTimeoutMS=500, directConnection=True
        ) as client:
            try:
                await client.admin.command("ping")
            except PyMongoError:
                return False
            return True


def engine_answers() -> bool:
    """Is there a container engine that testcontainers can use?"""
    try:
        return bool(docker.from_env(timeout=5).ping())
    except DockerException:
        return False


@dataclass
class _Shared:
    """The one server of a session, and how many fixtures use it."""

    serving: Generator[str, None, None]
    url: str
    users: int = 0


_shared: dict[Path, _Shared] = {}


@pytest.fixture(scope="session")
def mongo_url(server_dir: Path) -> Iterator[str]:
    """The URL of a server that answers; never skipped.

    Each folder of tests that imports this has a fixture of its own: the first one starts the
    server, the last one stops it.
    """
    if server_dir not in _shared:
        serving = _serving(server_dir)
        _shared[server_dir] = _Shared(serving, next(serving))
    shared = _shared[server_dir]
    shared.users += 1
    yield shared.url
    shared.users -= 1
    if not shared.users:
        del _shared[server_dir]
        shared.serving.close()


def _serving(server_dir: Path) -> Generator[str, None, None]:
    if given := os.environ.get("MONGO_URL"):
        yield given
        return
    if engine_answers():
        with MongoDbContainer("mongo:8") as container:
            yield container.get_connection_url()
        return
    server = SecantusServer(server_dir / "mongo")
    run(server.start())
    try:
        yield server.url
    finally:
        run(server.stop())
