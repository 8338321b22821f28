"""The real servers of a house, started when they are first wanted, and kept."""

from pathlib import Path

from pydantic import SecretStr

from app.local.kafka import LocalKafka
from app.local.ports import free_port
from app.local.process import ChildProcess
from app.local.redis import LocalRedis
from app.local.s3 import ACCESS_KEY, REGION, SECRET_KEY, LocalS3
from sinks.s3.options import S3Options
from tests.servers.mongo import SecantusServer
from tests.sinks.snowflake_stand_in import SnowflakeStandIn


class Servers:
    """Each has its data in `folder`, and may be stopped, killed and started again.

    Kafka sends its clients to `kafka_port`, where a proxy is to stand.
    """

    def __init__(self, folder: Path) -> None:
        self.kafka_port = free_port()
        self.kafka = LocalKafka(
            folder / "kafka",
            log_file=folder / "kafka.log",
            advertised=f"127.0.0.1:{self.kafka_port}",
        )
        self.s3 = LocalS3(folder / "s3", log_file=folder / "s3.log")
        self.redis = LocalRedis(folder / "redis", log_file=folder / "redis.log")
        self.mongo = SecantusServer(folder / "mongo")
        self.snowflake = SnowflakeStandIn(folder / "snowflake", self.s3_options)

    @property
    def s3_options(self) -> S3Options:
        return S3Options(
            endpoint_url=self.s3.endpoint_url,
            region=REGION,
            bucket=self.s3.bucket,
            access_key_id=ACCESS_KEY,
            secret_access_key=SecretStr(SECRET_KEY),
        )

    @property
    def all(self) -> list[ChildProcess]:
        return [self.kafka, self.s3, self.redis, self.mongo, self.snowflake.process]

    async def stop(self) -> None:
        for server in self.all:
            await server.stop()
