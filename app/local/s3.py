"""SeaweedFS: an S3 server that checks signatures, from a wheel."""

import json
import shutil
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

import aioboto3
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError

from app.local.ports import free_port
from app.local.process import ChildProcess, answers

ACCESS_KEY = "forebay"
SECRET_KEY = "forebay-local-secret"
REGION = "us-east-1"
PROBE_KEY = ".forebay-probe"
IMPATIENT = AioConfig(
    connect_timeout=1,
    read_timeout=5,
    retries={"total_max_attempts": 1},
    s3={"addressing_style": "path"},
)


class LocalS3(ChildProcess):
    """Keeps its objects and its port from one start to the next; makes `bucket` at its start."""

    def __init__(
        self, data_dir: Path, *, log_file: Path, bucket: str = "forebay", port: int | None = None
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.bucket = bucket
        self.port = port or free_port()
        self.endpoint_url = f"http://127.0.0.1:{self.port}"
        self._inner_ports = [free_port() for _ in range(7)]
        super().__init__(
            "s3",
            self._command(),
            log_file=log_file,
            ready=self._answers,
            stop_seconds=3.0,  # it dawdles for 15 s; what it acknowledged survives a kill
        )

    def _command(self) -> list[str]:
        master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3_grpc = self._inner_ports
        return [
            str(Path(sysconfig.get_path("scripts"), "weed")),
            "-alsologtostderr=false",
            "-log_max_size_mb=16",
            "-log_max_files=2",
            "-stderrthreshold=1",
            f"-logdir={self.data_dir / 'log'}",
            "server",
            f"-dir={self.data_dir / 'volumes'}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-master.port={master}",
            f"-master.port.grpc={master_grpc}",
            "-master.volumeSizeLimitMB=256",
            "-master.telemetry=false",
            f"-volume.port={volume}",
            f"-volume.port.grpc={volume_grpc}",
            "-volume.max=0",
            "-volume.preStopSeconds=0",
            "-filer",
            f"-filer.port={filer}",
            f"-filer.port.grpc={filer_grpc}",
            f"-filer.localSocket={self.data_dir / 'filer.sock'}",
            "-s3",
            f"-s3.port={self.port}",
            f"-s3.port.grpc={s3_grpc}",
            f"-s3.localSocket={self.data_dir / 's3.sock'}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.iam=false",
            f"-s3.config={self.data_dir / 's3.json'}",
        ]

    async def prepare(self) -> None:
        volumes = self.data_dir / "volumes"
        volumes.mkdir(parents=True, exist_ok=True)
        (self.data_dir / "log").mkdir(exist_ok=True)
        # A master that remembers an election waits 15 s for the others before it holds the next;
        # what it knows about volumes it learns from the volumes.
        for election in volumes.glob("m[0-9]*"):
            shutil.rmtree(election)
        self._remove_sockets()
        key = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identity = {"name": "forebay", "credentials": [key], "actions": actions}
        (self.data_dir / "s3.json").write_text(json.dumps({"identities": [identity]}))

    def kill(self) -> None:
        super().kill()
        self._remove_sockets()

    def _remove_sockets(self) -> None:
        """It leaves them in the temporary folder, named by our ports."""
        for port in (self.port, *self._inner_ports):
            for folder in {tempfile.gettempdir(), "/tmp"}:
                for socket in Path(folder).glob(f"seaweedfs-*-{port}.sock"):
                    socket.unlink(missing_ok=True)

    def client(self) -> Any:
        """A context manager that gives an S3 client of aioboto3."""
        return aioboto3.Session().client(
            "s3",
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=IMPATIENT,
        )

    async def _answers(self) -> bool:
        """True once a signed write is read back: listing works before the volumes are there."""
        if not await answers(self.port):
            return False
        try:
            async with self.client() as s3:
                buckets = (await s3.list_buckets())["Buckets"]
                if self.bucket not in [bucket["Name"] for bucket in buckets]:
                    await s3.create_bucket(Bucket=self.bucket)
                await s3.put_object(Bucket=self.bucket, Key=PROBE_KEY, Body=b"?")
                await s3.get_object(Bucket=self.bucket, Key=PROBE_KEY)
                await s3.delete_object(Bucket=self.bucket, Key=PROBE_KEY)
        except (BotoCoreError, ClientError):
            return False
        return True
