"""When a worker seals and how much it may hold."""

from pathlib import Path

from pydantic import Field

from app.options import Options


class SealOptions(Options):
    """Whichever of these is reached first cuts a seal."""

    max_age_seconds: float = Field(60.0, gt=0)
    max_bytes: int = Field(64 << 20, gt=0, description="Row text of one event type, before gzip.")
    memory_bytes: int = Field(
        32 << 20, gt=0, description="All that open seals may hold; the largest is sealed first."
    )


class WorkerOptions(Options):
    """Identity, disk and health of a worker."""

    app_id: str = Field("forebay", description="Kafka consumer group and changelog prefix.")
    worker_id: str = Field("", description="Empty: the host name and process id.")
    instance: str = Field(
        "",
        description="A name that no other worker has and that stays over restarts, such as a "
        "StatefulSet's pod's: who is back within SESSION_SECONDS goes on with its partitions, and "
        "the others notice nothing (static group membership). Empty: a restart is a rebalance.",
    )
    data_dir: Path = Field(Path(".forebay/worker"), description="RocksDB tables.")
    remember_days: int = Field(
        30,
        ge=1,
        le=1_000,  # RocksDB counts the seconds since 1970 in 31 bits, this time included
        description="Marks of the dedupe tables are kept for so many days at least, which must be "
        "more than an event may wait in Kafka; longer, if dedupe.remember_days of a topic is.",
    )
    port: int = Field(8081, ge=0, le=65535, description="/livez, /readyz and /metrics; 0: free.")
    host: str = "127.0.0.1"
    session_seconds: float = Field(
        15.0, ge=6, le=30, description="A worker silent for so long loses its partitions."
    )
    stuck_after_seconds: float = Field(
        90.0,
        gt=0,
        description="A rebalance or recovery in which nothing moves for so long ends the process.",
    )
    max_rejected_ratio: float = Field(
        0.5, gt=0, le=1, description="Above this share of one type, the circuit breaker pauses it…"
    )
    min_rejected_count: int = Field(1_000, ge=1, description="…once so many were rejected.")
