"""An event as it is sent, in JSON Schema (2020-12): nested, each field where it is lifted from."""

from app.contracts import json_schemas
from app.contracts.fields import Unknown
from app.contracts.json_schemas import Json
from app.contracts.model import Contract
from app.contracts.paths import Fields, Tree, first_required, is_list, tree_of
from app.contracts.types import field_schema


def sent_schema(contract: Contract) -> Json:
    """Describe an event of the contract, without its summary and examples."""
    return _container(tree_of(contract.fields), contract.fields, contract.unknown)


def _container(tree: Tree, fields: Fields, unknown: Unknown) -> Json:
    if is_list(tree):
        return _list(tree, fields, unknown)
    return json_schemas.object_of(
        {str(step): _member(inner, fields, unknown) for step, inner in tree.items()},
        [str(step) for step, inner in tree.items() if _needed(inner, fields)],
        closed=unknown == "reject",
    )


def _member(inner: Tree | str, fields: Fields, unknown: Unknown) -> Json:
    if isinstance(inner, str):
        return field_schema(fields[inner])
    schema = _container(inner, fields, unknown)
    return schema if _needed(inner, fields) else {"anyOf": [schema, {"type": "null"}]}


def _list(tree: Tree, fields: Fields, unknown: Unknown) -> Json:
    other: Json = {"type": "null"} if unknown == "reject" else {}
    indexes = sorted(int(step) for step in tree)
    places = [
        _member(tree[index], fields, unknown) if index in tree else other
        for index in range(indexes[-1] + 1)
    ]
    needed = [index + 1 for index in indexes if _needed(tree[index], fields)]
    schema: Json = {"type": "array", "prefixItems": places, "minItems": max(needed, default=0)}
    return schema | {"items": False} if unknown == "reject" else schema


def _needed(inner: Tree | str, fields: Fields) -> bool:
    if isinstance(inner, str):
        return fields[inner].required
    return first_required(inner, fields) is not None
