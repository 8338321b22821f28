"""What a rule is, what it looks at, and what it says."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from app.contracts.fields import Field, ListField, ObjectField
from app.contracts.model import Contract
from app.contracts.sources import Source

Found = Iterator[tuple[str, str]]  # (path in the file, what is odd; what to do)


@dataclass(frozen=True, slots=True)
class Subject:
    """One type file that `forebay topics check` finds right. `others` are the contracts of the
    other files; `today` is the reader's day."""

    source: Source
    contract: Contract
    others: Mapping[Path, Contract]
    today: date


@dataclass(frozen=True, slots=True)
class Rule:
    """`name` is what a file's comment allows it by; `why` is one sentence for the reader."""

    name: str
    why: str
    find: Callable[[Subject], Found]


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to look at again."""

    path: Path
    where: str
    what: str
    rule: str

    def __str__(self) -> str:
        return f"{self.path}: {self.where}: {self.what} ({self.rule})"


def every_field(contract: Contract) -> Iterator[tuple[str, str, Field]]:
    """All fields, those inside of others too: (path in the file, name, field). What a list holds
    goes by the name of the list."""
    for name, field in contract.fields.items():
        yield from _with_inner(f"fields.{name}", name, field)


def _with_inner(where: str, name: str, field: Field) -> Iterator[tuple[str, str, Field]]:
    yield where, name, field
    if isinstance(field, ListField):
        yield from _with_inner(f"{where}.items", name, field.items)
    elif isinstance(field, ObjectField):
        for inner_name, inner in field.fields.items():
            yield from _with_inner(f"{where}.fields.{inner_name}", inner_name, inner)
