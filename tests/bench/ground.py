"""The servers that all benches share, started once: real Kafka, S3 and Redis."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from redis.asyncio import Redis

from app.contracts.load import load_contracts
from app.kafka import KafkaOptions, TopicSpec, ensure_topics
from app.local.kafka import LocalKafka
from app.local.ports import free_port
from app.local.process import ChildProcess, answers
from app.local.redis import LocalRedis
from app.local.role import LocalRole
from app.local.s3 import ACCESS_KEY, REGION, SECRET_KEY, LocalS3
from app.local.stack import LocalStack
from tests.bench.events import write_topics
from tests.bench.peers.catalogue import Peer

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ground:
    """Servers, and a folder for data and logs. `partitions` by event, of topics made so far."""

    folder: Path
    stack: LocalStack
    kafka: LocalKafka
    s3: LocalS3
    redis: LocalRedis
    partitions: dict[str, int] = field(default_factory=dict)

    @property
    def kafka_options(self) -> KafkaOptions:
        return KafkaOptions(brokers=self.kafka.brokers)

    async def topics(self, name: str, events: list[str], size: str = "small") -> Path:
        """Write topic files and create their topics; returns the folder of the files."""
        folder = write_topics(self.folder / name / "topics", events, size)
        self.partitions.update(load_contracts(folder).partitions)
        wanted = {topic(event): TopicSpec(self.partitions[event]) for event in events}
        await ensure_topics(self.kafka_options, wanted)
        return folder

    async def records(self, events: list[str]) -> int:
        """How many records there are in the topics of these events."""
        names = [topic(event) for event in events]
        async with AIOKafkaConsumer(*names, bootstrap_servers=self.kafka.brokers) as consumer:
            return sum((await consumer.end_offsets(consumer.assignment())).values())

    async def jobs_waiting(self, queue: str) -> int:
        """How many jobs stand in a queue of BullMQ."""
        async with Redis.from_url(self.redis.url) as redis:
            return int(await redis.llen(f"bull:{queue}:wait"))

    async def empty_redis(self) -> None:
        async with Redis.from_url(self.redis.url) as redis:
            await redis.flushall()

    def role(self, role: str, name: str, topics: Path, **environment: str) -> LocalRole:
        """One of our roles, with a folder of its own by that name, not yet started."""
        folder = self.folder / name
        own = {
            "TOPICS_DIR": str(topics),
            "LOG__FORMAT": "json",
            "LEDGER__URL": f"sqlite:///{folder / 'ledger.db'}",
            "WORKER__DATA_DIR": str(folder / "worker"),
            "WORKER__APP_ID": name,
            "S3__PREFIX": name,
        }
        return LocalRole(
            role,
            free_port(),
            {**self.stack.environment, **own, **environment},
            log_file=folder / f"{role}.log",
            start_seconds=120,
        )

    def peer(
        self, peer: Peer, name: str, events: list[str], *, port: int = 0, count: int = 0
    ) -> ChildProcess:
        """A peer's gateway if it is given a port, else its worker for `count` events."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        own = {"EVENTS": str(count), "PORT": str(port), "PYTHONPATH": str(PROJECT)}

        async def listens() -> bool:
            return await answers(port) if port else True

        return ChildProcess(
            peer.name,
            peer.command("gateway" if port else "worker"),
            log_file=folder / "peer.log",
            ready=listens,
            environment={**self.told(name, events), **own},
            cwd=peer.folder,
        )

    def told(self, name: str, events: list[str]) -> dict[str, str]:
        """What any peer is told, see `tests.bench.peers.settings`; `name` is its very own."""
        return {
            "BROKERS": self.kafka.brokers,
            "TOPICS": ",".join(topic(event) for event in events),
            "PARTITIONS": str(self.partitions[events[0]]),
            "GROUP": name,
            "FOLDER": str(self.folder / name),
            "PREFIX": name,
            "QUEUE": name,
            "REDIS_PORT": str(self.redis.port),
            "S3_ENDPOINT": self.s3.endpoint_url,
            "S3_REGION": REGION,
            "S3_BUCKET": self.s3.bucket,
            "S3_ACCESS_KEY": ACCESS_KEY,
            "S3_SECRET_KEY": SECRET_KEY,
        }


def topic(event: str) -> str:
    """Of the first version."""
    return f"events.{event}.v1"


@asynccontextmanager
async def opened_ground(folder: Path) -> AsyncIterator[Ground]:
    """Start the servers; stop them at the end."""
    async with LocalStack(folder / "stack", environ={}) as stack:
        assert stack.kafka
        assert stack.s3
        assert stack.redis
        yield Ground(folder, stack, stack.kafka, stack.s3, stack.redis)
