"""What may happen to an event between its contract and the table: a closed list of pure steps.

A new transform is one options class with its two methods, and one line in `Transform`:

* `columns` takes the columns so far and returns them as they are afterwards, so that the table
  and the documentation see what it adds and removes; it raises `ValueError(path, what)`.
* `step` returns the function that changes one row in place; it raises `RejectedError`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import Reason, RejectedError

Row = dict[str, Any]
Step = Callable[[Row], None]
NAME = r"^[a-z][a-z0-9_]*$"


@dataclass(frozen=True, slots=True)
class Landing:
    """A column on its way into the table. `type` is a contract type."""

    type: str
    nullable: bool
    about: str
    pii: Literal["keep", "hash", "drop"] = "keep"
    max_length: int | None = None
    precision: int | None = None
    scale: int | None = None


Columns = Mapping[str, Landing]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _existing(columns: Columns, name: str, *types: str) -> Landing:
    found = columns.get(name)
    if found is None:
        raise ValueError("field", f"there is no «{name}» at this step; there is {_list(columns)}")
    if types and found.type not in types:
        raise ValueError("field", f"«{name}» is {found.type}; it must be {' or '.join(types)}")
    return found


def _new(columns: Columns, name: str) -> None:
    if name in columns:
        raise ValueError("to", f"«{name}» exists already; choose another name")


def _list(names: Columns) -> str:
    return ", ".join(names) or "none"


class Trim(_Options):
    """Cut white space from both ends of a string."""

    do: Literal["trim"]
    field: str

    def columns(self, columns: Columns) -> Columns:
        _existing(columns, self.field, "string")
        return columns

    def step(self, columns: Columns) -> Step:
        return _on_string(columns, self.field, str.strip)


class Lower(_Options):
    """Put a string into lower case."""

    do: Literal["lower"]
    field: str

    def columns(self, columns: Columns) -> Columns:
        _existing(columns, self.field, "string")
        return columns

    def step(self, columns: Columns) -> Step:
        return _on_string(columns, self.field, str.lower)


class Upper(_Options):
    """Put a string into upper case."""

    do: Literal["upper"]
    field: str

    def columns(self, columns: Columns) -> Columns:
        _existing(columns, self.field, "string")
        return columns

    def step(self, columns: Columns) -> Step:
        return _on_string(columns, self.field, str.upper)


def _on_string(columns: Columns, name: str, change: Callable[[str], str]) -> Step:
    limit = columns[name].max_length

    def step(row: Row) -> None:
        value = row[name]
        if value is None:
            return
        changed = change(value)
        if limit is not None and len(changed) > limit:  # «ß» becomes «SS», «İ» two code points
            raise RejectedError(
                Reason.TRANSFORM, f"longer than {limit} characters after a transform", name
            )
        row[name] = changed

    return step


class Constant(_Options):
    """Add a column that holds the same value in every row."""

    do: Literal["constant"]
    to: str = Field(pattern=NAME)
    value: str | int | bool
    about: str = Field(min_length=10)

    def columns(self, columns: Columns) -> Columns:
        _new(columns, self.to)
        if isinstance(self.value, str) and "\0" in self.value:
            raise ValueError("value", "must not hold a NUL character")
        types = {bool: "boolean", int: "integer", str: "string"}
        return {**columns, self.to: Landing(types[type(self.value)], False, self.about)}

    def step(self, columns: Columns) -> Step:
        name, value = self.to, self.value

        def step(row: Row) -> None:
            row[name] = value

        return step


class Rename(_Options):
    """Give a column another name; its place, type and pii decision stay."""

    do: Literal["rename"]
    field: str
    to: str = Field(pattern=NAME)

    def columns(self, columns: Columns) -> Columns:
        _existing(columns, self.field)
        _new(columns, self.to)
        return {(self.to if n == self.field else n): column for n, column in columns.items()}

    def step(self, columns: Columns) -> Step:
        old, new = self.field, self.to

        def step(row: Row) -> None:
            row[new] = row.pop(old)

        return step


class DatePart(_Options):
    """Add an integer column with a part of a timestamp in a time zone; weekday 1 is Monday."""

    do: Literal["date_part"]
    field: str
    part: Literal["year", "month", "day", "weekday", "hour", "minute"]
    to: str = Field(pattern=NAME)
    timezone: str = "UTC"
    about: str | None = Field(None, min_length=10)

    def columns(self, columns: Columns) -> Columns:
        source = _existing(columns, self.field, "timestamp")
        _new(columns, self.to)
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


Transform = Annotated[
    Trim | Lower | Upper | Constant | Rename | DatePart,
    Field(discriminator="do"),
]


def zone(name: str) -> ZoneInfo:
    """Find a time zone by its IANA name; raises `ValueError("timezone", what)`."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            "timezone", f"no time zone «{name}»; use a name such as Europe/Berlin or UTC"
        ) from error
