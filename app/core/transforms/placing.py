"""Steps that put a column into its place: a new one, or an old one under another name."""

from typing import Literal

from pydantic import Field

from app.core.transforms.columns import NAME, Columns, Landing, Options, Row, Step, existing, new


class Constant(Options):
    """Add a column that holds the same value in every row."""

    do: Literal["constant"]
    to: str = Field(pattern=NAME)
    value: str | int | bool
    about: str = Field(min_length=10)

    def columns(self, columns: Columns) -> Columns:
        new(columns, self.to)
        if isinstance(self.value, str) and "\0" in self.value:
            raise ValueError("value", "must not hold a NUL character")
        types = {bool: "boolean", int: "integer", str: "string"}
        return {**columns, self.to: Landing(types[type(self.value)], False, self.about)}

    def step(self, columns: Columns) -> Step:
        name, value = self.to, self.value

        def step(row: Row) -> None:
            row[name] = value

        return step


class Rename(Options):
    """Give a column another name; its place, type and pii decision stay."""

    do: Literal["rename"]
    field: str
    to: str = Field(pattern=NAME)

    def columns(self, columns: Columns) -> Columns:
        existing(columns, self.field)
        new(columns, self.to)
        return {(self.to if n == self.field else n): column for n, column in columns.items()}

    def step(self, columns: Columns) -> Step:
        old, new = self.field, self.to

        def step(row: Row) -> None:
            row[new] = row.pop(old)

        return step
