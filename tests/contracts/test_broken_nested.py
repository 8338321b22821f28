"""Each broken list, object, default or path of a topic file says what to do about it."""

from pathlib import Path

import pytest

from app.contracts.rejections import FORM

from .test_broken_fields import ABOUT, TYPES, said, with_note
from .topic_files import changed

SIZE = "{size: {type: integer, about: Its own size}}"

# what is broken: (the field `note`, message after the file's name and `fields.note.`)
BROKEN: dict[str, tuple[str, str]] = {
    "a list of nothing": ("type: list", "items: is missing; add it"),
    "items without their options": (
        "type: list, items: string",
        "items: must be a mapping (key: value)",
    ),
    "items of no type": ("type: list, items: {pii: keep}", "items.type: is missing; add it"),
    "items of an unknown type": (
        "type: list, items: {type: text}",
        f"items.type: must be one of {TYPES}; did you mean «string»?",
    ),
    "items without a pii decision": (
        "type: list, items: {type: string}",
        "items.pii: is missing; a string needs keep, hash or drop",
    ),
    "items that are dropped": (
        "type: list, items: {type: string, pii: drop}",
        "items.pii: an item can not be dropped; drop the list",
    ),
    "optional items": (
        "type: list, items: {type: integer, optional: true}",
        "items.optional: an item is there or not; remove it",
    ),
    "items with a default": (
        "type: list, items: {type: integer, default: 1}",
        "items.default: an item is there or not; remove it",
    ),
    "items from elsewhere": (
        "type: list, items: {type: integer, path: a.b}",
        "items.path: only a field at the top is lifted; remove it",
    ),
    "deprecated items": (
        "type: list, items: {type: integer, deprecated: 2026-01-01}",
        "items.deprecated: deprecate the list; remove it",
    ),
    "numbers of items that cross": (
        "type: list, items: {type: integer}, min_items: 3, max_items: 2",
        "min_items: 3 is more than max_items 2; no value would fit",
    ),
    "a list that must be empty": (
        "type: list, items: {type: integer}, max_items: 0",
        "max_items: must be more than 0",
    ),
    "a hash of a list": (
        "type: list, pii: hash, items: {type: integer}",
        "pii: a list can not be hashed; keep or drop it",
    ),
    "an object of nothing": ("type: object", "fields: is missing; add it"),
    "an object of no fields": ("type: object, fields: {}", "fields: must have at least 1 of them"),
    "fields of an object in a list": (
        "type: object, fields: [a, b]",
        "fields: must be a mapping (key: value)",
    ),
    "a field inside that says nothing": (
        "type: object, fields: {size: {type: integer}}",
        "fields.size.about: is missing; add it",
    ),
    "a string inside without a pii decision": (
        "type: object, fields: {name: {type: string, about: What it is called}}",
        "fields.name.pii: is missing; a string needs keep, hash or drop",
    ),
    "a field inside from elsewhere": (
        "type: object, fields: {size: {type: integer, path: a.b, about: Its own size}}",
        "fields.size.path: only a field at the top is lifted; remove it",
    ),
    "bounds inside that cross": (
        "type: object, fields: {size: {type: integer, minimum: 2, maximum: 1, about: Its value.}}",
        "fields.size.minimum: 2 is more than maximum 1; no value would fit",
    ),
    "a hash of an object": (
        "type: object, pii: hash, fields: {size: {type: integer, about: Its own size}}",
        "pii: an object can not be hashed; keep or drop it",
    ),
    "an unknown way with the unknown": (
        "type: object, unknown: ignore, fields: {size: {type: integer, about: Its own size}}",
        "unknown: must be 'reject', 'drop' or 'keep'",
    ),
    "a misspelt key inside": (
        "type: object, fields: {size: {type: integer, minimun: 1, about: Its own size}}",
        "fields.size.minimun: unknown key; did you mean «minimum»?",
    ),
    "a json inside items without a pii decision": (
        "type: list, items: {type: object, fields: {name: {type: json, about: What it is called}}}",
        "items.fields.name.pii: is missing; a json needs keep, hash or drop",
    ),
    "a hash inside of what can not be hashed": (
        "type: object, fields: {is_it: {type: boolean, pii: hash, about: Whether it is}}",
        "fields.is_it.pii: a boolean can not be hashed; keep or drop it",
    ),
    "optional with a default": (
        "type: integer, default: 1, optional: true",
        "optional: what has a default is never null; remove one of them",
    ),
    "a default of another type": (
        "type: integer, default: one",
        "default: must be a whole number, not in quotes",
    ),
    "a default out of bounds": (
        "type: integer, minimum: 2, default: 1",
        "default: must be 2 or more",
    ),
    "a default with a NUL character": (
        'type: string, pii: keep, default: "a\\0b"',
        "default: must not hold a NUL character",
    ),
    "a default of another format": (
        "type: string, pii: keep, format: country, default: xx",
        "default: must be the two capital letters of a country in ISO 3166, such as DE",
    ),
    "a default list with a wrong item": (
        "type: list, items: {type: integer}, default: [1, a]",
        "default.1: must be a whole number, not in quotes",
    ),
    "a default object that lacks a field": (
        "type: object, fields: {size: {type: integer, about: Its own size}}, default: {}",
        "default.size: is missing",
    ),
    "a default object with an unknown key": (
        f"type: object, fields: {SIZE}, default: {{size: 1, colour: red}}",
        "default.colour: is not in the contract; leave it out, or add it to the topic file",
    ),
    "a default moment without an offset": (
        "type: timestamp, default: 2026-03-01T10:00:00",
        f"default: {FORM['timestamp']}",
    ),
    "a default decimal that is no text": (
        "type: decimal, scale: 2, default: 1.5",
        'default: must be a decimal in a string, such as "12.50", '
        "with up to 36 digits before and 2 after the point",
    ),
    "a path that is a number": ("type: integer, path: 7", "path: must be text; put it in quotes"),
    "an empty path": ("type: integer, path: ''", "path: must have at least 1 characters"),
    "a path of no steps": ("type: integer, path: []", "path: must have at least 1 of them"),
    "a path with an empty step": (
        "type: integer, path: a..b",
        "path: has an empty key; write the keys with one point between them",
    ),
    "a path into a list that an event is not": (
        "type: integer, path: [0, a]",
        "path: begins with a number; an event is an object, so begin with a key",
    ),
    "a dotted path into a list that an event is not": (
        "type: integer, path: 0.a",
        "path: begins with a number; an event is an object, so begin with a key",
    ),
    "an index from the end": ("type: integer, path: [a, -1]", "path.1: must be 0 or more"),
    "an index too far": ("type: integer, path: [a, 100]", "path.1: must be 99 or less"),
    "a dotted index too far": (
        "type: integer, path: a.100",
        "path: goes too far into a list; the last index is 99",
    ),
    "a step that is no key": (
        "type: integer, path: [a, true]",
        "path.1: must be text; put it in quotes",
    ),
    "a path to another field": (
        "type: integer, path: parcel_id",
        "path: is where fields.parcel_id is lifted from already; lift it once",
    ),
    "a path into another field": (
        "type: integer, path: parcel_id.size",
        "path: is inside of what fields.parcel_id takes whole; lift the parts or the whole",
    ),
}

# what is broken: (path of one field, path of another, message after the other's)
CLASHES: dict[str, tuple[str, str, str]] = {
    "one place for two fields": (
        "x.y",
        "x.y",
        "is where fields.one is lifted from already; lift it once",
    ),
    "a whole whose part is lifted": (
        "x.y",
        "x",
        "holds what fields.one is lifted from; lift the parts or the whole",
    ),
    "a part whose whole is lifted": (
        "x",
        "x.y",
        "is inside of what fields.one takes whole; lift the parts or the whole",
    ),
    "an object that was a list": (
        "x.0",
        "x.y",
        "takes x for an object, but fields.one takes it for a list",
    ),
    "a list that was an object": (
        "x.y.z",
        "x.0",
        "takes x for a list, but fields.one takes it for an object",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_field_says_what_to_do(what: str, tmp_path: Path) -> None:
    options, message = BROKEN[what]
    assert said(tmp_path, with_note(options)) == f"fields.note.{message}"


@pytest.mark.parametrize("what", CLASHES)
def test_two_fields_can_not_be_lifted_from_one_place(what: str, tmp_path: Path) -> None:
    one, other, message = CLASHES[what]
    fields = "".join(
        f"  {name}: {{type: integer, path: {path}, {ABOUT}}}\n"
        for name, path in (("one", one), ("other", other))
    )
    text = changed(("kafka: {key", f"{fields}kafka: {{key"))
    assert said(tmp_path, text) == f"fields.other.path: {message}"


def test_what_is_nested_too_deep_is_better_kept_whole(tmp_path: Path) -> None:
    options = "type: integer"
    for _ in range(9):
        options = f"type: list, items: {{{options}}}"
    where = ".".join(["fields.note", *["items"] * 7])
    told = f"{where}: is 8 levels deep; make what is in it a json field"
    assert said(tmp_path, with_note(options)) == told
