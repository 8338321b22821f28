"""When the janitor comes, and for how long the history is kept."""

from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from app.contracts.model import DURATION, duration
from app.core.schedule import Cron, Every, Schedule
from app.options import Options


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
