"""Every fault of the chaos run: each is made and ended by one coroutine."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tests.chaos.network_faults import cut, down, slow, stalled, until_used
from tests.chaos.process_faults import (
    bounced,
    emptied_redis,
    locked_sqlite,
    restarted,
    scaled,
    stopped,
    wiped,
)
from tests.chaos.world import World
from tests.house.proxy import Cut, LoseAnswer, http, http_answer


@dataclass(frozen=True, slots=True)
class Fault:
    """`run` makes it and ends it. `weight` is how often it is chosen, beside the others."""

    run: Callable[[World], Awaitable[None]]
    weight: int = 2


def is_produce(chunk: bytes) -> bool:
    """A Kafka request with API key 0, after its four bytes of size."""
    return len(chunk) > 8 and chunk[4:6] == b"\x00\x00"


def is_insert(chunk: bytes) -> bool:
    """A MongoDB message whose first key says `insert`."""
    return b"insert\x00" in chunk[:64]


is_query = http("POST", "/queries/")

EVERYWHERE: Mapping[str, Fault] = {
    "worker: disk wiped": Fault(wiped),
    "worker: stopped for 8 s, then goes on": Fault(stopped("worker", 8)),
    "gateway: stopped for 3 s, then goes on": Fault(stopped("gateway", 3)),
    "scheduler: stopped for 7 s, then goes on": Fault(stopped("scheduler", 7)),
    "worker: restarted": Fault(restarted("worker")),
    "gateway: restarted": Fault(restarted("gateway")),
    "scheduler: restarted": Fault(restarted("scheduler")),
    "workers: 3 → 1 → 3": Fault(scaled, 1),
    "kafka: restarted": Fault(bounced("kafka", 3, kill=False), 1),
    "kafka: killed": Fault(bounced("kafka", 3, kill=True), 1),
    "kafka: slow": Fault(slow("kafka", 0.3, 6)),
    "kafka: stalled": Fault(stalled("kafka", 4), 1),
    "kafka: connections cut": Fault(cut("kafka", 6)),
    "kafka: answers to produce lost": Fault(until_used("kafka", is_produce, LoseAnswer(), 3)),
    "kafka: produce cut": Fault(until_used("kafka", is_produce, Cut(), 3)),
    "s3: 500": Fault(until_used("s3", http(), http_answer(500, "InternalError"), 10)),
    "s3: 503 SlowDown": Fault(until_used("s3", http(), http_answer(503, "SlowDown"), 10)),
    "s3: answers to PUT lost": Fault(until_used("s3", http("PUT"), LoseAnswer(), 3)),
    "s3: reads cut": Fault(until_used("s3", http("GET"), LoseAnswer(after_bytes=700), 3)),
    "s3: connections cut": Fault(cut("s3", 6)),
    "s3: stalled": Fault(stalled("s3", 6)),
    "s3: down": Fault(down("s3", 5)),
    "redis: down": Fault(down("redis", 5)),
    "redis: slow": Fault(slow("redis", 1, 6)),
    "redis: emptied": Fault(emptied_redis),
    "redis: restarted": Fault(bounced("redis", 1, kill=False), 1),
}
"""Whatever the ledger and the warehouse are."""

ONLY: Mapping[str, Mapping[str, Fault]] = {
    "sqlite": {"ledger: locked": Fault(locked_sqlite, 4)},
    "mongo": {
        "ledger: down": Fault(down("mongo", 5)),
        "ledger: slow": Fault(slow("mongo", 0.5, 6)),
        "ledger: stalled": Fault(stalled("mongo", 6)),
        "ledger: answers to insert lost": Fault(until_used("mongo", is_insert, LoseAnswer(), 3), 4),
        "ledger: connections cut": Fault(cut("mongo", 6)),
        "ledger: killed": Fault(bounced("mongo", 2, kill=True), 1),
    },
    "duckdb": {},
    "snowflake": {
        "warehouse: down": Fault(down("snowflake", 5)),
        "warehouse: slow": Fault(slow("snowflake", 0.5, 6)),
        "warehouse: answers lost": Fault(until_used("snowflake", is_query, LoseAnswer(), 5), 4),
        "warehouse: connections cut": Fault(cut("snowflake", 6)),
        "warehouse: killed": Fault(bounced("snowflake", 1, kill=True), 1),
    },
}
"""By ledger and by warehouse."""


def faults_for(world: World) -> dict[str, Fault]:
    return {**EVERYWHERE, **ONLY[world.house.ledger], **ONLY[world.house.warehouse]}
