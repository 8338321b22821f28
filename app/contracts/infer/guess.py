"""What a field is, by what was seen of it: the type, its options, and what nobody can guess."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from app.contracts.infer.observe import Seen
from app.contracts.infer.words import HARMLESS, MONEY, PERSONAL, TIMELY
from app.contracts.naming import words_of
from app.contracts.writing import TODO, Noted

Spec = dict[str, Any]

ENOUGH = 50  # strings, before a few values may be all there are
TIMES_EACH = 3
MAX_ITEM_KEYS = 12
MORE_DIGITS, LEAST_DIGITS, MOST_DIGITS = 4, 12, 38
INEXACT = "a number is inexact: money is better sent as a string and declared decimal"
ALL = "one_of has those that came: are these all?"
LENGTHS = (16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096)  # characters
SECONDS = (946_684_800, 4_102_444_800)  # of the years 2000 to 2100
FORM_BY_NAME = {
    "country": "country",
    "currency": "currency",
    "lang": "language",
    "language": "language",
    "locale": "language",
}
SCALARS = ("boolean", "integer", "number", "string")


def guess(name: str, seen: Seen) -> Spec | None:
    """The options of a field, without `about` and `optional`; None: there was nothing but null."""
    kind = seen.kind
    match kind:
        case None:
            return None
        case "boolean":
            return {"type": "boolean"}
        case "integer" | "number":
            return _number(name, seen, kind)
        case "string":
            return _string(name, seen)
        case "list":
            return _list(name, seen)
    return json_spec(_kinds_told(seen) if kind == "mixed" else "")


def json_spec(why: str = "") -> Spec:
    """JSON kept whole, and why it is no more than that."""
    return {"type": Noted("json", why), "pii": TODO}


def _kinds_told(seen: Seen) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in seen.kinds.most_common() if count)


def _number(name: str, seen: Seen, kind: str) -> Spec:
    if TIMELY & set(words_of(name)[-2:]) and seen.low is not None and seen.high is not None:
        for epoch, factor in (("seconds", 1), ("milliseconds", 1_000)):
            if SECONDS[0] * factor <= seen.low and seen.high <= SECONDS[1] * factor:
                return {"type": "timestamp", "epoch": epoch}
    words = words_of(name)
    if kind == "number" and MONEY & set(words) and words[-1] != "rate":
        return {"type": Noted(kind, INEXACT)}
    return {"type": kind}


def _string(name: str, seen: Seen) -> Spec:
    forms, words = seen.forms or [], words_of(name)
    for form in ("uuid", "timestamp", "date"):
        if form in forms:
            return {"type": form}
    if "naive" in forms:
        return {"type": "timestamp", "timezone": Noted(TODO, "whose clock is it?")}
    if "decimal" in forms and MONEY & set(words):
        return {"type": "decimal", "precision": _precision(seen), "scale": seen.decimals}
    hinted = _hinted(words)
    if hinted in forms:
        return {"type": "string", "format": hinted, "pii": "keep"}
    values = _all_there_are(seen)
    if values is not None and not PERSONAL & set(words):
        return {"type": "string", "one_of": Noted(values, ALL), "pii": "keep"}
    for form in ("url", "ip", "email"):
        if form in forms:
            return {"type": "string", **_length(seen), "format": form, "pii": TODO}
    if HARMLESS & set(words[-1:]) and seen.longest <= LENGTHS[1]:
        return {"type": "string", **_length(seen), "pii": "keep"}
    return {"type": "string", **_length(seen), "pii": TODO}


def _hinted(words: Sequence[str]) -> str | None:
    """The list of codes that a name tells of: refund_currency, country_code."""
    told = words[:-1] if words[-1] == "code" else words
    return FORM_BY_NAME.get(told[-1]) if told else None


def _precision(seen: Seen) -> Noted:
    """Room for larger amounts than those that came."""
    digits = seen.whole_digits + seen.decimals
    return Noted(
        min(max(digits + MORE_DIGITS, LEAST_DIGITS), MOST_DIGITS), f"up to {digits} digits"
    )


def _all_there_are(seen: Seen) -> list[str] | None:
    """The few values of many strings, if each came often enough not to be a chance."""
    counts = seen.values or Counter()
    if len(counts) < 2 or seen.kinds["string"] < ENOUGH or min(counts.values()) < TIMES_EACH:
        return None
    return sorted(counts)


def _length(seen: Seen) -> Mapping[str, Any]:
    """Twice the longest, rounded up; nothing for long text."""
    room = next((length for length in LENGTHS if 2 * seen.longest <= length), None)
    return {} if room is None else {"max_length": Noted(room, f"up to {seen.longest} characters")}


def _list(name: str, seen: Seen) -> Spec:
    items = seen.items
    if items is None:
        return json_spec("always empty")
    if items.kinds["null"]:
        return json_spec("a list with null in it")
    if items.kind == "object":
        return _list_of_objects(items)
    if items.kind in ("list", "mixed"):
        return json_spec(f"a list of {_kinds_told(items)}")
    item = guess(name, items)
    return json_spec() if item is None else {"type": "list", "items": item}


def _list_of_objects(items: Seen) -> Spec:
    keys = items.keys or {}
    flat = all(inner.kind in SCALARS or inner.kind is None for inner in keys.values())
    if not flat or not 0 < len(keys) <= MAX_ITEM_KEYS or "" in keys:
        return json_spec("a list of objects that hold more than a few plain values")
    fields: Spec = {}
    for key, inner in keys.items():
        if (spec := guess(key, inner)) is not None:
            optional = {} if inner.there == items.there else {"optional": True}
            fields[key] = {**spec, **optional, "about": TODO}
    if not fields:
        return json_spec("a list of objects whose values are null")
    return {"type": "list", "items": {"type": "object", "unknown": "keep", "fields": fields}}
