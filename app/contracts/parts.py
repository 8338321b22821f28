"""What is right of a file that is not: so that all its mistakes are found in one go."""

import json
from collections.abc import Mapping
from copy import copy
from functools import cache
from typing import Any

from pydantic import ValidationError, create_model

from app.contracts.fields import Strict
from app.contracts.model import Contract


def right_parts(content: Any, error: ValidationError) -> tuple[Contract, frozenset[str]]:
    """A contract of what is right, and its keys of which that is all.

    A key with anything wrong in it is left out; of `fields`, only the fields that are wrong are.
    """
    if not isinstance(content, Mapping):
        return Contract.model_construct(**dict[str, Any]()), frozenset()
    places = [detail["loc"] for detail in error.errors(include_url=False, include_input=False)]
    wrong = {place[0] for place in places if place}
    rest = {key: value for key, value in content.items() if key not in wrong}
    if ("fields",) not in places and isinstance(content.get("fields"), Mapping):
        bad = {place[1] for place in places if place[0] == "fields"}
        rest["fields"] = {name: one for name, one in content["fields"].items() if name not in bad}
    parts = _parts().model_validate_json(json.dumps({key: rest[key] for key in rest if rest[key]}))
    known = frozenset(Contract.model_fields) - {str(key) for key in wrong}
    given = {name: getattr(parts, name) for name in parts.model_fields_set}
    return Contract.model_construct(**given), known


@cache
def _parts() -> type[Strict]:
    """A contract each of whose keys may be absent."""
    keys: dict[str, Any] = {}
    for name, info in Contract.model_fields.items():
        absent = copy(info)
        if absent.is_required():
            absent.default = None
        keys[name] = (info.annotation, absent)
    return create_model("Parts", __base__=Strict, **keys)
