"""How often the scheduler looks, and how long it may hold a lock."""

from pathlib import Path

from pydantic import Field

from app.options import Options


class SchedulerOptions(Options):
    """Pace and health of a scheduler."""

    app_id: str = Field(
        "forebay-scheduler",
        description="Name of the timer and of the locks: the same in all schedulers of one ledger.",
    )
    tick_seconds: float = Field(5.0, gt=0, description="How often each scheduler looks for work.")
    lock_seconds: float = Field(
        60.0, gt=0, description="The lock's lease; renewed while a load runs."
    )
    max_days_per_run: int = Field(31, ge=1, description="A backfill goes in runs of so many days.")
    attempts: int = Field(3, ge=1, description="Tries of one run before it is reported as failed.")
    rest_seconds: float = Field(
        60.0, gt=0, description="A table whose load failed rests so long; doubled each time."
    )
    loads_at_once: int = Field(2, ge=1, description="Tables that one scheduler loads in parallel.")
    look_seconds: float = Field(
        60.0, gt=0, description="How often Kafka and the ledger are asked who is behind."
    )
    instance: str = Field(
        "", description="Its name in the history of jobs. Empty: the host name and process id."
    )
    data_dir: Path = Path(".forebay/scheduler")
    host: str = "127.0.0.1"
    port: int = Field(8082, ge=0, le=65535, description="/livez, /readyz and /metrics; 0: free.")
