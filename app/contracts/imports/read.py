"""Read a JSON Schema, of draft-07 to 2020-12, and say what it allows as a `Shape`.

What a topic file can not say is left out, with a note, so that more is accepted than the schema
allows, and never less; where that can not be, the value is JSON kept whole.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for
from pydantic_core import from_json
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from app.contracts.fields import MAX_ITEMS
from app.contracts.imports.plain import MEANT, PLAIN, bounds, of_values
from app.contracts.imports.shapes import ANYTHING, NOTHING, NULL, Member, Shape, both, either, whole
from app.core.errors import Fatal

IGNORED = ("not", "if", "dependentRequired", "dependentSchemas", "dependencies", "propertyNames")
DEFINITIONS = frozenset({"$ref", "allOf", "anyOf", "oneOf"})


def read_schema(path: Path) -> Shape:
    """Read what the events may be that a schema describes.

    Raises:
        Fatal: the file is no JSON Schema, refers to what is not beside it, or describes no object.
    """
    contents = _contents(path)

    def beside(uri: str) -> Any:
        """A schema that is referred to: only what lies beside the file is looked at."""
        name = uri.rpartition("/")[2]
        return _resource(_contents(path.parent / name))

    registry: Any = Registry(retrieve=beside)  # type: ignore[call-arg]  # mypy misses its alias
    resolver = registry.resolver_with_root(_resource(contents))
    try:
        shape = _Reader().shape(contents, resolver)
    except Unresolvable as error:
        raise Fatal(
            f"{path}: nothing is at the $ref {error.ref}; it may lead to a place in the file, "
            "or to a file beside it"
        ) from error
    if shape.type != "object" or not shape.fields:
        raise Fatal(f"{path}: {_told(shape)}; an event is one JSON object with fields of its own")
    return shape


def _resource(contents: Any) -> Resource[Any]:
    return Resource.from_contents(contents, default_specification=DRAFT202012)


def _contents(path: Path) -> Any:
    try:
        contents = from_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Fatal(f"{path} can not be read as JSON: {error}") from error
    if not isinstance(contents, Mapping):
        raise Fatal(f"{path} holds no JSON Schema, which is a JSON object")
    named = validator_for(contents, default=Draft202012Validator)
    drafts = [named] if "$schema" in contents else [named, Draft7Validator]
    errors = [_error(draft, contents) for draft in drafts]
    if all(errors) and errors[0] is not None:
        raise Fatal(f"{path} is no JSON Schema: {errors[0].json_path}: {errors[0].message}")
    return contents


def _error(draft: Any, contents: Any) -> SchemaError | None:
    try:
        # Without formats: a pattern may be right, and none that Python knows.
        draft.check_schema(contents, format_checker=FormatChecker(()))
    except SchemaError as error:
        return error
    return None


def _told(shape: Shape) -> str:
    if shape.type in ("any", "object"):
        return "the schema names no fields"
    why = f" ({', '.join(shape.notes)})" if shape.notes else ""
    return f"the schema describes {shape.type}{why}"


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one schema after the other; `trail` are those around it, to find what is endless."""

    trail: frozenset[int] = field(default_factory=frozenset)

    def shape(self, schema: Any, resolver: Any) -> Shape:
        """What a schema allows."""
        if not isinstance(schema, Mapping):
            return NOTHING if schema is False else ANYTHING
        if id(schema) in self.trail:
            return whole("holds itself again")
        if self.trail and "$id" in schema:  # what it refers to is within itself
            resolver = resolver.in_subresource(_resource(schema))
        inner = _Reader(self.trail | {id(schema)})
        shape = inner._plain(schema, resolver)
        for other in inner._combined(schema, resolver):
            shape = both(shape, other)
        about = str(schema.get("description") or schema.get("title") or "")
        notes = [f"{word} of the schema is not looked at" for word in IGNORED if word in schema]
        if schema.get("deprecated") is True:
            notes.append("deprecated in the schema")
        return replace(shape, about=about or shape.about, notes=(*shape.notes, *notes))

    def _combined(self, schema: Mapping[str, Any], resolver: Any) -> Iterator[Shape]:
        if "$ref" in schema:
            found = resolver.lookup(schema["$ref"])
            yield self.shape(found.contents, found.resolver)
        for part in schema.get("allOf", ()):
            yield self.shape(part, resolver)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                yield either([self.shape(part, resolver) for part in schema[word]])

    def _plain(self, schema: Mapping[str, Any], resolver: Any) -> Shape:
        """What the schema says itself, without those that it refers to."""
        if "const" in schema or "enum" in schema:
            return of_values([schema["const"]] if "const" in schema else schema["enum"])
        types = schema.get("type") or _implied(schema)
        names = [types] if isinstance(types, str) else types
        shapes = [self._of_type(name, schema, resolver) for name in names]
        shape = either(shapes) if shapes else ANYTHING
        return replace(shape, nullable=shape.nullable or schema.get("nullable") is True)

    def _of_type(self, name: str, schema: Mapping[str, Any], resolver: Any) -> Shape:
        match name:
            case "object":
                return self._object(schema, resolver)
            case "array":
                return self._list(schema, resolver)
            case "null":
                return NULL
        return PLAIN[name](schema) if name in PLAIN else ANYTHING

    def _object(self, schema: Mapping[str, Any], resolver: Any) -> Shape:
        required = schema.get("required", ())
        fields: dict[str, Member] = {}
        for name, part in schema.get("properties", {}).items():
            shape = self.shape(part, resolver)
            if shape.type != "never":
                fields[name] = Member(_with_default(shape, part), name in required)
        for name in required:
            fields.setdefault(name, Member(ANYTHING, True))
        closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
        return Shape("object", fields=fields, closed=closed)

    def _list(self, schema: Mapping[str, Any], resolver: Any) -> Shape:
        items = schema.get("items", True)
        if isinstance(items, list) or "prefixItems" in schema:
            return whole("a list whose places differ")
        item = self.shape(items, resolver)
        if item.type in ("any", "null", "never") or item.nullable:
            return whole("a list of anything" if item.type == "any" else "a list with null in it")
        return Shape("list", items=item, options=bounds(schema, "Items", "items", MAX_ITEMS))


def _implied(schema: Mapping[str, Any]) -> list[str]:
    """The type that the other words of a schema speak of."""
    return [kind for kind, words in MEANT.items() if words & schema.keys()][:1]


def _with_default(shape: Shape, schema: Any) -> Shape:
    value = schema.get("default") if isinstance(schema, Mapping) else None
    if isinstance(value, str | int | float) and not shape.nullable and shape.type in PLAIN:
        return replace(shape, options={**shape.options, "default": value})
    return shape
