"""When the janitor comes, and for how long the history is kept."""

from datetime import timedelta
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from app.contracts.model import DURATION, duration
from app.core.schedule import Cron, Every, Schedule
from app.options import Options

LEAST_DAYS = 90
"""So long a worker or an operator has to find out that something is wrong."""


class JanitorOptions(Options):
    """Its schedule: `cron` by the clocks of `timezone`, or `every` in place of it."""

    every: str = Field(
        "", pattern=rf"^$|{DURATION}", description="In place of JANITOR__CRON; such as 6h."
    )
    cron: str = Field(
        "17 3 * * *", description="Minute, hour, day, month, day of the week. Empty: never."
    )
    timezone: str = Field("UTC", description="Whose clocks JANITOR__CRON means.")
    keep_runs_days: int = Field(
        30, ge=1, le=3_650, description="The history of jobs is forgotten after so many days."
    )

    keep_seals_days: int = Field(
        0, ge=0, le=36_500,
        description="Seals older than this become sums, and their objects go: their days can not "
        "be made again. 90 at least; 0: they are kept for ever.",
    )  # fmt: skip

    @field_validator("keep_seals_days")
    @classmethod
    def _long_enough(cls, days: int) -> int:
        if 0 < days < LEAST_DAYS:
            raise ValueError(f"at least {LEAST_DAYS} days, or 0 to keep them for ever")
        return days

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if self.every and self.cron and "cron" in self.model_fields_set:
            raise ValueError("say either JANITOR__EVERY or JANITOR__CRON")
        try:
            ZoneInfo(self.timezone)
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(f"there is no time zone «{self.timezone}»") from error
        _ = self.schedule
        return self

    @property
    def schedule(self) -> Schedule | None:
        """When it is due; None: never."""
        if self.every:
            return Every(duration(self.every))
        return Cron(self.cron, self.timezone) if self.cron else None

    @property
    def keep_seals(self) -> timedelta | None:
        """None: for ever."""
        return timedelta(days=self.keep_seals_days) if self.keep_seals_days else None
