"""Every environment variable, described, read once.

`KAFKA__BROKERS` sets `kafka.brokers`, and so on: two underscores go one level down.
"""

import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from pydantic import BaseModel, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from app.console.options import ConsoleOptions
from app.core.errors import Fatal
from app.gateway.options import GatewayOptions
from app.janitor.options import JanitorOptions
from app.kafka import KafkaOptions
from app.ledger.options import LedgerOptions
from app.options import Options
from app.redis_options import RedisOptions
from app.scheduler.options import SchedulerOptions
from app.worker.options import SealOptions, WorkerOptions
from sinks.duckdb.options import DuckDBOptions
from sinks.s3.options import S3Options
from sinks.snowflake.options import SnowflakeOptions


class Role(StrEnum):
    """What one process is."""

    GATEWAY = "gateway"
    WORKER = "worker"
    SCHEDULER = "scheduler"


class LogOptions(Options):
    """How log lines look."""

    format: Literal["auto", "json", "text"] = Field(
        "auto", description="auto: text on a terminal, JSON elsewhere."
    )
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class SentryOptions(Options):
    """Errors go to Sentry when a DSN is set."""

    dsn: SecretStr = SecretStr("")
    environment: str = Field("", description="Empty: ENVIRONMENT.")
    traces_sample_rate: float = Field(
        0.0, ge=0, le=1, description="Of requests, seals and loads, as transactions."
    )
    profiles_sample_rate: float = Field(
        0.0, ge=0, le=1, description="Of those, with a profile of the CPU."
    )


class Settings(BaseSettings):
    """All of Forebay's configuration besides the topic files."""

    model_config = SettingsConfigDict(env_nested_delimiter="__", extra="ignore", frozen=True)

    secrets_dir: str = Field(
        "",
        description="A folder, such as a mounted secret, with a file for each setting that is to "
        "come from there, named like the variable: KAFKA__PASSWORD. The environment goes first.",
    )

    role: Role | None = Field(None, description="What `forebay run` starts.")
    environment: Literal["production", "development", "test"] = "production"
    crash_at: str = Field(
        "", description="For tests of crashes: a kill point. Refused unless ENVIRONMENT=test."
    )
    topics_dir: Path = Field(Path("topics"), description="The folder of topic files.")
    drain_seconds: float = Field(
        25.0, gt=0, description="After SIGTERM: time to finish what was begun."
    )
    warehouse: Literal["duckdb", "snowflake"] = "duckdb"
    pii_key: SecretStr = Field(
        SecretStr(""), description="Key of the hashes in fields with `pii: hash`."
    )
    send_key: SecretStr = Field(
        SecretStr(""), description="The key that `forebay send` shows the gateway."
    )
    kafka: KafkaOptions = KafkaOptions()
    gateway: GatewayOptions = GatewayOptions()
    worker: WorkerOptions = WorkerOptions()
    seal: SealOptions = SealOptions()
    scheduler: SchedulerOptions = SchedulerOptions()
    janitor: JanitorOptions = JanitorOptions()
    redis: RedisOptions = RedisOptions()
    console: ConsoleOptions = ConsoleOptions()
    ledger: LedgerOptions = LedgerOptions()
    s3: S3Options = S3Options()
    duckdb: DuckDBOptions = DuckDBOptions()
    snowflake: SnowflakeOptions = SnowflakeOptions()
    log: LogOptions = LogOptions()
    sentry: SentryOptions = SentryOptions()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then the files of SECRETS_DIR."""
        folder = os.environ.get("SECRETS_DIR")
        if not folder:
            return init_settings, env_settings
        files = NestedSecretsSettingsSource(
            file_secret_settings, secrets_dir=folder, secrets_dir_missing="error"
        )
        return init_settings, env_settings, files

    @model_validator(mode="after")
    def _crash_only_in_tests(self) -> "Settings":
        if self.crash_at and self.environment != "test":
            raise ValueError("CRASH_AT is for tests: refused unless ENVIRONMENT=test")
        return self


def read_settings() -> Settings:
    """Read the environment.

    Raises:
        Fatal: one line per variable that is wrong, naming it.
    """
    try:
        return Settings()
    except SettingsError as error:
        raise Fatal(f"The environment is not right.\nSECRETS_DIR: {error}") from error
    except ValidationError as error:
        lines = [_line(e["loc"], e["msg"]) for e in error.errors()]
        raise Fatal("The environment is not right.\n" + "\n".join(lines)) from error


def secrets_of(settings: BaseModel) -> Iterator[str]:
    """All secrets among the settings, passwords in URLs too: what must never be shown."""
    for _, value in settings:
        match value:
            case BaseModel():
                yield from secrets_of(value)
            case SecretStr():
                yield value.get_secret_value()
            case str() if "://" in value:
                yield from _passwords(value)


def _passwords(url: str) -> Iterator[str]:
    """As it is written in the URL, and as it is meant."""
    _, _, rest = url.partition("://")
    user, at, _ = rest.rpartition("@")
    password = user.partition(":")[2]
    if at and password:
        yield password
        yield unquote(password)


def _line(location: tuple[int | str, ...], message: str) -> str:
    if not location:  # of several variables together; the message names them
        return message.removeprefix("Value error, ")
    return f"{'__'.join(str(part).upper() for part in location)}: {message}"
