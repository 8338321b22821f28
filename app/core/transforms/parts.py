"""Names of the columns that a step makes of the parts of one value."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from app.core.transforms.columns import NAME, Columns, new

MAX_NAME = 64  # characters of a column's name
Prefix = Annotated[
    str | None,
    Field(pattern=NAME, description="Of the columns' names. Left out: the field's name and _."),
]


def named(field: str, prefix: str | None, parts: Sequence[str], columns: Columns) -> list[str]:
    """Name the columns of the parts; raises `ValueError` where one can not be."""
    names = [(field + "_" if prefix is None else prefix) + part for part in parts]
    for index, name in enumerate(names):
        new(columns, name, key=f"parts.{index}")
        if name in names[:index]:
            raise ValueError(f"parts.{index}", f"«{parts[index]}» is there twice; remove one")
        if len(name) > MAX_NAME:
            what = f"«{name}» has more than {MAX_NAME} characters; choose a shorter one"
            raise ValueError("prefix", what)
    return names
