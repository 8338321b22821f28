"""Fields: would an event that was accepted before be accepted now?

An event in Kafka was judged by the former file and is judged again by the new one. Two fields are
the same if they lift the same place of the event, whatever they are called.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app.contracts.diff.change import Change, Changes, narrower, safe, told, unsafe
from app.contracts.fields import Field, ListField, ObjectField

Rule = Callable[[Any, Any], bool]  # (former, new) → whether all that fitted still fits

IGNORED = frozenset({"type", "path", "optional", "default", "items", "fields", "pii"})
WORDS = frozenset({"about", "deprecated"})
UNKNOWN = "reject"
DROP_TO_KEEP = ("drop", "keep")
UNKEPT = (
    "events in flight may hold what can not be kept, such as NUL characters or integers of more "
    "than 38 digits, and would be refused"
)


def field_changes(
    old: Mapping[str, Field], new: Mapping[str, Field], unknown: tuple[str, str], where: str
) -> Changes:
    """Compare the fields of an event, or of an object in it. `unknown` is what was done, and what
    is done now, with what no field takes."""
    by_way = {field.way(name): name for name, field in old.items()}
    pairs = {
        name: by_way.get(field.way(name)) or (name if name in old else None)
        for name, field in new.items()
    }
    for name in old:
        if name not in pairs.values():
            yield _removed(f"{where}.{name}", old[name], unknown[1])
    for name, former in pairs.items():
        place = f"{where}.{name}"
        if former is None:
            yield _added(place, new[name], unknown[0])
            continue
        if former != name:
            yield safe(place, f"was called «{former}»", "it is lifted from the same place")
        yield from _paths(place, old[former].way(former), new[name].way(name))
        yield from _presence(place, old[former], new[name])
        yield from one_field(place, old[former], new[name])


def _removed(where: str, field: Field, unknown: str) -> Change:
    if unknown == "keep" and hidden_in(field):
        return unsafe(
            where,
            "is removed",
            "what of it was hashed or dropped would land in clear, with what is unknown",
            "leave the field, with pii: drop",
        )
    if unknown != UNKNOWN:
        return safe(where, "is removed", f"what no field takes is not refused (unknown: {unknown})")
    return narrower(
        where,
        "is removed",
        "events in flight that have it would be refused as unknown",
        "raise version; or keep it, optional and deprecated, until nobody sends it",
    )


def hidden_in(field: Field) -> bool:
    """Whether anything of the field does not land in clear."""
    if field.pii in ("hash", "drop"):
        return True
    if isinstance(field, ListField):
        return hidden_in(field.items)
    return isinstance(field, ObjectField) and any(map(hidden_in, field.fields.values()))


def _added(where: str, field: Field, unknown: str) -> Change:
    if field.required:
        return narrower(
            where,
            "is new, and every event must have it",
            "events in flight do not",
            "make it optional, give it a default, or raise version",
        )
    if unknown != UNKNOWN:
        return narrower(
            where,
            "is new",
            f"with unknown: {unknown}, events in flight may hold anything in its place",
        )
    return safe(where, "is new", "events in flight do not have it, and need not")


def _paths(where: str, old: tuple[Any, ...], new: tuple[Any, ...]) -> Changes:
    if old != new:
        yield narrower(
            f"{where}.path",
            f"{'.'.join(map(str, old))} → {'.'.join(map(str, new))}",
            "events in flight have it at the former place",
            "lift the new place with a new field, or raise version",
        )


def _presence(where: str, old: Field, new: Field) -> Changes:
    former, now = _absence(old), _absence(new)
    if former == now:
        return
    if new.required:
        yield narrower(
            where,
            f"{former} → {now}",
            "events in flight may lack it",
            "leave it as it was, or raise version",
        )
    elif old.required or new.default is None:
        yield safe(where, f"{former} → {now}")
    else:
        yield safe(where, f"{former} → {now}", "rows that are loaded keep what they have")


def _absence(field: Field) -> str:
    if field.default is not None:
        return f"default {told(field.default)}"
    return "optional" if field.optional else "required"


def one_field(where: str, old: Field, new: Field) -> Changes:
    """Compare what two fields take, apart from where and whether it is there."""
    if old.type != new.type:
        yield narrower(
            f"{where}.type",
            f"{old.type} → {new.type}",
            "events in flight are written for the former type",
            "send it under a new name, as a new field; or raise version",
        )
    else:
        yield from _options(where, old, new)
        yield from _inside(where, old, new)
    yield from _pii(where, old, new)


def _options(where: str, old: Any, new: Any) -> Changes:
    for name in type(new).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if before == after or name in IGNORED:
            continue
        what = f"{told(before)} → {told(after)}"
        if name in WORDS or FITS.get(name, _never)(before, after):
            yield safe(f"{where}.{name}", what)
        else:
            yield narrower(f"{where}.{name}", what)


def _inside(where: str, old: Any, new: Any) -> Changes:
    if new.type == "list":
        yield from one_field(f"{where}.items", old.items, new.items)
    elif new.type == "object":
        unknown = (old.unknown, new.unknown)
        yield from field_changes(old.fields, new.fields, unknown, f"{where}.fields")


def _pii(where: str, old: Field, new: Field) -> Changes:
    before, after = old.pii or "keep", new.pii or "keep"
    if before == after:
        return
    place, what = f"{where}.pii", f"{before} → {after}"
    if after == "drop":
        yield safe(
            place,
            what,
            "new rows do not have it; rows that are loaded, and their objects, do",
            "if it has to go from there too, somebody has to remove it",
        )
    elif before == "drop":
        seen = "in clear" if after == "keep" else "as a hash"
        yield safe(place, what, f"the warehouse sees it {seen} from now on")
    else:
        yield unsafe(
            place,
            what,
            "rows that are loaded have it as before: equal values would no longer match",
            "lift the same path with a field of another name, and drop this one",
        )


def _at_least(old: Any, new: Any) -> bool:
    return new is None or (old is not None and new <= old)


def _at_most(old: Any, new: Any) -> bool:
    return new is None or (old is not None and new >= old)


def _gone(old: Any, new: Any) -> bool:
    return new is None


def _all_of(old: Iterable[Any] | None, new: Iterable[Any] | None) -> bool:
    return new is None or (old is not None and set(old) <= set(new))


def _lenient(old: Any, new: Any) -> bool:
    return bool(new)


def _not_refused(old: Any, new: Any) -> bool:
    return bool(new != UNKNOWN and (old, new) != DROP_TO_KEEP)


def _zone(old: Any, new: Any) -> bool:
    return old is None  # without a zone, what would be read in it was refused


def _never(old: Any, new: Any) -> bool:
    return False


FITS: Mapping[str, Rule] = {
    **dict.fromkeys(("minimum", "min_length", "min_items"), _at_least),
    **dict.fromkeys(("maximum", "max_length", "max_items"), _at_most),
    **dict.fromkeys(("pattern", "format"), _gone),
    "one_of": _all_of,
    "lenient": _lenient,
    "unknown": _not_refused,
    "timezone": _zone,
    # more digits before the point need both: the table has the last word on decimals
    "precision": _at_most,
    "scale": _at_most,
}
