"""Put a topic file together from what a JSON Schema allows."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.contracts.drafts import draft
from app.contracts.fields import MAX_DEPTH
from app.contracts.imports.shapes import Member, Shape
from app.contracts.infer.words import EVENT_IDS, EVENT_TIMES, IDS
from app.contracts.naming import free_name, path_of, words_of
from app.contracts.writing import TODO, Noted

LEVELS = 3  # of objects with fields of their own, one in another
SHORTEST, LONGEST = 10, 200  # characters of `about`
KEYS = frozenset({"string", "integer", "uuid"})

Spec = dict[str, Any]


def contents(shape: Shape, event: str, app: str = TODO, levels: int = LEVELS) -> dict[str, Any]:
    """What the topic file of `event` says, with TODO for what a schema does not decide."""
    writer = _Writer(min(levels, MAX_DEPTH - 1))
    names: dict[str, str] = {}
    for key in shape.fields:
        if key:
            names[free_name((key,), names)] = key
    members = {name: shape.fields[key] for name, key in names.items()}
    dedupe = _dedupe_key(event, members)
    return draft(
        event,
        app=app,
        summary=_about(shape.about),
        fields={name: writer.field(members[name], path_of(name, (names[name],))) for name in names},
        unknown="reject" if shape.closed else "keep",
        key=_partition_key(members, dedupe.value),
        by=dedupe,
        day=_day(members),
    )


class _Writer:
    """Writes fields; objects deeper than `levels` are JSON kept whole."""

    def __init__(self, levels: int) -> None:
        self._levels = levels

    def field(self, member: Member, path: Mapping[str, Any]) -> Noted:
        """A field of the first level, with what the schema says beyond it as a comment."""
        notes = list(member.shape.notes)
        spec = self._member(member, 1, notes, path)
        return Noted(spec, "; ".join(dict.fromkeys(notes)))

    def _member(
        self, member: Member, level: int, notes: list[str], path: Mapping[str, Any] | None = None
    ) -> Spec:
        shape = member.shape
        spec = self._value(shape, level, notes)
        default = spec.pop("default", None)
        absent: Spec = {}
        if shape.nullable or not member.required:
            absent = {"optional": True} if default is None else {"default": default}
        return {**spec, **(path or {}), **absent, "about": _about(shape.about)}

    def _value(self, shape: Shape, level: int, notes: list[str]) -> Spec:
        if shape.type == "object" and shape.fields and level <= self._levels:
            fields = {
                name: self._member(member, level + 1, notes)
                for name, member in shape.fields.items()
                if name
            }
            unknown = {} if shape.closed else {"unknown": "keep"}
            return {"type": "object", **unknown, "fields": fields}
        if shape.type == "list" and shape.items is not None and level <= self._levels:
            notes += shape.items.notes
            items = self._value(shape.items, level + 1, notes)
            items.pop("default", None)
            return {"type": "list", **shape.options, "items": items}
        if shape.type in ("object", "list"):
            notes.append("a map" if not shape.fields and not shape.items else "deeper in it: json")
        if shape.type in ("object", "list", "json", "any", "null"):
            return {"type": "json", "pii": TODO}
        return _plain(shape)


def _plain(shape: Shape) -> Spec:
    options = dict(shape.options)
    if "one_of" in options:
        options = {key: options[key] for key in ("one_of", "default") if key in options}
    for low, high in (("minimum", "maximum"), ("min_length", "max_length")):
        if low in options and high in options and options[low] > options[high]:
            del options[low], options[high]  # no value would fit
    if shape.type != "string":
        return {"type": shape.type, **options}
    return {"type": "string", **options, "pii": "keep" if "one_of" in options else TODO}


def _about(text: str) -> str:
    """The first sentence of a description, if it is one that tells something."""
    words = " ".join(text.split())
    end = words.find(". ")
    told = words[: end + 1] if SHORTEST <= end < LONGEST else words[:LONGEST].rstrip()
    return told if len(told) >= SHORTEST else TODO


def _dedupe_key(event: str, members: Mapping[str, Member]) -> Noted:
    fit = _required(members, KEYS)
    for name in (f"{event}_id", *EVENT_IDS):
        if name in fit:
            return Noted(name, "by its name; is it the same on every retry, and never again?")
    uuids = [name for name in fit if members[name].shape.type == "uuid"]
    if len(uuids) == 1:
        return Noted(uuids[0], "the only UUID that every event has")
    return Noted(TODO, f"which fields tell two events apart{_others(fit)}?")


def _partition_key(members: Mapping[str, Member], dedupe: str) -> Noted:
    fit = _required(members, KEYS)
    ids = [name for name in fit if words_of(name)[-1] in IDS and name != dedupe]
    if ids:
        return Noted(ids[0], f"events of one keep their order{_others(ids[1:], ', or ')}")
    if dedupe != TODO:
        return Noted(dedupe, "so no order is kept")
    return (
        Noted(fit[0], f"the first that could be{_others(fit[1:], ', or ')}")
        if fit
        else Noted(TODO, "no text or whole number is in every event")
    )


def _day(members: Mapping[str, Member]) -> Noted:
    times = _required(members, frozenset({"timestamp"}))
    for name in (*EVENT_TIMES, *times[: len(times) == 1]):
        if name in times:
            return Noted(name, "when it happened?")
    numbers = _required(members, frozenset({"integer", "number"}))
    numbers = [name for name in numbers if {"time", "timestamp", "ts"} & set(words_of(name))]
    if times or not numbers:
        return Noted(TODO, f"which time makes the day{_others(times)}?")
    return Noted(TODO, f"which number is a timestamp with epoch{_others(numbers)}?")


def _required(members: Mapping[str, Member], types: frozenset[str]) -> list[str]:
    return [
        name
        for name, member in members.items()
        if member.required and not member.shape.nullable and member.shape.type in types
    ]


def _others(names: Iterable[str], start: str = ": ") -> str:
    few = list(names)[:4]
    return f"{start}{' or '.join(few)}" if few else ""
