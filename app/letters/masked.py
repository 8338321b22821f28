"""A dead letter without its values: enough to see what is wrong with it, and nothing of anybody.

Letters of a text are shown as `a` and `A`, digits as `9`, numbers as 0. Names of fields are shown
where the contract knows them or they read like names; a map's keys may be anybody's address.
"""

import re
from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any

import msgspec
import orjson

from app.contracts.model import Contract
from app.contracts.places import places

MAX_TEXT = 40
MAX_UNREADABLE = 200
MAX_DEPTH = 100
KEPT = frozenset("-_:./@+, {}[]\"'\\=&?#%|;()<>")
MAX_NAME = 60
NAME = re.compile(r"[A-Za-z]+([_-][A-Za-z]+)*[0-9]{0,2}", re.ASCII)  # reads each character once
WORD = re.compile(r"[\w-]*")
OTHER = "·"
MORE = "…"


class NotJson:
    """The answer of `parsed` for bytes that are no JSON."""


NOT_JSON = NotJson()
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def parsed(raw: bytes) -> Any:
    """Read JSON with every digit of its numbers; `NOT_JSON` for what is none."""
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return NOT_JSON


def known_names(contract: Contract | None) -> frozenset[str]:
    """Every name that a contract gives to a part of its events."""
    if contract is None:
        return frozenset()
    return frozenset(
        step for place, _ in places(contract.fields) for step in place if isinstance(step, str)
    )


def shape(text: str, most: int = MAX_TEXT) -> str:
    """How a text looks: `Aaaa-99` of any name with two digits."""
    shown = "".join(map(_shape_of, text[:most]))
    return shown if len(text) <= most else f"{shown}{MORE} ({len(text)} characters)"


def _shape_of(char: str) -> str:
    if char.isdecimal():
        return "9"
    if char.isalpha():
        return "A" if char.isupper() else "a"
    return char if char in KEPT else OTHER


def told_name(name: str, known: Collection[str]) -> str:
    """A name of a field, or its shape if it may be a value."""
    reads_like_one = len(name) <= MAX_NAME and NAME.fullmatch(name) is not None
    return name if reads_like_one or name in known else shape(name)


def told_place(place: str | None, known: Collection[str]) -> str | None:
    """The same of each name in a dotted place, `lines[].cents`.

    A name may have dots itself, as an address has: where a part is no word, all parts that the
    contract does not know are hidden.
    """
    if place is None:
        return None
    parts = [name.partition("[]") for name in place.split(".")]
    hides = any(name not in known and not WORD.fullmatch(name) for name, _, _ in parts)
    return ".".join(
        (shape(name) if hides and name not in known else told_name(name, known)) + items + rest
        for name, items, rest in parts
    )


def masked(value: Any, known: Collection[str], most: int | None = None, depth: int = 0) -> Any:
    """The value as JSON of the same structure; of a list, and of an object's keys, `most`."""
    match value:
        case None:
            return None
        case bool():
            return "true or false"
        case int():
            return 0
        case float() | Decimal():
            return 0.0
        case str():
            return shape(value)
    if depth >= MAX_DEPTH:
        return MORE
    if isinstance(value, list):
        items = [masked(item, known, most, depth + 1) for item in value[:most]]
        return items + ([_more(len(value) - len(items))] if len(items) < len(value) else [])
    out: dict[str, Any] = {}
    for name, inner in list(value.items())[:most]:
        _put(out, told_name(name, known), masked(inner, known, most, depth + 1))
    if most is not None and len(value) > most:
        out[MORE] = _more(len(value) - most)
    return out


def _put(out: dict[str, Any], name: str, value: Any) -> None:
    """Names of one shape stay several."""
    out[next(free for free in _spellings(name) if free not in out)] = value


def _spellings(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name} ({number})"
        number += 1


def _more(count: int) -> str:
    return f"{MORE} {count} more"


def masked_event(raw: bytes, known: Collection[str], most: int | None = None) -> Any:
    """An event as sent: masked JSON, or the shape of its beginning if it is none."""
    value = parsed(raw)
    if value is not NOT_JSON:
        return masked(value, known, most)
    text = shape(raw.decode(errors="replace"), MAX_UNREADABLE)
    return f"not JSON, {len(raw)} bytes: {text}"


def printable(text: str) -> str:
    """The text with each character that could steer a terminal written as an escape."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def one_line(value: Any) -> str:
    """Masked JSON on one line."""
    return orjson.dumps(value).decode()
