"""An event's fields as a reader meets them: one line each, nested ones with a dotted path."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.contracts.fields import Field
from app.contracts.model import Contract

PII = {"keep": "as sent", "hash": "hashed", "drop": "dropped"}
TOLD_ELSEWHERE = {"type", "about", "pii", "path", "fields", "items"}
PHRASES = {
    "optional": "optional",
    "lenient": "other spellings are accepted",
    "min_length": "{} characters or more",
    "max_length": "up to {} characters",
    "min_items": "{} items or more",
    "max_items": "up to {} items",
    "minimum": "{} or more",
    "maximum": "up to {}",
    "pattern": "matches `{}`",
    "format": "format {}",
    "default": "`{}` when absent",
    "deprecated": "deprecated on {}",
    "timezone": "{} time unless it says",
    "epoch": "in {} since 1970",
    "unknown": "unknown keys: {}",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One field: `sent` is its path in the event, `name` its column or empty inside of another."""

    sent: str
    name: str
    type: str
    pii: str
    about: str


def told_fields(contract: Contract) -> list[Told]:
    """List all fields of an event in their order, a nested one after the one that holds it."""
    return [
        told
        for name, field in contract.fields.items()
        for told in _told(_path(name, field), name, field)
    ]


def _told(sent: str, name: str, field: Field) -> Iterator[Told]:
    pii = PII[field.pii] if field.pii else ""
    yield Told(sent, name, _type(field), pii, field.about)
    for path, inner in _inside(sent, field):
        yield from _told(path, "", inner)


def _inside(sent: str, field: Any) -> Iterator[tuple[str, Any]]:
    items = getattr(field, "items", None)
    if items is not None and _holds_fields(items):
        yield from _inside(f"{sent}[]", items)
    for name, inner in (getattr(field, "fields", None) or {}).items():
        yield f"{sent}.{name}", inner


def _holds_fields(field: Any) -> bool:
    return bool(getattr(field, "fields", None)) or getattr(field, "items", None) is not None


def _path(name: str, field: Any) -> str:
    path = getattr(field, "path", None)
    if path is None:
        return name
    return path if isinstance(path, str) else ".".join(map(str, path))


def _type(field: Any) -> str:
    said = field.model_dump(exclude_defaults=True)
    told = [_kind(field)]
    told += [_phrase(key, value) for key, value in said.items() if key not in TOLD_ELSEWHERE]
    return ", ".join(filter(None, told))


def _kind(field: Any) -> str:
    items = getattr(field, "items", None)
    return field.type if items is None else f"list of {_kind(items)}"


def _phrase(key: str, value: object) -> str:
    if key == "one_of" and isinstance(value, list | tuple):
        return "one of " + ", ".join(f"`{one}`" for one in value)
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return PHRASES.get(key, f"{key} {{}}").format(shown)
