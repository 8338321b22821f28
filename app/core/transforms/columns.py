"""What a transform works on: the columns as they are declared, and a row that has them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Row = dict[str, Any]
Step = Callable[[Row], None]
NAME = r"^[a-z][a-z0-9_]*$"


@dataclass(frozen=True, slots=True)
class Landing:
    """A column on its way into the table. `type` is a contract type.

    `items` is what a list holds, `fields` what an object holds; None: nobody has said.
    """

    type: str
    nullable: bool
    about: str
    pii: Literal["keep", "hash", "drop"] = "keep"
    max_length: int | None = None
    precision: int | None = None
    scale: int | None = None
    items: "Landing | None" = None
    fields: "Mapping[str, Landing] | None" = None


Columns = Mapping[str, Landing]


class Options(BaseModel):
    """What a topic file says about one step; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def existing(columns: Columns, name: str, *types: str, key: str = "field") -> Landing:
    """Find the column that the option `key` names; raises `ValueError(key, what)`."""
    found = columns.get(name)
    if found is None:
        there = ", ".join(columns) or "none"
        raise ValueError(key, f"there is no «{name}» at this step; there is {there}")
    if types and found.type not in types:
        raise ValueError(key, f"«{name}» is {found.type}; it must be {' or '.join(types)}")
    return found


def new(columns: Columns, name: str, key: str = "to") -> None:
    """Refuse a name that is taken; raises `ValueError(key, what)`."""
    if name in columns:
        raise ValueError(key, f"«{name}» exists already; choose another name")
