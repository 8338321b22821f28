"""Steps that change a text, or make one of several values."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from pydantic import Field

from app.core.pii import Pii
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
    several,
)


class Trim(Options):
    """Cut white space from both ends of a string."""

    do: Literal["trim"]
    field: Source

    def columns(self, columns: Columns) -> Columns:
        return {**columns, self.field: _respelt(columns, self.field, str.strip)}

    def step(self, columns: Columns) -> Step:
        return _on_string(columns, self.field, str.strip)


class Lower(Options):
    """Put a string into lower case."""

    do: Literal["lower"]
    field: Source

    def columns(self, columns: Columns) -> Columns:
        return {**columns, self.field: _respelt(columns, self.field, str.lower)}

    def step(self, columns: Columns) -> Step:
        return _on_string(columns, self.field, str.lower)


class Upper(Options):
    """Put a string into upper case."""

    do: Literal["upper"]
    field: Source

    def columns(self, columns: Columns) -> Columns:
        return {**columns, self.field: _respelt(columns, self.field, str.upper)}

    def step(self, columns: Columns) -> Step:
        return _on_string(columns, self.field, str.upper)


def _respelt(columns: Columns, name: str, change: Callable[[str], str]) -> Landing:
    source = existing(columns, name, "string")
    if source.one_of is None:
        return source
    return replace(source, one_of=tuple(dict.fromkeys(map(change, source.one_of))))


def _on_string(columns: Columns, name: str, change: Callable[[str], str]) -> Step:
    limit, told = columns[name].max_length, sent_as(columns, name)

    def step(row: Row) -> None:
        value = row[name]
        if value is None:
            return
        changed = change(value)
        if limit is not None and len(changed) > limit:  # «ß» becomes «SS», «İ» two code points
            raise refused(told, f"has more than {limit} characters after a transform")
        row[name] = changed

    return step


class Truncate(Options):
    """Keep only the first characters of a string."""

    do: Literal["truncate"]
    field: Source
    length: int = Field(ge=1, le=16_777_216, description="Characters to keep.")

    def columns(self, columns: Columns) -> Columns:
        source = _respelt(columns, self.field, lambda text: text[: self.length])
        length = min(self.length, source.max_length or self.length)
        return {**columns, self.field: replace(source, max_length=length)}

    def step(self, columns: Columns) -> Step:
        name, length = self.field, self.length

        def step(row: Row) -> None:
            if (value := row[name]) is not None:
                row[name] = value[:length]

        return step


class Split(Options):
    """Add a list of the pieces of a string between separators; an empty string has no pieces."""

    do: Literal["split"]
    field: Source
    separator: str = Field(min_length=1, max_length=100, description="What stands between two.")
    to: Name
    about: About

    def columns(self, columns: Columns) -> Columns:
        source = existing(columns, self.field, "string")
        new(columns, self.to)
        # A hash is made of each piece; a list as a whole has none.
        hashed: Pii = "hash" if source.pii == "hash" else "keep"
        piece = Landing("string", False, "", hashed, source.max_length)
        pii: Pii = "drop" if source.pii == "drop" else "keep"
        found = Landing("list", source.nullable, self.about, pii, items=piece)
        return {**columns, self.to: found}

    def step(self, columns: Columns) -> Step:
        source, to, separator = self.field, self.to, self.separator

        def step(row: Row) -> None:
            value = row[source]
            row[to] = value.split(separator) if value else None if value is None else []

        return step


WIDEST = {"integer": 39, "uuid": 36, "date": 10}  # characters, with the sign


class Join(Options):
    """Add a string column of several values with a separator between; one missing, all missing."""

    do: Literal["join"]
    fields: tuple[str, ...] = Field(min_length=2, description="Columns, in the order wanted.")
    separator: str = Field("", max_length=100, description="What stands between two values.")
    to: Name
    about: About

    def columns(self, columns: Columns) -> Columns:
        sources = several(columns, self.fields, "string", *WIDEST)
        new(columns, self.to)
        if "\0" in self.separator:
            raise ValueError("separator", "must not hold a NUL character")
        joined = derived(sources, "string", self.about, max_length=self._widest(sources))
        return {**columns, self.to: joined}

    def _widest(self, sources: list[Landing]) -> int | None:
        widths = [WIDEST.get(source.type, source.max_length) for source in sources]
        if None in widths:
            return None
        return sum(width or 0 for width in widths) + len(self.separator) * (len(sources) - 1)

    def step(self, columns: Columns) -> Step:
        names, separator, to = self.fields, self.separator, self.to

        def step(row: Row) -> None:
            values = [row[name] for name in names]
            row[to] = None if None in values else separator.join(map(str, values))

        return step
