"""How a column's value is written in a line, for values that JSON does not have."""

from collections.abc import Callable
from typing import Any

from app.contracts.types import TYPES
from app.core.transforms import Columns, Landing


def encoder(column: Landing) -> Callable[[Any], Any] | None:
    """Find what turns a value other than None into what a line holds; None: it is that already."""
    if column.items is not None:
        return _list_encoder(column.items)
    if column.fields is not None:
        return _object_encoder(column.fields)
    return TYPES[column.type].encode


def _list_encoder(items: Landing) -> Callable[[Any], Any] | None:
    change = encoder(items)
    return None if change is None else lambda values: [change(value) for value in values]


def _object_encoder(fields: Columns) -> Callable[[Any], Any] | None:
    changes = [(name, encoder(column)) for name, column in fields.items()]
    changing = [(name, change) for name, change in changes if change is not None]
    if not changing:
        return None

    def encode(value: Any) -> Any:
        out = dict(value)
        for name, change in changing:
            if (inner := out[name]) is not None:
                out[name] = change(inner)
        return out

    return encode
