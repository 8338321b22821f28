"""Steps that put a column into its place: a new one, or an old one under another name."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Literal

from pydantic import Field

from app.core.pii import strongest
from app.core.transforms.columns import (
    About,
    Columns,
    Landing,
    Name,
    Options,
    Row,
    Source,
    Step,
    existing,
    new,
    several,
)
from app.core.transforms.constants import Scalar, type_of


class Constant(Options):
    """Add a column that holds the same value in every row."""

    do: Literal["constant"]
    to: Name
    value: Scalar = Field(description="What every row holds.")
    about: About

    def columns(self, columns: Columns) -> Columns:
        new(columns, self.to)
        return {**columns, self.to: Landing(type_of([self.value], "value"), False, self.about)}

    def step(self, columns: Columns) -> Step:
        name, value = self.to, self.value

        def step(row: Row) -> None:
            row[name] = value

        return step


class Rename(Options):
    """Give a column another name; its place, type and pii decision stay."""

    do: Literal["rename"]
    field: Source
    to: Name

    def columns(self, columns: Columns) -> Columns:
        existing(columns, self.field)
        new(columns, self.to)
        return {(self.to if n == self.field else n): column for n, column in columns.items()}

    def step(self, columns: Columns) -> Step:
        old, new = self.field, self.to

        def step(row: Row) -> None:
            row[new] = row.pop(old)

        return step


class Coalesce(Options):
    """Add a column with the first value of several columns that is not missing."""

    do: Literal["coalesce"]
    fields: tuple[str, ...] = Field(min_length=2, description="Columns, the preferred one first.")
    to: Name
    about: About

    def columns(self, columns: Columns) -> Columns:
        first = existing(columns, self.fields[0], key="fields.0")
        sources = several(columns, self.fields, first.type)
        for index, source in enumerate(sources):
            if _kind(source) != _kind(first):
                what = f"is another kind of {first.type} than «{self.fields[0]}»"
                raise ValueError(f"fields.{index}", f"«{self.fields[index]}» {what}")
        new(columns, self.to)
        lengths = [source.max_length for source in sources]
        found = replace(
            first,
            nullable=all(source.nullable for source in sources),
            about=self.about,
            pii=strongest(*(source.pii for source in sources)),
            max_length=None if None in lengths else max(length or 0 for length in lengths),
            one_of=_all_of([source.one_of for source in sources]),
        )
        return {**columns, self.to: found}

    def step(self, columns: Columns) -> Step:
        names, to = self.fields, self.to

        def step(row: Row) -> None:
            row[to] = next((value for name in names if (value := row[name]) is not None), None)

        return step


def _all_of(choices: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    told = [one_of for one_of in choices if one_of is not None]
    return tuple(dict.fromkeys(chain(*told))) if len(told) == len(choices) else None


def _kind(column: Landing) -> tuple[object, ...]:
    """What two columns must have in common, beside their type, to be one."""
    inner = (column.fields or {}).items()
    return (
        column.precision,
        column.scale,
        column.items and (column.items.type, column.items.pii, *_kind(column.items)),
        [(name, one.type, one.pii, one.nullable, *_kind(one)) for name, one in inner],
    )
