"""Read an event: one pass of pydantic over its bytes, and a flat row."""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, SchemaValidator, core_schema

from app.contracts import validators
from app.contracts.exact import reading_exactly
from app.contracts.fields import Field, ListField, ObjectField, Unknown
from app.contracts.lift import lifter
from app.contracts.model import Contract
from app.contracts.paths import Fields, Tree, is_flat, is_list, tree_of
from app.contracts.rejections import Rejections, check_numbers
from app.contracts.types import member, object_of
from app.core.judge import Row

NUL = b"\\u0000"


def parser(contract: Contract) -> Callable[[bytes], Row]:
    """Compile what reads an event; it raises `RejectedError`."""
    fields, unknown = contract.fields, contract.unknown
    tree = tree_of(fields)
    validator = SchemaValidator(_container(tree, fields, unknown))
    validate = reading_exactly(validator.validate_json, fields)
    rejections = Rejections(tree, fields)
    as_sent = is_flat(tree) and unknown != "keep"
    lift = None if as_sent else lifter(tree, fields, keep=unknown == "keep")
    unseen = unknown == "drop" or any(map(_drops, fields.values()))

    def parse(raw: bytes) -> Row:
        try:
            event: Row = validate(raw)
        except ValidationError as error:
            raise rejections.first(error, raw) from None
        if unseen:
            check_numbers(raw)
        # A backslash before it would make it six harmless characters, hence the second look.
        if NUL in raw:
            rejections.find_nul(event)
        return event if lift is None else lift(event)

    return parse


def _drops(field: Field) -> bool:
    """Whether there may be something in the field that nobody looks at."""
    if isinstance(field, ListField):
        return _drops(field.items)
    if isinstance(field, ObjectField):
        return field.unknown == "drop" or any(map(_drops, field.fields.values()))
    return False


def _container(tree: Tree, fields: Fields, unknown: Unknown) -> CoreSchema:
    if is_list(tree):
        return _list(tree, fields, unknown)
    members = {str(step): _member(inner, fields, unknown) for step, inner in tree.items()}
    return object_of(members, unknown)


def _member(inner: Tree | str, fields: Fields, unknown: Unknown) -> core_schema.TypedDictField:
    if isinstance(inner, str):
        return member(fields[inner])
    # Absent as a whole is for the lift: it knows which value must be there.
    nullable = core_schema.nullable_schema(_container(inner, fields, unknown))
    return core_schema.typed_dict_field(
        core_schema.with_default_schema(nullable, default=None), required=False
    )


def _list(tree: Tree, fields: Fields, unknown: Unknown) -> CoreSchema:
    other = _other(unknown)
    places: list[CoreSchema] = []
    for index in range(max(int(step) for step in tree) + 1):
        inner = tree.get(index)
        places.append(other if inner is None else _member(inner, fields, unknown)["schema"])
    if unknown == "reject":
        return core_schema.tuple_schema(places, strict=True)
    return core_schema.tuple_schema([*places, other], variadic_item_index=len(places), strict=True)


def _other(unknown: Unknown) -> CoreSchema:
    """Validate a place of a list that no field takes, which may be absent."""
    match unknown:
        case "reject":
            schema: CoreSchema = core_schema.no_info_plain_validator_function(_refuse)
        case "drop":
            schema = core_schema.any_schema()
        case "keep":
            schema = core_schema.nullable_schema(validators.json())
    return core_schema.with_default_schema(schema, default=None)


def _refuse(value: Any) -> Any:
    if value is not None:
        raise PydanticCustomError("extra_forbidden", "not in the contract")
    return value
