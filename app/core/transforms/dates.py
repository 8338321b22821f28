"""Steps that read time."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from app.core.transforms.columns import (
    About,
    Columns,
    Name,
    Options,
    Row,
    Source,
    Step,
    derived,
    existing,
    new,
    refused,
    sent_as,
)
from app.core.values import FIRST_YEAR, LAST_YEAR, LOCAL_PATTERN, TIMESTAMP_PATTERN, instant


class DatePart(Options):
    """Add an integer column with a part of a timestamp in a time zone; weekday 1 is Monday."""

    do: Literal["date_part"]
    field: Source
    part: Literal["year", "month", "day", "weekday", "hour", "minute"] = Field(
        description="What to read of the timestamp."
    )
    to: Name
    timezone: str = Field("UTC", description="Whose clock, such as Europe/Berlin.")
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


MAX_TEXT = 100  # characters of a time as text
# What strptime reads alike on every machine; %c, %x and %X depend on the language, %Z on the zone.
DIRECTIVES = frozenset("YymbBdjHIMSfpzaA%")


class ParseTimestamp(Options):
    """Add a timestamp column that a string spells, in ISO 8601 or a format of your own.

    `format: iso` or one of strptime, such as `"%d/%b/%Y:%H:%M:%S %z"`. A time without an offset
    is read in `timezone`, and where the clocks are put back the earlier of two moments is meant.
    """

    do: Literal["parse_timestamp"]
    field: Source
    to: Name
    format: str = Field(description="iso, or directives of strptime such as %Y-%m-%d %H:%M.")
    timezone: str | None = Field(None, description="Of times without an offset.")
    about: About

    def columns(self, columns: Columns) -> Columns:
        source = existing(columns, self.field, "string")
        new(columns, self.to)
        if self.timezone is not None:
            zone(self.timezone)
        if self.format != "iso":
            self._check_format()
        return {**columns, self.to: derived([source], "timestamp", self.about)}

    def _check_format(self) -> None:
        found = re.findall("%(.?)", self.format, re.DOTALL)
        for one in found:
            if one not in DIRECTIVES:
                known = " ".join(f"%{known}" for known in sorted(DIRECTIVES))
                raise ValueError("format", f"%{one} is not understood; there is {known}")
            if one != "%" and found.count(one) > 1:
                raise ValueError("format", f"%{one} is there twice; remove one")
        named = set(found)
        if not named & set("Yy") or not ("j" in named or ("d" in named and named & set("mbB"))):
            raise ValueError("format", "does not name a day; it needs %Y, %m and %d, or is iso")
        if "z" in found and self.timezone is not None:
            raise ValueError("timezone", "%z is in the format already; remove one")
        if "z" not in found and self.timezone is None:
            raise ValueError("timezone", "is missing, as the format has no %z; add it")

    def step(self, columns: Columns) -> Step:
        source, to, read = self.field, self.to, self._reader()
        name = sent_as(columns, source)
        form = "a time in ISO 8601" if self.format == "iso" else f"a time as {self.format}"
        told = f"must be {form}, of the years {FIRST_YEAR} to {LAST_YEAR}"

        def step(row: Row) -> None:
            value = row[source]
            if value is None:
                row[to] = None
                return
            try:
                row[to] = read(value[: MAX_TEXT + 1])
            except ValueError:
                raise refused(name, told) from None

        return step

    def _reader(self) -> Callable[[str], datetime]:
        tz = None if self.timezone is None else zone(self.timezone)
        form = self.format

        shape = re.compile(TIMESTAMP_PATTERN if tz is None else LOCAL_PATTERN)

        def read_iso(text: str) -> datetime:
            if not shape.fullmatch(text):
                raise ValueError("form")
            return instant(text, tz)

        def read(text: str) -> datetime:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 (there is %z, or the zone)
            if tz is not None:
                moment = moment.replace(tzinfo=tz)
            if not FIRST_YEAR <= moment.year <= LAST_YEAR:
                raise ValueError("year")
            return moment.astimezone(UTC)

        return read_iso if form == "iso" else read


def zone(name: str) -> ZoneInfo:
    """Find a time zone by its IANA name; raises `ValueError("timezone", what)`."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            "timezone", f"no time zone «{name}»; use a name such as Europe/Berlin or UTC"
        ) from error
