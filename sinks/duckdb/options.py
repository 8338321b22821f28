"""Where the file is, and what a load may use."""

from pathlib import Path

from pydantic import Field

from app.options import Options


class DuckDBOptions(Options):
    """The file is opened for the length of one call, so that others can read between loads."""

    path: Path = Path(".forebay/warehouse.duckdb")
    memory_limit: str = Field(
        "32MB",
        pattern=r"^\d+(MB|GB)$",
        description="Of DuckDB's buffers; a load of many columns or rows may double it.",
    )
    threads: int = Field(1, ge=1)
    lock_timeout_seconds: float = Field(30.0, gt=0, description="Wait for another process.")
