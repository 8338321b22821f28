"""Tables that are sorted and filtered by their address: `?sort=dead&dir=desc&q=shop`.

The server does it, so it works without a script; the script only fetches the page in place.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from app.console.cells import Cell

R = TypeVar("R")
MAX_WORDS = 200
"""Characters of a filter that count."""


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """`value` is what it is sorted by, None being last whichever way; `numeric` columns stand to
    the right, and are sorted downwards first. `about` explains the heading."""

    name: str
    title: str
    cell: Callable[[R], Cell]
    value: Callable[[R], Any] | None = None
    numeric: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """What an address asks for. `defaults` name all that may be asked, and go without saying."""

    defaults: Mapping[str, str]
    given: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.given.get(name, self.defaults[name])

    def to(self, **changes: str) -> str:
        """The address of the same page with these changes; relative, beginning with `?`."""
        wanted = {name: changes.get(name, self[name]) for name in self.defaults}
        told = {name: value for name, value in wanted.items() if value != self.defaults[name]}
        return "?" + urlencode(told)

    def others(self, *names: str) -> list[tuple[str, str]]:
        """What a form that sets `names` must carry along."""
        return [
            (name, self[name])
            for name, default in self.defaults.items()
            if name not in names and self[name] != default
        ]


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading: its link sorts by it, and the other way when it is sorted by already."""

    name: str
    title: str
    about: str
    numeric: bool
    href: str
    sorted: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A table, ready to be drawn. `rows` are lists of cells, the first one the row's heading."""

    caption: str
    headings: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    total: int
    foot: Sequence[Cell] = ()
    empty: str = "Nothing here."
    noun: str = "event types"
    chosen: Sequence[Any] = field(default=(), repr=False)


def listed(
    caption: str,
    rows: Sequence[R],
    columns: Sequence[Column[R]],
    query: Query,
    words: Callable[[R], str],
    *,
    keep: Callable[[R], bool] | None = None,
    foot: Callable[[Sequence[R]], Sequence[Cell]] | None = None,
    empty: str = "Nothing here.",
    noun: str = "event types",
    most: int = 0,
) -> Listing:
    """Filter and sort rows as the query says. `words` is what a row is found by, in lower case.

    `most` rows are drawn, 0: all of them.
    """
    wanted = query["q"][:MAX_WORDS].lower().split()
    found = [
        row
        for row in rows
        if (keep is None or keep(row)) and all(word in words(row) for word in wanted)
    ]
    by = {column.name: column for column in columns if column.value is not None}
    chosen = by.get(query["sort"]) or by.get(query.defaults["sort"])
    down = query["dir"] == "desc"
    if chosen is not None:
        found = _sorted(found, chosen.value, down)  # type: ignore[arg-type]
    return Listing(
        caption=caption,
        headings=[_heading(column, chosen, down, query) for column in columns],
        rows=[[column.cell(row) for column in columns] for row in found[: most or None]],
        total=len(rows),
        foot=foot(found) if foot and found else (),
        empty=empty if not wanted else "Nothing fits this filter.",
        noun=noun,
        chosen=found,
    )


def _sorted(rows: list[R], value: Callable[[R], Any], down: bool) -> list[R]:
    with_value = [row for row in rows if value(row) is not None]
    without = [row for row in rows if value(row) is None]
    return sorted(with_value, key=value, reverse=down) + without


def _heading(column: Column[R], chosen: Column[R] | None, down: bool, query: Query) -> Heading:
    is_chosen = chosen is not None and column.name == chosen.name
    href = ""
    if column.value is not None:
        downwards = not down if is_chosen else column.numeric
        href = query.to(sort=column.name, dir="desc" if downwards else "asc")
    sorted_ = ("descending" if down else "ascending") if is_chosen else ""
    return Heading(column.name, column.title, column.about, column.numeric, href, sorted_)
