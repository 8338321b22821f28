"""Personal data inside a value: hashed in place, or taken out, as its own fields decide."""

from collections.abc import Callable, Iterator
from typing import Any

from app.core.transforms import Columns, Landing

Change = Callable[[Any], Any]


def hides(column: Landing) -> bool:
    """Whether anything of the value must not land as it is."""
    return column.pii != "keep" or any(map(hides, _inside(column).values()))


def hashed_in(column: Landing, name: str) -> Iterator[str]:
    """The dotted names of what is hashed in a column that lands."""
    if column.pii == "hash":
        yield name
    elif column.pii == "keep":
        for key, inner in _inside(column).items():
            yield from hashed_in(inner, f"{name}.{key}" if key else name)


def hider(column: Landing, hide: Callable[[str], str]) -> Change:
    """Compile what makes a value fit to land; the value itself stays as it is."""
    if column.pii == "hash":
        change: Change = lambda value: hide(str(value))  # noqa: E731
    elif column.items is not None:
        change = _in_list(hider(column.items, hide))
    else:
        change = _in_object(column.fields or {}, hide)
    return lambda value: None if value is None else change(value)


def _inside(column: Landing) -> Columns:
    return {"": column.items} if column.items is not None else column.fields or {}


def _in_list(change: Change) -> Change:
    return lambda values: [change(value) for value in values]


def _in_object(fields: Columns, hide: Callable[[str], str]) -> Change:
    dropped = [name for name, column in fields.items() if column.pii == "drop"]
    changes = [
        (name, hider(column, hide))
        for name, column in fields.items()
        if column.pii != "drop" and hides(column)
    ]

    def change(value: Any) -> Any:
        out = dict(value)
        for name in dropped:
            del out[name]
        for name, hide_inner in changes:
            out[name] = hide_inner(out[name])
        return out

    return change
