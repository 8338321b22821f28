"""Steps that choose among values which the topic file names."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from app.core.transforms.columns import (
    About,
    Columns,
    Landing,
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
from app.core.transforms.conditions import Condition, compiled
from app.core.transforms.constants import Scalar, choices, constant, type_of

READ: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": int,
    "boolean": {"true": True, "false": False}.__getitem__,
}


class Map(Options):
    """Translate the values of a column by a list, in place or into a new column.

    A value that is not listed becomes the `default`, which may be null; without a default it is
    rejected. A missing value stays missing.
    """

    do: Literal["map"]
    field: Source
    to: Name | None = None
    values: dict[str, Scalar] = Field(min_length=1, description="From a value to another one.")
    default: Scalar | None = Field(None, description="For a value that is not listed.")
    about: About | None = None

    def columns(self, columns: Columns) -> Columns:
        source = existing(columns, self.field, *READ)
        if self.to is not None:
            new(columns, self.to)
        values = list(self.values.values())
        if self.default is not None:
            values.append(self.default)
        total = "default" in self.model_fields_set
        keys = [self._read(columns, key) for key in self.values]
        for value in () if total else source.one_of or ():
            if value not in keys:
                what = f"lacks «{value}», which «{self.field}» may be; add it, or a default"
                raise ValueError("values", what)
        about = self.about or (f"Made of {self.field} by a list." if self.to else source.about)
        nullable = source.nullable or (total and self.default is None)
        mapped = derived([source], type_of(values, "values"), about, nullable=nullable)
        return {**columns, self.to or self.field: replace(mapped, one_of=choices(values))}

    def _read(self, columns: Columns, key: str) -> Any:
        """Read a key of the list as a value of the column; in YAML every key is text."""
        try:
            value = READ[columns[self.field].type](key)
        except (ValueError, KeyError):
            value = key  # and the next line says what it should be
        return constant(columns, self.field, value, "values", key)

    def step(self, columns: Columns) -> Step:
        name, to = self.field, self.to or self.field
        told = sent_as(columns, name)
        values = {self._read(columns, key): mapped for key, mapped in self.values.items()}
        strict, default = "default" not in self.model_fields_set, self.default

        def step(row: Row) -> None:
            value = row[name]
            if value is None:
                row[to] = None
            elif value in values:
                row[to] = values[value]
            elif strict:
                raise refused(told, "is none of the values that its map lists")
            else:
                row[to] = default

        return step


class When(Options):
    """Add a column that holds one value where a condition holds, and else another or null."""

    do: Literal["when"]
    condition: Condition = Field(alias="if", description="A condition, as below.")
    to: Name
    value: Scalar = Field(description="What it holds where the condition does.")
    otherwise: Scalar | None = Field(None, description="What it holds elsewhere; left out: null.")
    about: About

    def columns(self, columns: Columns) -> Columns:
        compiled(self.condition, columns)
        new(columns, self.to)
        values = [self.value] if self.otherwise is None else [self.value, self.otherwise]
        kind = type_of(values, "value")
        # It holds what this file says and nothing of a person, so there is no pii to inherit.
        found = Landing(kind, self.otherwise is None, self.about, one_of=choices(values))
        return {**columns, self.to: found}

    def step(self, columns: Columns) -> Step:
        holds, to = compiled(self.condition, columns), self.to
        value, otherwise = self.value, self.otherwise

        def step(row: Row) -> None:
            row[to] = value if holds(row) else otherwise

        return step
