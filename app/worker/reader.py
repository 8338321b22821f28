"""The Faust app of a worker: its settings, its tables, its agents."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import faust
from mode import CrashingSupervisor

from app.core.judge import EventType
from app.kafka import KafkaOptions, TopicSpec
from app.metrics import WORKER_MEMORY, WORKER_MEMORY_LIMIT
from app.worker.agent import Agent
from app.worker.dedupe import Marks
from app.worker.faust_private import BROKER_SCHEME, LedgerApp, ListSchema
from app.worker.options import WorkerOptions

FETCH_BYTES = 12 << 20
"""For all partitions together; each gets its share, within these bounds."""
MIN_FETCH_BYTES, MAX_FETCH_BYTES = 16 << 10, 256 << 10
REQUEST_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class SizeClass:
    """All topics with the same number of partitions: one table, one agent.

    A table has one time to live, `remember`: the longest that one of them asks for.
    """

    partitions: int
    topics: tuple[str, ...]
    remember: timedelta
    marks: Marks

    @property
    def table(self) -> str:
        return table_name(self.partitions)


def table_name(partitions: int) -> str:
    return f"seen-{partitions}"


def size_classes(
    options: WorkerOptions, kinds: Iterable[EventType], partitions: Mapping[str, int]
) -> list[SizeClass]:
    """Group the topics by their number of partitions, for a table needs as many as its topics."""
    groups: dict[int, list[EventType]] = {}
    for kind in kinds:
        groups.setdefault(partitions[kind.name], []).append(kind)
    return [_size_class(options, size, group) for size, group in sorted(groups.items())]


def _size_class(options: WorkerOptions, size: int, kinds: Sequence[EventType]) -> SizeClass:
    # A mark may go before its event can be read again, but not a note that made the mark void; and
    # they go one by one. So nothing goes as long as Kafka may still have the event.
    least = timedelta(days=options.remember_days)
    remember = max(least, *(kind.remember for kind in kinds))
    name = table_name(size)
    marks = Marks(_tables_dir(options), name, f"{options.app_id}-{name}-changelog", remember)
    return SizeClass(size, tuple(sorted(kind.topic for kind in kinds)), remember, marks)


def changelog_topics(classes: Collection[SizeClass]) -> Mapping[str, TopicSpec]:
    """The changelogs, as they must be created: messages hold many keys, so never compacted."""
    return {size.marks.changelog_topic: _changelog(size) for size in classes}


def _changelog(size: SizeClass) -> TopicSpec:
    config = {
        "cleanup.policy": "delete",
        "retention.ms": str(int(size.remember.total_seconds() * 1000)),
        "segment.bytes": str(64 << 20),
        "message.timestamp.type": "LogAppendTime",  # a worker's wrong clock must not age marks
    }
    return TopicSpec(size.partitions, config)


def faust_app(
    options: WorkerOptions, kafka: KafkaOptions, classes: Collection[SizeClass], agent: Agent
) -> LedgerApp:
    """Build the app; nothing is started. Why each setting is as it is: facts measured on 0.15.3."""
    count = sum(len(size.topics) * size.partitions for size in classes)
    fetch_bytes = min(MAX_FETCH_BYTES, max(MIN_FETCH_BYTES, FETCH_BYTES // count))
    for gauge in (WORKER_MEMORY, WORKER_MEMORY_LIMIT):
        gauge.labels("fetch").set(count * fetch_bytes)
    app = LedgerApp(
        options.app_id,
        broker=[f"{BROKER_SCHEME}://{broker}" for broker in kafka.bootstrap],
        broker_credentials=_credentials(kafka),
        datadir=str(options.data_dir),
        web_enabled=False,
        topic_allow_declare=False,  # topics are made by `ensure_topics`, with our configuration
        topic_disable_leader=True,
        table_standby_replicas=0,
        stream_wait_empty=False,
        stream_buffer_maxsize=4,  # fetch lists, not records
        consumer_max_fetch_size=fetch_bytes,
        broker_max_poll_records=5000,
        consumer_auto_offset_reset="earliest",  # for changelogs; sources are always sought
        consumer_group_instance_id=options.instance or None,
        broker_session_timeout=options.session_seconds,
        broker_heartbeat_interval=options.session_seconds / 5,
        broker_rebalance_timeout=30.0,
        broker_request_timeout=REQUEST_SECONDS,
        broker_commit_interval=5.0,
        broker_max_poll_interval=86_400.0,  # with all types paused, nothing is polled
        agent_supervisor=CrashingSupervisor,  # the default one restarts a failing agent for ever
    )
    for size in classes:
        app.mark_table(size.table, size.partitions, size.marks)
        _read(app, size, agent)
    return app


def _read(app: LedgerApp, size: SizeClass, agent: Agent) -> None:
    async def read(stream: Any) -> None:
        async for event in stream.events():
            fetched = event.value
            await agent.take(
                (fetched.topic, fetched.partition), fetched.epoch, fetched.turn, fetched.records
            )

    topic = app.topic(*size.topics, schema=ListSchema(), acks=False)
    app.agent(topic, name=f"read-{size.partitions}")(read)


def _tables_dir(options: WorkerOptions) -> Path:
    return options.data_dir / "tables"


def _credentials(kafka: KafkaOptions) -> Any:
    client = kafka.client()
    ssl_context = client.get("ssl_context")
    if "SASL" in kafka.security_protocol:
        return faust.SASLCredentials(
            mechanism=kafka.sasl_mechanism,
            username=client["sasl_plain_username"],
            password=client["sasl_plain_password"],
            ssl_context=ssl_context,
        )
    return faust.SSLCredentials(context=ssl_context) if ssl_context is not None else None
