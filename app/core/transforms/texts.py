"""Steps that change a text in place."""

from collections.abc import Callable
from typing import Literal

from app.core.errors import Reason, RejectedError
from app.core.transforms.columns import Columns, Options, Row, Step, existing


class Trim(Options):
    """Cut white space from both ends of a string."""

    do: Literal["trim"]
    field: str

    def columns(self, columns: Columns) -> Columns:
        existing(columns, self.field, "string")
        return columns

    def step(self, columns: Columns) -> Step:
        return _on_string(columns, self.field, str.strip)


class Lower(Options):
    """Put a string into lower case."""

    do: Literal["lower"]
    field: str

    def columns(self, columns: Columns) -> Columns:
        existing(columns, self.field, "string")
        return columns

    def step(self, columns: Columns) -> Step:
        return _on_string(columns, self.field, str.lower)


class Upper(Options):
    """Put a string into upper case."""

    do: Literal["upper"]
    field: str

    def columns(self, columns: Columns) -> Columns:
        existing(columns, self.field, "string")
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
