"""What a transform works on: the columns as they are declared, and a row that has them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import Reason, RejectedError
from app.core.pii import HASHABLE, Pii, strongest

Row = dict[str, Any]
Step = Callable[[Row], None]
NAME = r"^[a-z][a-z0-9_]*$"
MAX_NAME = 64
Source = Annotated[str, Field(description="A column, by its name at this step.")]
Name = Annotated[
    str, Field(pattern=NAME, max_length=MAX_NAME, description="The column that it adds.")
]
About = Annotated[
    str,
    Field(
        min_length=10,
        description="One sentence, of 10 characters at least, for a reader who was not there; "
        "a column comment.",
    ),
]


@dataclass(frozen=True, slots=True)
class Landing:
    """A column on its way into the table. `type` is a contract type.

    `items` is what a list holds, `fields` what an object holds; None: nobody has said. `one_of`
    are the only texts there are; None: any. `sent_as` is the dotted path in the event of what the
    column was made of, for a sender does not know what columns are called; None: as it is called.
    """

    type: str
    nullable: bool
    about: str
    pii: Pii = "keep"
    max_length: int | None = None
    precision: int | None = None
    scale: int | None = None
    items: "Landing | None" = None
    fields: "Mapping[str, Landing] | None" = None
    one_of: tuple[str, ...] | None = None
    sent_as: str | None = None


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


def several(columns: Columns, names: Sequence[str], *types: str) -> list[Landing]:
    """Find the columns that the option `fields` names; raises `ValueError(key, what)`."""
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ValueError(f"fields.{index}", f"«{name}» is there twice; remove one")
    return [existing(columns, n, *types, key=f"fields.{i}") for i, n in enumerate(names)]


def new(columns: Columns, name: str, key: str = "to") -> None:
    """Refuse a name that is taken; raises `ValueError(key, what)`."""
    if name in columns:
        raise ValueError(key, f"«{name}» exists already; choose another name")


def derived(
    sources: Sequence[Landing],
    type: str,
    about: str,
    *,
    nullable: bool | None = None,
    max_length: int | None = None,
    precision: int | None = None,
    scale: int | None = None,
    key: str = "field",
) -> Landing:
    """Describe a column that is made of others: personal data stays what it was decided to be.

    It is as personal as the most personal of them, and null if one of them is, unless
    `nullable` says otherwise. Raises `ValueError(key, what)` if that is to hash a type that has
    no hash.
    """
    pii = strongest(*(source.pii for source in sources))
    if pii == "hash" and type not in HASHABLE:
        what = f"its pii is hash, and a {type} can not be hashed; start from a field to keep"
        raise ValueError(key, what)
    if nullable is None:
        nullable = any(source.nullable for source in sources)
    sent_as = sources[0].sent_as
    return Landing(type, nullable, about, pii, max_length, precision, scale, sent_as=sent_as)


def sent_as(columns: Columns, name: str) -> str:
    """What the sender calls the value that a column was made of, for `refused`."""
    return columns[name].sent_as or name


def refused(name: str, what: str) -> RejectedError:
    """The verdict on a value that a step can do nothing with; `what` never repeats it.

    `name` is what the sender calls it: `sent_as`.
    """
    return RejectedError(Reason.TRANSFORM, f"{name} {what}", name)
