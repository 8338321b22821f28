"""The reference of the topic file's language, in Markdown, made of the models that read it."""

from collections.abc import Collection, Iterator, Mapping
from inspect import cleandoc
from typing import Any, get_args

from pydantic import BaseModel

from app.contracts.catalogue.page import grid
from app.contracts.defaults import FILE as APP_FILE
from app.contracts.defaults import SHARED, app_defaults
from app.contracts.fields import Field as EventField
from app.contracts.fields import StringField
from app.contracts.model import Contract
from app.core.transforms import Transform, conditions

FILE = "LANGUAGE.md"
HEAD = """\
# What a topic file may say

One file is one event type: `APP/EVENT.yaml`. What all types of an app share stands once in
`APP/_app.yaml`; a type's own file overrides it, key by key. `forebay topics check` says everything
that is wrong, and an editor that reads `.schema.json` says most of it while you type.

This page is generated (`forebay topics schema --write`).
"""
SHARED_HEAD = f"""\
`APP/{APP_FILE}` says once what the types of an app share: each key of the table, or a part of what
belongs under it. A type's file says what is its own, and wins key by key; a list replaces a list.
`app` is the folder's name, so neither file needs to say it. With `warehouse.schema` a type needs no
`warehouse.table`: its table is SCHEMA.EVENT. Such as:

    owners: {{team: checkout-data, chat: "#checkout-data"}}
    kafka: {{size: medium, retention_days: 7}}
    dedupe: {{remember_days: 3}}
    day: {{timezone: UTC, late_days: 3}}
    load: {{every: 15m}}
    warehouse: {{schema: RAW}}"""
ELSEWHERE = f"required, here or in {APP_FILE}"
IN_ORDER = """\
In the order of the list; each sees what the ones before made. A value that a step can do nothing
with is a dead letter of the reason `transform`. A column made of others is as personal as the most
personal of them, so hashed or dropped like it, unless the step says otherwise."""
Schema = Mapping[str, Any]


def reference() -> str:
    """Write the page: the file, its parts, the fields, the transforms, the conditions."""
    contract = Contract.model_json_schema(by_alias=True)
    parts = [HEAD.strip(), "## The file", _options(contract, contract, every=True, shared=SHARED)]
    for name, schema in contract["properties"].items():
        if name not in ("fields", "transform", "examples"):
            parts += _part(name, schema, contract)
    parts += ["### examples", _options(contract["$defs"]["Example"], contract, every=True)]
    parts += [f"## What an app's types share: {APP_FILE}", SHARED_HEAD, _shared()]
    parts += ["## Fields", "Each field of an event may say:", _common(contract)]
    parts += union_told(EventField, "type", skip=_names_common(contract))
    parts += ["## Transforms", IN_ORDER]
    parts += union_told(Transform, "do", skip=set())
    parts += ["## Conditions", cleandoc(conditions.__doc__ or "")]
    return "\n\n".join(parts) + "\n"


def _part(name: str, schema: Schema, whole: Schema) -> Iterator[str]:
    """A mapping among the keys of the file, such as `kafka`."""
    inner = _resolved(schema, whole)
    if inner.get("type") == "object" and "properties" in inner:
        yield f"### {name}"
        if inner.get("description"):
            yield inner["description"]
        shared = inner["properties"] if name in SHARED else ()
        yield _options(inner, whole, every=True, shared=shared)


def _shared() -> str:
    """The keys of an app's file, and what may stand under each."""
    schema = app_defaults().model_json_schema(by_alias=True)
    rows = []
    for name in SHARED:
        told = _resolved(schema["properties"][name], schema)
        under = ", ".join(f"`{key}`" for key in told.get("properties", ()))
        rows.append((f"`{name}`", under or _kind(told, schema), _meaning(told, schema)))
    return grid(("key", "what may stand there", "meaning"), rows)


def union_told(union: Any, tag: str, skip: set[str]) -> Iterator[str]:
    """Each model of a union that is told apart by `tag`: what it is for, and its options."""
    members: tuple[type[BaseModel], ...] = get_args(get_args(union)[0])
    for member in members:
        schema = member.model_json_schema(by_alias=True)
        root = _resolved(schema, schema)
        yield f"### {root['properties'][tag]['const']}"
        yield root["description"]
        told = {n: s for n, s in root["properties"].items() if n != tag and n not in skip}
        if told:
            yield _options({**root, "properties": told}, schema)


def _names_common(contract: Schema) -> set[str]:
    shared = set.intersection(*(set(one["properties"]) for one in _field_schemas(contract)))
    return {*shared, "lenient"}


def _field_schemas(contract: Schema) -> list[Schema]:
    return [d for n, d in contract["$defs"].items() if n.endswith("Field") and "properties" in d]


def _common(contract: Schema) -> str:
    text = contract["$defs"][StringField.__name__]
    names = _names_common(contract) - {"type"}
    common = {name: told for name, told in text["properties"].items() if name in names}
    return _options({"properties": common, "required": ["about"]}, contract)


def _options(
    schema: Schema, whole: Schema, every: bool = False, shared: Collection[str] = ()
) -> str:
    """A table of keys. `every`: what is of no simple kind is a mapping; `shared`: those that an
    app's file may say instead."""
    required = schema.get("required", ())
    rows = [
        (
            f"`{name}`",
            _kind(told, whole) or ("a mapping" if every else ""),
            (ELSEWHERE if name in shared else "required") if name in required else _default(told),
            _meaning(told, whole),
        )
        for name, told in schema["properties"].items()
    ]
    return grid(("key", "value", "left out", "meaning"), rows)


def _meaning(told: Schema, whole: Schema) -> str:
    choices = told.get("anyOf", [])
    found = (one.get("description", "") for one in (told, _resolved(told, whole), *choices))
    return next(filter(None, found), "")


def _default(told: Schema) -> str:
    default = told.get("default")
    if default in (None, "", [], {}):
        return ""
    if isinstance(default, dict):
        return "its defaults"
    if isinstance(default, int) and abs(default) > 10**30:
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _kind(told: Schema, whole: Schema) -> str:
    """What kind of value it is, in a few words."""
    if "anyOf" in told or "oneOf" in told:
        kinds = [_kind(one, whole) for one in told.get("anyOf") or told["oneOf"]]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind not in ("", "null")))
    if "enum" in told or "const" in told:
        return ", ".join(f"`{one}`" for one in told.get("enum") or [told["const"]])
    if "$ref" in told:
        inner = _resolved(told, whole)
        return "" if "properties" in inner or "oneOf" in inner else _kind(inner, whole)
    kind: str = told.get("type", "")
    names = {"string": "text", "array": "list", "object": "a mapping", "boolean": "true or false"}
    if told.get("format") == "date":
        return "a date"
    return names.get(kind, kind)


def _resolved(told: Schema, whole: Schema) -> Schema:
    reference = told.get("$ref") or (told.get("allOf") or [{}])[0].get("$ref")
    if not reference:
        return told
    found: Schema = whole["$defs"][reference.rpartition("/")[2]]
    return found
