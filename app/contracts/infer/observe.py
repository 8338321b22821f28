"""What samples hold, place by place, in memory that does not grow with their number."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from app.contracts.infer.forms import FORMS, seconds_of
from app.core.values import MAX_INTEGER

MAX_VALUES = 12  # so many different ones are counted one by one
MAX_VALUE_LENGTH = 40
REMEMBERED = 1_000  # values of a place that later ones are compared with
MAX_KEYS = 200  # of one object; with more it is a map, and its keys are values
MAX_PLACES = 5_000
MAX_DEPTH = 8

Path = tuple[str, ...]


@dataclass(slots=True)
class Seen:
    """What was seen at one place: in how many samples, of which kinds, how many different ones.

    * `kinds`     how often each kind came: null, boolean, integer, number, string, list, object
    * `values`    strings counted one by one; None: there are too many, or they are too long
    * `forms`     the names of forms (uuid, timestamp, …) that every string so far has had
    * `first`     hashes of the first different values; `repeated`: one of them came again
    * `keys`      what was seen under each key; None: so many keys that it is a map
    * `items`     what was seen in lists, item by item
    """

    kinds: Counter[str] = field(default_factory=Counter)
    values: Counter[str] | None = field(default_factory=Counter)
    forms: list[str] | None = None
    longest: int = 0
    whole_digits: int = 0
    decimals: int = 0
    low: float | None = None
    high: float | None = None
    seconds: float = 0.0  # since 1970, summed up, of what may be a time
    first: set[int] = field(default_factory=set)
    repeated: bool = False
    keys: "dict[str, Seen] | None" = field(default_factory=dict)
    items: "Seen | None" = None

    @property
    def there(self) -> int:
        """How often there was a value other than null."""
        return self.kinds.total() - self.kinds["null"]

    @property
    def kind(self) -> str | None:
        """The one kind of all values, `mixed`, or None where there was none but null."""
        kinds = {kind for kind, count in self.kinds.items() if count and kind != "null"}
        if kinds == {"integer", "number"}:
            return "number"
        return None if not kinds else kinds.pop() if len(kinds) == 1 else "mixed"

    @property
    def all_different(self) -> bool:
        return not self.repeated and bool(self.first)

    @property
    def too_many_to_count(self) -> bool:
        return len(self.first) >= REMEMBERED


class Observer:
    """Looks at one sample after the other."""

    def __init__(self) -> None:
        self.samples = 0
        self.longest_bytes = 0
        self.top = Seen()
        self._places = 1

    def look(self, sample: dict[str, Any], size_bytes: int) -> None:
        """Take one sample into account."""
        self.samples += 1
        self.longest_bytes = max(self.longest_bytes, size_bytes)
        self._object(self.top, sample, 0)

    def _value(self, seen: Seen, value: Any, depth: int) -> None:
        kind = KINDS[type(value)]
        seen.kinds[kind] += 1
        if kind == "string":
            _string(seen, value)
        elif kind in ("integer", "number"):
            _number(seen, value)
        elif kind == "object" and depth < MAX_DEPTH:
            self._object(seen, value, depth)
        elif kind == "list" and depth < MAX_DEPTH:
            seen.longest = max(seen.longest, len(value))
            for item in value:
                seen.items = seen.items or self._place()
                if seen.items is not None:
                    self._value(seen.items, item, depth + 1)

    def _object(self, seen: Seen, value: dict[str, Any], depth: int) -> None:
        if seen.keys is None:
            return
        for key, item in value.items():
            inner = seen.keys.get(key)
            if inner is None:
                if len(seen.keys) == MAX_KEYS and depth > 0:
                    seen.keys = None
                    return
                if (inner := self._place()) is None:
                    continue
                seen.keys[key] = inner
            self._value(inner, item, depth + 1)

    def _place(self) -> Seen | None:
        if self._places == MAX_PLACES:
            return None
        self._places += 1
        return Seen()


KINDS: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "list",
    dict: "object",
}


def _string(seen: Seen, text: str) -> None:
    seen.longest = max(seen.longest, len(text))
    if seen.values is not None:
        seen.values[text] += 1
        if len(seen.values) > MAX_VALUES or len(text) > MAX_VALUE_LENGTH:
            seen.values = None
    if seen.forms is None:
        seen.forms = list(FORMS)
    if seen.forms:
        seen.forms = [name for name in seen.forms if FORMS[name](text)]
        if "decimal" in seen.forms:
            whole, _, decimals = text.partition(".")
            seen.whole_digits = max(seen.whole_digits, len(whole.lstrip("+-")))
            seen.decimals = max(seen.decimals, len(decimals))
        if "timestamp" in seen.forms or "naive" in seen.forms:
            seen.seconds += seconds_of(text)
    _remember(seen, hash(text))


def _number(seen: Seen, number: float) -> None:
    seen.low = number if seen.low is None else min(seen.low, number)
    seen.high = number if seen.high is None else max(seen.high, number)
    if abs(number) <= MAX_INTEGER:
        seen.seconds += number
    _remember(seen, hash(number))


def _remember(seen: Seen, mark: int) -> None:
    if mark in seen.first:
        seen.repeated = True
    elif len(seen.first) < REMEMBERED:
        seen.first.add(mark)
