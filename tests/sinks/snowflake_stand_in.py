"""Start and stop the stand-in for Snowflake in `tests/servers/snowflake`."""

import json
import shutil
import subprocess
from pathlib import Path

import aiohttp
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from app.local.process import ChildProcess
from sinks.s3.options import S3Options
from sinks.snowflake.options import SnowflakeOptions
from tests.servers.held_port import HeldPort

PROJECT = Path(__file__).parents[1] / "servers" / "snowflake"
PYTHON = PROJECT / ".venv" / "bin" / "python"
ACCOUNT, USER = "forebay-tests", "loader"


def key_pair(file: Path, passphrase: str = "") -> str:
    """Make a key pair: the private half into `file`, the public one returned; both PEM."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return public.decode()


class SnowflakeStandIn:
    """One server with its databases in `folder`; `s3` is what a stage's `s3://` means.

    A transaction whose client said nothing for `idle_seconds` makes way for another one.
    """

    def __init__(self, folder: Path, s3: S3Options, *, idle_seconds: float = 2.0) -> None:
        self._held = HeldPort()
        self.port = self._held.number
        self.users_file = folder / "users.json"
        self.key_file = folder / "loader.p8"
        folder.mkdir(parents=True, exist_ok=True)
        self.register(key_pair(self.key_file))
        self.process = ChildProcess(
            "snowflake",
            [PYTHON, PROJECT / "server.py"],
            log_file=folder / "server.log",
            ready=self._answers,
            environment={
                "FOLDER": str(folder / "databases"),
                "PORT": str(self.port),
                "USERS_FILE": str(self.users_file),
                "S3_ENDPOINT": s3.endpoint_url,
                "S3_KEY": s3.access_key_id,
                "S3_SECRET": s3.secret_access_key.get_secret_value(),
                "S3_REGION": s3.region,
                "IDLE_SECONDS": str(idle_seconds),
                "TMPDIR": str(folder),  # fakesnow makes a folder there, and leaves it
            },
        )

    @property
    def options(self) -> SnowflakeOptions:
        return SnowflakeOptions(
            account=ACCOUNT,
            user=USER,
            private_key_file=self.key_file,
            warehouse="LOADING",
            database="FOREBAY_TESTS",
            storage_integration="FOREBAY_S3",
            host="127.0.0.1",
            port=self.port,
            protocol="http",
            login_timeout_seconds=20,
            network_timeout_seconds=60,
        )

    def register(self, public_key: str) -> None:
        """Let the user in with this key, and with no other."""
        users = {f"{ACCOUNT}.{USER}".upper(): public_key}
        self.users_file.write_text(json.dumps(users))

    async def start(self) -> None:
        install()
        self._held.let_go()
        await self.process.start()

    async def stop(self) -> None:
        await self.process.stop()

    async def _answers(self) -> bool:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/") as answer,
        ):
            return answer.status == 200


def install() -> None:
    """See that the stand-in's own environment is there, as its lock file says."""
    if PYTHON.exists():
        return
    uv = shutil.which("uv")
    assert uv, "the Snowflake stand-in needs uv, or an environment that uv has made before"
    subprocess.run([uv, "sync", "--frozen", "--project", str(PROJECT)], check=True)
