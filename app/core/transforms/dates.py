"""Steps that read time."""

from dataclasses import replace
from typing import Literal
from zoneinfo import ZoneInfo

from app.core.transforms.columns import About, Columns, Name, Options, Row, Step, existing, new


class DatePart(Options):
    """Add an integer column with a part of a timestamp in a time zone; weekday 1 is Monday."""

    do: Literal["date_part"]
    field: str
    part: Literal["year", "month", "day", "weekday", "hour", "minute"]
    to: Name
    timezone: str = "UTC"
    about: About | None = None

    def columns(self, columns: Columns) -> Columns:
        source = existing(columns, self.field, "timestamp")
        new(columns, self.to)
        zone(self.timezone)
        about = self.about or f"The {self.part} of {self.field}, {self.timezone} time."
        return {**columns, self.to: replace(source, type="integer", about=about, pii="keep")}

    def step(self, columns: Columns) -> Step:
        source, new, tz = self.field, self.to, zone(self.timezone)
        part = "isoweekday" if self.part == "weekday" else self.part

        def step(row: Row) -> None:
            value = row[source]
            if value is None:
                row[new] = None
                return
            found = getattr(value.astimezone(tz), part)
            row[new] = found() if callable(found) else found

        return step


def zone(name: str) -> ZoneInfo:
    """Find a time zone by its IANA name; raises `ValueError("timezone", what)`."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            "timezone", f"no time zone «{name}»; use a name such as Europe/Berlin or UTC"
        ) from error
