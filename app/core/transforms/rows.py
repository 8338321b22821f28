"""Steps that decide how many rows an event becomes: none at all, or one for each item of a list."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import ceil
from re import fullmatch
from typing import Any, Literal

from pydantic import Field

from app.core.errors import FilteredError
from app.core.transforms.columns import (
    MAX_NAME,
    NAME,
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
    refused,
)
from app.core.transforms.conditions import Condition, compiled

Rows = Callable[[Row], list[Row]]
MB = 1 << 20
MAX_BYTES = 4 * MB
"""Of the rows of one event: what it says beside the list stands in each of them again."""
LINEAGE_BYTES = 200


class DropEvent(Options):
    """Leave the whole event out where a condition holds; it is counted as `filtered`."""

    do: Literal["drop_event"]
    condition: Condition = Field(alias="if", description="A condition, as below.")
    why: str = Field(min_length=10, description="Told to who sends such an event.")

    def columns(self, columns: Columns) -> Columns:
        compiled(self.condition, columns)
        return columns

    def step(self, columns: Columns) -> Step:
        holds, why = compiled(self.condition, columns), self.why

        def step(row: Row) -> None:
            if holds(row):
                raise FilteredError(why)

        return step


class Explode(Options):
    """Make a row of each item of a list, numbered from 0; steps after this one run on each row.

    An item that is an object gives its fields as columns, any other is the column `to`. The list
    itself is no column any more. An event whose list is empty or absent has no rows.
    """

    do: Literal["explode"]
    field: Source
    index: Name = Field(description="The column that counts the rows of one event, from 0.")
    prefix: str = Field("", pattern=r"^([a-z][a-z0-9_]*)?$", description="Of the items' fields.")
    to: Name | None = Field(None, description="The column of an item that is no object.")
    about: About | None = Field(None, description="Of the column `to`.")

    def columns(self, columns: Columns) -> Columns:
        item = self._item(columns)
        left = {name: column for name, column in columns.items() if name != self.field}
        about = f"Which item of {self.field} the row is, from 0."
        made = {self.index: Landing("integer", False, about)}
        new(left, self.index, "index")
        for name, column in self._made_of(item).items():
            new({**left, **made}, name, "to" if item.fields is None else "prefix")
            made[name] = column
        return {**left, **made}

    def _item(self, columns: Columns) -> Landing:
        source = existing(columns, self.field, "list")
        if source.pii != "keep":
            what = f"the pii of «{self.field}» is {source.pii}; decide of its items, one by one"
            raise ValueError("field", what)
        if source.items is None:
            raise ValueError("field", f"nobody has said what the items of «{self.field}» are")
        return source.items

    def _made_of(self, item: Landing) -> Mapping[str, Landing]:
        """The columns of an item."""
        if item.fields is None:
            if self.to is None:
                raise ValueError("to", f"name the column of an item: it is {item.type}")
            if self.prefix:
                raise ValueError("prefix", f"an item is {item.type} and has no fields; remove it")
            about = self.about or item.about or f"One of {self.field}."
            return {self.to: replace(item, about=about)}
        for name, given in (("to", self.to), ("about", self.about)):
            if given is not None:
                raise ValueError(name, "an item is an object, whose fields are columns; remove it")
        return {self._column(name): column for name, column in item.fields.items()}

    def _column(self, name: str) -> str:
        column = self.prefix + name
        if not fullmatch(NAME, column) or len(column) > MAX_NAME:
            what = f"«{column}» can not be a column: it takes {MAX_NAME} of a-z, 0-9 and _"
            raise ValueError("prefix", what)
        return column

    def rows(self, columns: Columns) -> Rows:
        """Compile the function that makes an event's rows of what it is at this step."""
        name, index, item = self.field, self.index, self._item(columns)
        to = self.to or ""
        columns_of = [(self._column(key), key) for key in item.fields or ()]

        def of_values(row: Row) -> list[Row]:
            values = _bounded(name, row.pop(name) or (), row)
            return [{**row, index: n, to: value} for n, value in enumerate(values)]

        def of_objects(row: Row) -> list[Row]:
            values = _bounded(name, row.pop(name) or (), row)
            return [
                {**row, index: n, **{column: value[key] for column, key in columns_of}}
                for n, value in enumerate(values)
            ]

        return of_values if item.fields is None else of_objects


def _bounded(name: str, values: Sequence[Any], row: Row) -> Sequence[Any]:
    """Refuse an event that would be many times as large as it was sent; measured roughly, by what
    each row has in common with the others, and alike wherever it is judged."""
    if len(values) > 1:
        size = len(values) * (LINEAGE_BYTES + len(repr(row).encode()))
        if size > MAX_BYTES:
            what = f"{len(values)} items would be rows of about {ceil(size / MB)} MB together"
            raise refused(name, f"is too long: {what}, and {MAX_BYTES // MB} MB is the most")
    return values
