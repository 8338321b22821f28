"""The options of a step, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.core.transforms import Transform

WORDS = {
    "is": "is {}",
    "in": "is one of {}",
    "at_least": "is at least {}",
    "at_most": "is at most {}",
    "matches": "matches {}",
}


def told_options(step: Transform) -> str:
    """Write what a step says as a reader's list: field `order_id`, to `order`."""
    said = step.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"do", "about"})
    return ", ".join(
        f"if {told_condition(value)}" if key == "if" else f"{key} {_value(value)}"
        for key, value in said.items()
    )


def told_condition(said: Mapping[str, Any]) -> str:
    """Write a condition of a topic file: `country` is `DE` and not (`paid_at` is missing)."""
    match said:
        case {"all": parts}:
            return " and ".join(map(_bracketed, parts))
        case {"any": parts}:
            return " or ".join(map(_bracketed, parts))
        case {"not": part}:
            return f"not ({told_condition(part)})"
        case {"field": field, "missing": missing}:
            return f"`{field}` is {'missing' if missing else 'there'}"
    key = next(key for key in WORDS if key in said)
    return f"`{said['field']}` " + WORDS[key].format(_value(said[key]))


def _bracketed(said: Mapping[str, Any]) -> str:
    told = told_condition(said)
    return f"({told})" if {"all", "any"} & set(said) else told


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"`{key}`: {_value(one)}" for key, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_value, value))
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"`{value}`"
