"""Kafka, S3 and Redis on this machine: those that the environment does not already name."""

import asyncio
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO

from app.local.kafka import LocalKafka
from app.local.process import ChildProcess
from app.local.redis import LocalRedis
from app.local.s3 import ACCESS_KEY, REGION, SECRET_KEY, LocalS3
from app.local.state import lock_folder

TOKEN_FILE = "console.token"


class LocalStack:
    """`async with LocalStack(Path(".forebay")) as stack:` starts what is missing, and stops it.

    A server that `environ` names (`KAFKA__BROKERS`, `S3__ENDPOINT_URL`, `REDIS__URL`) is not
    started, and its attribute here is None. Data and logs stay in `data_dir` for the next time,
    and so do the key of its hashes (equal values stay equal) and the console's token. One folder
    serves one stack at a time.
    """

    def __init__(self, data_dir: Path, environ: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self._given = dict(os.environ if environ is None else environ)
        self._lock: IO[str] | None = None
        self._pii_key = self._given.get("PII_KEY", "")
        self._token = self._given.get("CONSOLE__TOKEN", "")
        self.kafka: LocalKafka | None = None
        self.s3: LocalS3 | None = None
        self.redis: LocalRedis | None = None
        self._choose()

    @property
    def servers(self) -> list[ChildProcess]:
        """Those that are ours."""
        return [server for server in (self.kafka, self.s3, self.redis) if server]

    def log_file(self, name: str) -> Path:
        return self.data_dir / "log" / f"{name}.log"

    async def __aenter__(self) -> "LocalStack":
        """Start all of them at once, and wait until each one answers.

        Raises:
            Fatal: another stack uses the folder, or a server does not start; then none runs.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._lock = lock_folder(self.data_dir)
        self._pii_key = self._pii_key or _kept_key(self.data_dir / "pii.key")
        self._token = self._token or _kept_key(self.data_dir / TOKEN_FILE)
        try:
            async with asyncio.TaskGroup() as starting:
                for server in self.servers:
                    starting.create_task(server.start())
        except BaseException as error:
            await self._stop()
            if isinstance(error, ExceptionGroup):
                raise error.exceptions[0] from None
            raise
        return self

    def _choose(self) -> None:
        if not self._given.get("KAFKA__BROKERS"):
            self.kafka = LocalKafka(self.data_dir / "kafka", log_file=self.log_file("kafka"))
        if not self._given.get("S3__ENDPOINT_URL"):
            bucket = self._given.get("S3__BUCKET") or "forebay"
            self.s3 = LocalS3(self.data_dir / "s3", log_file=self.log_file("s3"), bucket=bucket)
        if not self._given.get("REDIS__URL"):
            self.redis = LocalRedis(self.data_dir / "redis", log_file=self.log_file("redis"))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        try:
            await asyncio.gather(*(server.stop() for server in self.servers))
        finally:
            for server in self.servers:
                server.kill()
            if self._lock is not None:
                self._lock.close()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make `forebay` use this stack; what is set already stays as it is."""
        found = {
            "LEDGER__URL": f"sqlite:///{self.data_dir / 'ledger.db'}",
            "DUCKDB__PATH": str(self.data_dir / "warehouse.duckdb"),
            "WORKER__DATA_DIR": str(self.data_dir / "worker"),
            "SCHEDULER__DATA_DIR": str(self.data_dir / "scheduler"),
        }
        if self._pii_key:
            found["PII_KEY"] = self._pii_key
        if self._token:
            found["CONSOLE__TOKEN"] = self._token
        if self.redis:
            found["REDIS__URL"] = self.redis.url
        found = {name: self._given.get(name) or value for name, value in found.items()}
        if self.kafka:
            found["KAFKA__BROKERS"] = self.kafka.brokers
        if self.s3:
            found |= {
                "S3__ENDPOINT_URL": self.s3.endpoint_url,
                "S3__REGION": REGION,
                "S3__BUCKET": self.s3.bucket,
                "S3__ACCESS_KEY_ID": ACCESS_KEY,
                "S3__SECRET_ACCESS_KEY": SECRET_KEY,
            }
        named = ("KAFKA__", "S3__", "REDIS__", "LEDGER__", "DUCKDB__", "WORKER__", "SCHEDULER__")
        given = {name: value for name, value in self._given.items() if name.startswith(named)}
        return {**given, **found}


def _kept_key(path: Path) -> str:
    """Read the secret of this file, or make one that only its owner may read."""
    if not path.exists():
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        new.rename(path)
    return path.read_text()
